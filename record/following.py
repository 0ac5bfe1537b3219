"""Following a change of the record: what each follower works with, and how they take turns."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog

from db.unit_of_work import UnitOfWork, UnitsOfWork
from runtime.content.library import Content

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordParts:
    """What followers work with."""

    units_of_work: UnitsOfWork
    content: Content
    zone: ZoneInfo  # the hospital's: a day of age is a day here
    calendar_region: str = "CN"  # whose working days count


@dataclass(frozen=True, slots=True)
class Follower:
    """One thing that is reckoned from a patient's record.

    It reads what holds now and writes only what differs, so that it may run at any time and twice; it never emits
    RECORD_CHANGED, or it would follow itself for ever.
    """

    name: str
    follow: Callable[[UnitOfWork, RecordParts, str], None]  # the patient's id


class FollowersFailedError(Exception):
    """Some followers failed: the task is tried again, which harms none that went well."""


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
