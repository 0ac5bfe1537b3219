"""The scheduler's Celery task: the shell around `scheduler.outcomes`."""

from dataclasses import dataclass

from celery import Celery

from db.calendar import HospitalTime
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from runtime.content.library import Content
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided
from scheduler.alert_clock import AlertDesk, begin_alert
from scheduler.feed_consequences import follow_feeds
from scheduler.listed_plans import PlanSurroundings, start_listed_plans, stop_listed_plans
from scheduler.observed_results import class_readings
from scheduler.outcomes import AttemptPolicies, decide_next_for

DECIDE_NEXT = "scheduler.decide_next"
BEGIN_ALERT = "scheduler.begin_alert"
START_LISTED_PLANS = "scheduler.start_listed_plans"
STOP_LISTED_PLANS = "scheduler.stop_listed_plans"
CLASS_READINGS = "scheduler.class_readings"
FOLLOW_FEEDS = "scheduler.follow_feeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerParts:
    """What this task works with."""

    units_of_work: UnitsOfWork
    gate: Gate
    policies: AttemptPolicies


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertParts:
    """What an alert's first step is taken with."""

    units_of_work: UnitsOfWork
    desk: AlertDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPlanParts:
    """What the plans of a list are started with."""

    units_of_work: UnitsOfWork
    surroundings: PlanSurroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingParts:
    """What readings are classed with."""

    units_of_work: UnitsOfWork
    content: Content
    time: HospitalTime


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    app.task(decide_next, name=DECIDE_NEXT, lazy=False, **TRIED_AGAIN)
    app.task(begin_alert_now, name=BEGIN_ALERT, lazy=False, **TRIED_AGAIN)
    app.task(start_plans_of_list, name=START_LISTED_PLANS, lazy=False, **TRIED_AGAIN)
    app.task(stop_plans_of_list, name=STOP_LISTED_PLANS, lazy=False, **TRIED_AGAIN)
    app.task(class_readings_of, name=CLASS_READINGS, lazy=False, **TRIED_AGAIN)
    app.task(follow_feeds_of_patient, name=FOLLOW_FEEDS, lazy=False, **TRIED_AGAIN)


def decide_next(attempt_id: str) -> None:
    """Decide what follows a closed attempt; what fails for good is found and sent again by `scheduler.reconcile`."""
    parts = provided(SchedulerParts)
    with parts.units_of_work() as uow:
        decide_next_for(uow, attempt_id, gate=parts.gate, policies=parts.policies)
        uow.commit()


def begin_alert_now(alert_id: str) -> None:
    """Tell whoever is on duty of an alert just raised; what fails is done by the alerts' clock a moment later."""
    parts = provided(AlertParts)
    with parts.units_of_work() as uow:
        begin_alert(uow, parts.desk, alert_id, now=uow.now)
        uow.commit()


def start_plans_of_list(import_id: str) -> None:
    """Start the plans that the written rows of a list ask for; rows not reached are found by the next such event."""
    parts = provided(ListedPlanParts)
    start_listed_plans(parts.units_of_work, import_id, parts.surroundings)


def class_readings_of(patient_id: str) -> None:
    """Class what was measured of a patient by the rules of his plans."""
    parts = provided(ReadingParts)
    with parts.units_of_work() as uow:
        class_readings(uow, patient_id, content=parts.content, time=parts.time, now=uow.now)
        uow.commit()


def stop_plans_of_list(import_id: str) -> None:
    """Cancel the plans of a list that is taken back, but for those under way."""
    stop_listed_plans(provided(ListedPlanParts).units_of_work, import_id)


def follow_feeds_of_patient(patient_id: str) -> None:
    """Do with a patient's plans what the hospital's messages ask; what fails is found by the timetable."""
    parts = provided(ListedPlanParts)
    follow_feeds(parts.units_of_work, patient_id, parts.surroundings)
