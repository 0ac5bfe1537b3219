"""The audit log's new rows are sealed into its chain by the leader, so that nobody who writes waits for another."""

from scheduler.reconcile import Repairs

_AT_ONCE = 1000


def seal_audit_log(repairs: Repairs) -> int:
    """Seal what was written; it mends nothing, so it counts nothing."""
    while True:
        with repairs.units_of_work() as uow:
            sealed = uow.audit_chain.seal(limit=_AT_ONCE)
            uow.commit()
        if sealed < _AT_ONCE:
            return 0
