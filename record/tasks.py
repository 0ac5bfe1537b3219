"""The record's Celery task: after a change in a patient's record, everything that is reckoned from it is so again."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from celery import Celery

from db.unit_of_work import UnitOfWork, UnitsOfWork
from runtime.content.library import Content
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

log = structlog.get_logger(__name__)

FOLLOW_CHANGE = "record.follow_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordParts:
    """What followers work with."""

    units_of_work: UnitsOfWork
    content: Content
    zone: ZoneInfo  # the hospital's: a day of age is a day here


@dataclass(frozen=True, slots=True)
class Follower:
    """One thing that is reckoned from a patient's record.

    It reads what holds now and writes only what differs, so that it may run at any time and twice; it never emits
    RECORD_CHANGED, or it would follow itself for ever.
    """

    name: str
    follow: Callable[[UnitOfWork, RecordParts, str], None]  # the patient's id


FOLLOWERS: tuple[Follower, ...] = ()
"""In this order, each in a unit of work of its own: a later one may read what an earlier one has written."""


class FollowersFailedError(Exception):
    """Some followers failed: the task is tried again, which harms none that went well."""


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    app.task(follow_change, name=FOLLOW_CHANGE, lazy=False, **TRIED_AGAIN)


def follow_change(patient_id: str) -> None:
    """Let every follower look at the patient; one that fails keeps none of the others from it."""
    run_followers(FOLLOWERS, provided(RecordParts), patient_id)


def run_followers(followers: tuple[Follower, ...], parts: RecordParts, patient_id: str) -> None:
    """Each follower in its own unit of work; FollowersFailedError at the end names those that failed."""
    failed: dict[str, Exception] = {}
    for follower in followers:
        try:
            with parts.units_of_work() as uow:
                follower.follow(uow, parts, patient_id)
                uow.commit()
        except Exception as error:
            log.exception("follower_failed", follower=follower.name, patient=patient_id)
            failed[follower.name] = error
    if failed:
        raise FollowersFailedError(
            ", ".join(f"{name} ({type(error).__name__})" for name, error in failed.items())
        ) from next(iter(failed.values()))
