"""What recordings need by the clock: a time of keeping, their end, another try, a copy for listening."""

from datetime import timedelta

import structlog

from db import holding
from followup.events import DomainEvent, EventKind
from followup.retention import keeping_of, settle
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

_AT_ONCE = 500
_PAGES = 20
"""So many pages are settled in one go: new rules over a million take hours, in which nothing is destroyed early."""

_COPIES_AT_ONCE = 20

_WAITING_AT_ONCE = 200
_PROBES = 2
_TAKES_WITHIN = timedelta(minutes=10)
"""A store that took something so lately takes what waits. One that did not is tried by a few only: each of them holds
its worker until the store's time is over, and whatever decides calls waits behind it."""


def settle_keepings(repairs: Repairs) -> int:
    """Recordings whose time of keeping nobody has said yet, or that the rules of today were not asked about."""
    policy = repairs.keeping
    if policy is None:
        return 0
    edition = policy.rules.edition
    for _ in range(_PAGES):
        with repairs.units_of_work() as uow:
            waiting = uow.retention.unsettled(edition, now=uow.now, limit=_AT_ONCE)
            facts, before = uow.retention.facts(waiting), uow.retention.keepings(waiting)
            for recording_id, known in facts.items():
                settled = settle(before.get(recording_id), keeping_of(policy.rules, known, policy.zone))
                uow.retention.save(recording_id, settled, edition=edition, now=uow.now)
            uow.commit()
        if len(waiting) < _AT_ONCE:
            break
    return 0


def mind_legal_holds(repairs: Repairs) -> int:
    """Holds whose last day is over end; recordings that came under a hold or a dispute since are marked."""
    with repairs.units_of_work() as uow:
        holding.lapse(uow)
        holding.mark(uow)
        uow.commit()
    return 0


def purge_recordings(repairs: Repairs) -> int:
    """Recordings whose time is over are sent to their end, where this installation wants that; so are half ones."""
    with repairs.units_of_work() as uow:
        over = uow.retention.due(uow.now, limit=_AT_ONCE) if repairs.keeping and repairs.keeping.purges else []
        for recording_id in (*over, *uow.purges.begun(limit=_AT_ONCE)):
            uow.emit(DomainEvent(kind=EventKind.RECORDING_TIME_OVER, subject=recording_id))
        uow.commit()
    return 0


def store_waiting_recordings(repairs: Repairs) -> int:
    """Recordings that the store or a disk did not take: asked for again, a few of them until the store takes any."""
    with repairs.units_of_work() as uow:
        if uow.recordings.stored_since(uow.now - _TAKES_WITHIN):
            waiting = uow.recordings.waiting_for_store(limit=_WAITING_AT_ONCE)
        else:
            waiting = uow.recordings.waiting_for_store(limit=_PROBES, any_of_them=True)
        for recording in waiting:
            uow.emit(recording.event(EventKind.RECORDING_CAPTURED))
        uow.commit()
    return len(waiting)


def copy_recordings(repairs: Repairs) -> int:
    """In the hours set aside for it: copies for listening, a few at a time, the newest recordings first."""
    policy = repairs.keeping
    if policy is None or policy.copy_hours is None:
        return 0
    with repairs.units_of_work() as uow:
        local = uow.now.astimezone(policy.zone)
        first, last = policy.copy_hours
        if not first <= local.time() < last:
            return 0
        for recording_id in uow.recording_copies.missing(limit=_COPIES_AT_ONCE):
            uow.emit(DomainEvent(kind=EventKind.RECORDING_COPY_WANTED, subject=recording_id))
        uow.commit()
    return 0
