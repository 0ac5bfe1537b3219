"""The record's Celery task: after a change in a patient's record, everything that is reckoned from it is so again."""

from celery import Celery

from record import risk
from record.following import Follower, RecordParts, run_followers
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

FOLLOW_CHANGE = "record.follow_change"

FOLLOWERS: tuple[Follower, ...] = (Follower("risk", risk.follow),)
"""In this order, each in a unit of work of its own: a later one may read what an earlier one has written."""


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    app.task(follow_change, name=FOLLOW_CHANGE, lazy=False, **TRIED_AGAIN)


def follow_change(patient_id: str) -> None:
    """Let every follower look at the patient; one that fails keeps none of the others from it."""
    run_followers(FOLLOWERS, provided(RecordParts), patient_id)
