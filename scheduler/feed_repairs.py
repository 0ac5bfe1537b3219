"""What the hospital's messages ask and nobody has done is asked for again; old messages are emptied."""

from datetime import timedelta

import structlog

from followup.events import DomainEvent, EventKind
from scheduler.reconcile import Repairs

log = structlog.get_logger(__name__)

OVERDUE = timedelta(seconds=30)

ASKED_AGAIN_AFTER = timedelta(minutes=30)
ASKED_AGAIN_FOR = timedelta(days=7)
"""Whoever looks at refused plans has done so by then; the first calls of every template are over."""

_JUST_NOW = timedelta(hours=1)
"""Longer than any message is being taken in; what still waits then waits for something else, such as a unit."""


def follow_forgotten_feeds(repairs: Repairs) -> int:
    """What is owed for longer than a worker needs is asked for again; every step looks whether it is done."""
    with repairs.units_of_work() as uow:
        owing = uow.feeds.owing_patients(uow.now - OVERDUE)
        for patient_id in owing:
            uow.emit(DomainEvent(kind=EventKind.FEED_CONSEQUENCE_OWED, subject=patient_id))
        uow.commit()
    return len(owing)


def ask_again_for_refused_plans(repairs: Repairs) -> int:
    """A discharge had no plan because something was missing, such as a roster: it may be there now."""
    with repairs.units_of_work() as uow:
        again = uow.feeds.owe_again(since=uow.now - ASKED_AGAIN_FOR, before=uow.now - ASKED_AGAIN_AFTER)
        for patient_id in dict.fromkeys(each.patient_id for each in again):
            uow.emit(DomainEvent(kind=EventKind.FEED_CONSEQUENCE_OWED, subject=patient_id))
        uow.commit()
    return len(again)


def try_messages_of_known_patients(repairs: Repairs) -> int:
    """Results came before their patient, and a list or a person brought him in since."""
    with repairs.units_of_work() as uow:
        found = uow.feeds.wait_again_for_known()
        uow.commit()
    if found:
        log.info("feed_messages_found_their_patients", count=found)
    return 0


def settle_overlooked_results(repairs: Repairs) -> int:
    """Somebody said what a code means while messages with it were being taken in: those are settled now."""
    with repairs.units_of_work() as uow:
        overlooked = uow.unmapped_results.overlooked(uow.now - _JUST_NOW)
        for position in overlooked:
            uow.emit(DomainEvent(kind=EventKind.CODE_MAPPED, subject=str(position)))
        uow.commit()
    return len(overlooked)


def forget_feed_messages(repairs: Repairs) -> int:
    """Messages hold health data: their content is emptied when its time is over, what became of them stays."""
    with repairs.units_of_work() as uow:
        forgotten = uow.feeds.forget_raw(uow.now)
        uow.commit()
    if forgotten:
        log.info("feed_messages_forgotten", count=forgotten)
    return 0
