"""The record's Celery tasks: after a change in a record, everything that is reckoned from it is so again."""

from celery import Celery

from record import risk
from record.advice import ADVICE
from record.answers import ANSWERS, follow_response
from record.following import Follower, RecordParts, run_followers
from record.goals import GOALS
from record.tags import TAGS
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

FOLLOW_CHANGE = "record.follow_change"
FOLLOW_ANSWERS = "record.follow_answers"
FOLLOW_ATTEMPT = "record.follow_attempt"

FOLLOWERS: tuple[Follower, ...] = (Follower("risk", risk.follow), TAGS, GOALS, ADVICE, ANSWERS)
"""In this order, each in a unit of work of its own: a later one may read what an earlier one has written."""


def register(app: Celery) -> None:
    """Make the tasks known to a worker's application."""
    app.task(follow_change, name=FOLLOW_CHANGE, lazy=False, **TRIED_AGAIN)
    app.task(follow_answers, name=FOLLOW_ANSWERS, lazy=False, **TRIED_AGAIN)
    app.task(follow_attempt, name=FOLLOW_ATTEMPT, lazy=False, **TRIED_AGAIN)


def follow_change(patient_id: str) -> None:
    """Let every follower look at the patient; one that fails keeps none of the others from it."""
    run_followers(FOLLOWERS, provided(RecordParts), patient_id)


def follow_answers(response_id: str) -> None:
    """Look at complete answers: reasons for not taking medicine, lessons to be told again, tags."""
    parts = provided(RecordParts)
    with parts.units_of_work() as uow:
        follow_response(uow, parts, response_id)
        uow.commit()
    with parts.units_of_work() as uow:
        response = uow.responses.get(response_id)
    if response is not None:
        run_followers((TAGS,), parts, response.patient_id)


def follow_attempt(attempt_id: str) -> None:
    """Look at a patient's tags after a try to reach him: some say how he answers."""
    parts = provided(RecordParts)
    with parts.units_of_work() as uow:
        attempt = uow.attempts.get(attempt_id)
    if attempt is not None:
        run_followers((TAGS,), parts, attempt.patient_id)
