"""Captions whose transcript never came are taken away when their time is over: they are drafts of what was said."""

import structlog

from followup.captions import KEPT_FOR
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

_AT_ONCE = 500


def forget_old_captions(repairs: Repairs) -> int:
    """Take away what nobody has written to for a day."""
    with repairs.units_of_work() as uow:
        forgotten = uow.captions.forget_old(uow.now - KEPT_FOR, limit=_AT_ONCE)
        uow.commit()
    if forgotten:
        log.info("captions_forgotten", recordings=forgotten)
    return 0
