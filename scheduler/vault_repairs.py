"""What the vault needs now and then is asked for by the clock; a worker does it."""

from datetime import timedelta

from followup.events import DomainEvent, EventKind
from scheduler.reconcile import Repairs

REMAINS_REST = timedelta(minutes=10)
SIGNED_EVERY = timedelta(days=1)
AUDIT_SIGNED_EVERY = timedelta(hours=1)


def ask_to_tend_the_vault(repairs: Repairs) -> int:
    """1 if recordings lie in clear, files are to be taken away, or the ledger's or audit log's head signed."""
    with repairs.units_of_work() as uow:
        needed = uow.vault.needs_tending(
            remains_before=uow.now - REMAINS_REST, anchored_before=uow.now - SIGNED_EVERY
        ) or uow.audit_chain.wants_signing(before=uow.now - AUDIT_SIGNED_EVERY)
        if not needed:
            return 0
        uow.emit(DomainEvent(kind=EventKind.VAULT_TO_TEND, subject="vault"))
        uow.commit()
    return 1
