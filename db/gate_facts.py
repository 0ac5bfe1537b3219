"""What the gate has to know of a patient beyond his own row, asked of the database in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, and_, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session

from care.consent import ConsentScope, Purpose, Said
from db.attempts import attempt_tasks, attempts
from db.calendar import CalendarRepository
from db.calls import calls
from db.campaigns import campaigns, read_spans
from db.inbound_calls import inbound_calls
from db.objections import do_not_call, doctors_exceptions, own_hours, read_own_hours
from db.patients import consents, contact_points
from db.plans import plans, tasks
from db.queues import queues
from followup.attempts import AttemptState
from followup.calendars import DayKind
from followup.calling_hours import CallingHours, OwnHours
from followup.calls import CallState
from followup.campaigns import CampaignState
from followup.dialing_rules import HORIZON_DAYS, PastContact
from followup.inbound import InboundState
from followup.outcomes import NOT_COUNTED, NUMBER_IS_NO_USE, REACHED_A_PERSON, AttemptOutcome
from followup.plans import PlanState, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the database says of a patient to whom a call for one purpose is asked about."""

    words: tuple[Said, ...]
    past: tuple[PastContact, ...]
    closed_by: tuple[str, ...]
    person_closed: bool
    own_hours: OwnHours | None
    doctors_exception: str | None
    busy: bool  # another attempt lives, or he is on a line of ours
    queue_paused: bool | None  # None: there is no such queue
    plan_stopped: bool
    campaign_stopped: bool
    campaign_full: bool
    campaign_hours: tuple[CallingHours, ...]


class GateFactsRepository:
    """Reads for the gate; in one unit of work a calendar is read once."""

    def __init__(self, session: Session, calendar: CalendarRepository) -> None:
        self._session = session
        self._calendar = calendar
        self._days: dict[tuple[str, date], Mapping[date, DayKind]] = {}

    def of(
        self,
        task: Task,
        number: str | None,
        *,
        midnight: datetime,
        since: datetime,
        besides: str | None,
        now: datetime,
    ) -> Known:
        """Everything that a call for this task on this number has to be held against, contacts since an instant."""
        row = self._session.execute(
            _statement(),
            {
                "patient": task.patient_id,
                "task": task.id,
                "queue": task.queue_id,
                "plan": task.plan_id,
                "purpose": task.purpose,
                "number": number,
                "campaign": task.campaign_id,
                "campaign_row": task.campaign_id,
                "midnight": midnight,
                "besides": besides,
                "since": since,
                "now": now,
            },
        ).one()
        return Known(
            words=tuple(_said(task.purpose, *each) for each in row.words),
            past=tuple(_contact(task.id, *each) for each in row.past),
            closed_by=tuple(entry for entry, _ in row.closed_by),
            person_closed=any(of_person for _, of_person in row.closed_by),
            own_hours=read_own_hours(row.own_hours[0], wish=row.own_hours[1]) if row.own_hours else None,
            doctors_exception=row.exception,
            busy=row.busy,
            queue_paused=row.queue_paused,
            plan_stopped=row.plan_stopped,
            campaign_stopped=row.campaign is not None and row.campaign[0] != CampaignState.RUNNING,
            campaign_full=row.campaign is not None
            and row.campaign[2] is not None
            and row.campaign[3] >= row.campaign[2],
            campaign_hours=read_spans(row.campaign[1]) if row.campaign is not None else (),
        )

    def days(self, region: str | None, first: date) -> Mapping[date, DayKind]:
        """The days from `first` on, as far as the gate looks ahead, that are not as their weekday says."""
        if region is None:
            return {}
        if (region, first) not in self._days:
            known = self._calendar.of(region).days
            ahead = (first + timedelta(days=n) for n in range(HORIZON_DAYS + 2))
            self._days[region, first] = {day: known[day].kind for day in ahead if day in known}
        return self._days[region, first]


def _said(purpose: Purpose, scope: str, granted: bool, at: str) -> Said:
    return Said(purpose=purpose, scope=ConsentScope(scope), granted=granted, recorded_at=datetime.fromisoformat(at))


def _contact(this_task: str, at: str, reached: bool, automated: bool, matters: list[tuple[str, str]]) -> PastContact:
    return PastContact(
        at=datetime.fromisoformat(at),
        purposes=frozenset(Purpose(purpose) for _, purpose in matters),
        automated=automated,
        reached=reached,
        of_this_task=any(task_id == this_task for task_id, _ in matters),
    )


@cache
def _statement() -> Select[Any]:
    """Made once: what is compiled of it is found again by every ask."""
    patient = bindparam("patient", type_=attempts.c.patient_id.type)
    besides = bindparam("besides", type_=attempts.c.id.type)
    number = bindparam("number", type_=do_not_call.c.number.type)
    return select(
        _all(
            func.jsonb_build_array(consents.c.scope, consents.c.granted, consents.c.recorded_at),
            consents.c.patient_id == patient,
            consents.c.purpose == bindparam("purpose", type_=consents.c.purpose.type),
        ).label("words"),
        _past(patient, besides).label("past"),
        _all(
            func.jsonb_build_array(
                do_not_call.c.id, and_(do_not_call.c.number.is_(None), do_not_call.c.campaign_id.is_(None))
            ),
            do_not_call.c.lifted_at.is_(None),
            or_(
                and_(
                    do_not_call.c.patient_id == patient,
                    or_(do_not_call.c.number.is_(None), do_not_call.c.number == number),
                ),
                and_(do_not_call.c.patient_id.is_(None), do_not_call.c.number == number),
            ),
            or_(
                do_not_call.c.purpose.is_(None),
                do_not_call.c.purpose == bindparam("purpose", type_=do_not_call.c.purpose.type),
            ),
            or_(
                do_not_call.c.campaign_id.is_(None),
                do_not_call.c.campaign_id == bindparam("campaign", type_=do_not_call.c.campaign_id.type),
            ),
        ).label("closed_by"),
        select(func.jsonb_build_array(own_hours.c.spans, own_hours.c.wish))
        .where(own_hours.c.patient_id == patient)
        .scalar_subquery()
        .label("own_hours"),
        select(doctors_exceptions.c.id)
        .where(
            doctors_exceptions.c.patient_id == patient,
            doctors_exceptions.c.ended_at.is_(None),
            doctors_exceptions.c.expires_at > bindparam("now", type_=doctors_exceptions.c.expires_at.type),
            or_(
                doctors_exceptions.c.task_id.is_(None),
                doctors_exceptions.c.task_id == bindparam("task", type_=doctors_exceptions.c.task_id.type),
            ),
        )
        .order_by(doctors_exceptions.c.recorded_at)
        .limit(1)
        .scalar_subquery()
        .label("exception"),
        or_(
            exists().where(
                attempts.c.patient_id == patient,
                attempts.c.state != AttemptState.CLOSED,
                attempts.c.id.is_distinct_from(besides),
            ),
            # Whoever is on our line just now is not rung beside it: he is passed over for a moment.
            exists().where(
                inbound_calls.c.caller.in_(
                    select(contact_points.c.number).where(contact_points.c.patient_id == patient)
                ),
                inbound_calls.c.state != InboundState.ENDED,
                inbound_calls.c.call_id.is_(None),
            ),
            # Nor is one who was handed over and talks on, though his attempt is closed.
            exists().where(
                calls.c.patient_id == patient,
                calls.c.state != CallState.ENDED,
                calls.c.attempt_id.is_distinct_from(besides),
            ),
        ).label("busy"),
        select(queues.c.paused)
        .where(queues.c.id == bindparam("queue", type_=queues.c.id.type))
        .scalar_subquery()
        .label("queue_paused"),
        exists()
        .where(
            plans.c.id == bindparam("plan", type_=plans.c.id.type),
            plans.c.state.in_([PlanState.PAUSED, PlanState.CANCELLED]),
        )
        .label("plan_stopped"),
        _campaign(besides).label("campaign"),
    )


def _campaign(besides: Any) -> Any:
    """State, hours, calls a day and calls of today; the last are counted only where there is a limit."""
    of_campaign = select(tasks.c.id).where(tasks.c.campaign_id == campaigns.c.id).correlate(campaigns)
    today = (
        select(func.count())
        .select_from(attempts)
        .where(
            attempts.c.task_id.in_(of_campaign),
            attempts.c.reserved_at >= bindparam("midnight", type_=attempts.c.reserved_at.type),
            attempts.c.outcome.is_distinct_from(AttemptOutcome.BLOCKED_BY_POLICY),
            attempts.c.id.is_distinct_from(besides),
        )
        .correlate(campaigns)
        .scalar_subquery()
    )
    return (
        select(
            func.jsonb_build_array(
                campaigns.c.state,
                campaigns.c.hours,
                campaigns.c.calls_per_day,
                case((campaigns.c.calls_per_day.is_not(None), today), else_=0),
            )
        )
        .where(campaigns.c.id == bindparam("campaign_row", type_=campaigns.c.id.type))
        .scalar_subquery()
    )


def _all(value: Any, *conditions: Any, of: Table | None = None) -> Any:
    """Every value as one array; `of` names the table outside that the conditions speak of."""
    found = select(func.coalesce(func.jsonb_agg(value), func.jsonb_build_array())).where(*conditions)
    return (found.correlate(of) if of is not None else found).scalar_subquery()


def _past(patient: Any, besides: Any) -> Any:
    """A fault of ours (no node, no trunk, refused by the gate) does not use up what a patient may be asked to bear."""
    rang = exists().where(
        calls.c.attempt_id == attempts.c.id,
        or_(
            calls.c.ringing_at.is_not(None),
            calls.c.answered_at.is_not(None),
            # Given up by us without a word from the carrier: it may have rung all the same.
            and_(calls.c.invite_at.is_not(None), attempts.c.outcome == AttemptOutcome.CALLER_ABANDONED),
        ),
    )
    along = select(attempt_tasks.c.task_id).where(attempt_tasks.c.attempt_id == attempts.c.id)
    matters = _all(
        func.jsonb_build_array(tasks.c.id, tasks.c.purpose),
        or_(tasks.c.id == attempts.c.task_id, tasks.c.id.in_(along.correlate(attempts))),
        of=attempts,
    )
    this_task = bindparam("task", type_=attempts.c.task_id.type)
    return _all(
        func.jsonb_build_array(
            attempts.c.reserved_at,
            func.coalesce(attempts.c.outcome.in_([*(REACHED_A_PERSON - NUMBER_IS_NO_USE)]), False),
            attempts.c.agent_id.is_(None),
            matters,
        ),
        attempts.c.patient_id == patient,
        attempts.c.id.is_distinct_from(besides),
        or_(
            attempts.c.reserved_at >= bindparam("since", type_=attempts.c.reserved_at.type),
            attempts.c.task_id == this_task,
        ),
        or_(attempts.c.outcome.is_(None), attempts.c.outcome.not_in([*NOT_COUNTED]), rang),
    )
