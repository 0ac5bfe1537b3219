"""Campaigns at work: whom the gate lets through, how long it will take, starting, pausing, stopping, ending."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from care.patients import Patient
from db.campaigns import PersonRow
from db.gate import Gate, GateAnswer
from db.unit_of_work import UnitOfWork
from followup.appointments import APPOINTMENT, ENCOUNTER
from followup.best_hour import ANSWERED, MISSED
from followup.calling_hours import Callee
from followup.campaign_estimate import HOUR, CallPlan, Load, Waiting, flow_seconds, minutes_on_the_line, plan_calls
from followup.campaigns import (
    Campaign,
    CampaignTrigger,
    Candidate,
    LeftOut,
    Person,
    lasting,
    next_campaign_state,
    tally_reasons,
    within_quotas,
)
from followup.dialing_rules import next_opening, open_spans
from followup.events import DomainEvent, EventKind
from followup.outcomes import TaskOutcome
from followup.plans import Task, TaskId, TaskMode, TaskState, TaskTrigger
from followup.queues import Queue
from followup.switches import SwitchOf
from followup.what_next import NextAction
from runtime.content.library import Content
from runtime.identifiers import new_id
from scheduler.reconcile import Repairs
from scheduler.task_steps import close_task
from scheduler.withdrawals import press_switch

log = structlog.get_logger(__name__)

MOST_PEOPLE = 5000
FOLLOW_UP_OF = "campaign"
"""The variable of an agent's task that was made from a campaign's list, with the campaign's id."""

_SPOKEN = frozenset({"zh", "en"})
_UNKNOWN_ANSWER_RATE = 0.5
_ENOUGH_CALLS = 20
_USUAL_CONVERSATION_SECONDS = 240.0
_SET_UP_SECONDS = 5.0
_FOLLOW_UP_PRIORITY = 40
_FOLLOW_UP_WINDOW = timedelta(days=2)


class CampaignRefusedError(Exception):
    """The campaign cannot do that; the field and the sentence say what to mend."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDesk:
    """What campaigns are judged and reckoned with."""

    gate: Gate
    content: Content
    zone: str  # the hospital's
    cost_per_minute: float | None = None  # of the cheapest trunk that declares one


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a campaign will come to, as far as can be reckoned before it starts."""

    people: int
    callable: int
    left_out: dict[str, int]
    load: Load
    plan: CallPlan
    cost: float | None


def candidates_of(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk) -> list[Candidate]:
    """Everybody the campaign is for, judged by the gate as of its first hour; nothing is written."""
    queue = _queue(uow, campaign)
    people = uow.campaigns.people_for(campaign.audience, limit=MOST_PEOPLE + 1)
    if not people:
        raise CampaignRefusedError("audience", "nobody fits; look at the list, the departments and the days")
    if len(people) > MOST_PEOPLE:
        raise CampaignRefusedError(
            "audience", f"more than {MOST_PEOPLE} people fit: make several campaigns, by department or by day"
        )
    served = _languages(uow, queue)
    judged = [_judge(uow, campaign, queue, person, desk, served) for person in people]
    return within_quotas(judged, campaign.quotas, campaign.id)


def estimate(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk) -> Estimate:
    """How many people, how many of them can be called, when the last of them has been called, and what it costs."""
    return reckon(uow, campaign, candidates_of(uow, campaign, desk), desk)


def reckon(uow: UnitOfWork, campaign: Campaign, candidates: Sequence[Candidate], desk: CampaignDesk) -> Estimate:
    """The same for people who were judged already."""
    load = _load(uow, campaign, desk)
    plan = _plan(uow, campaign, candidates, load, desk)
    callable_now = sum(not each.reasons for each in candidates)
    minutes = minutes_on_the_line(callable_now - len(plan.no_room), load)
    return Estimate(
        people=len(candidates),
        callable=callable_now,
        left_out=tally_reasons(candidates),
        load=load,
        plan=plan,
        cost=None if desk.cost_per_minute is None else round(minutes * desk.cost_per_minute, 2),
    )


def _plan(
    uow: UnitOfWork, campaign: Campaign, candidates: Sequence[Candidate], load: Load, desk: CampaignDesk
) -> CallPlan:
    """Whose first call would fall into which hour."""
    profile = desk.gate.profile
    start = max(uow.now, campaign.from_at)
    days = uow.gate_facts.days(desk.gate.calendar_region, start.astimezone(ZoneInfo(desk.zone)).date())
    anybody = Callee(purpose=campaign.purpose, campaign=campaign.hours, days=days)

    def open_seconds(hour: datetime) -> float:
        begins, ends = max(hour, start), min(hour + HOUR, campaign.until_at)
        day = begins.astimezone(ZoneInfo(desk.zone)).date()
        return sum(
            max(0.0, (min(ends, _at(day, last, desk.zone)) - max(begins, _at(day, first, desk.zone))).total_seconds())
            for first, last in open_spans(profile, day, anybody)
        )

    def waiting(candidate: Candidate) -> Waiting:
        first = candidate.opening or campaign.until_at
        callee = Callee(purpose=campaign.purpose, campaign=campaign.hours, days=days)
        return Waiting(
            patient_id=candidate.person.patient_id,
            opening=lambda at: next_opening(profile, candidate.zone, max(at, first), callee=callee),
        )

    return plan_calls(
        [waiting(each) for each in candidates if not each.reasons],
        load=load,
        open_seconds=open_seconds,
        from_at=start,
        until=campaign.until_at,
        per_day=campaign.calls_per_day,
        zone=desk.zone,
    )


def start(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk, *, by: str, reason: str) -> int:
    """Write down everybody the campaign is for and make a task for each who can be called; how many can."""
    state = next_campaign_state(campaign.state, CampaignTrigger.START)
    if campaign.until_at <= uow.now:
        raise CampaignRefusedError("until", "the campaign's window is over; make one with another window")
    _require_versions(campaign, desk.content)
    queue = _queue(uow, campaign)
    rows: list[tuple[Person, Sequence[str], str | None]] = []
    for candidate in candidates_of(uow, campaign, desk):
        task = None if candidate.reasons else _task(uow, campaign, queue, candidate)
        if task is not None:
            uow.plans.add_task(task)
        rows.append((candidate.person, candidate.reasons, task.id if task else None))
    uow.campaigns.add_people(campaign.id, rows)
    campaign.state, campaign.state_since, campaign.started_at = state, uow.now, uow.now
    called = sum(task_id is not None for _, _, task_id in rows)
    press_switch(uow, kind=SwitchOf.CAMPAIGN, subject=campaign.id, stopped=False, reason=reason, by=by, gate=desk.gate)
    log.info("campaign_started", campaign=campaign.id, people=len(rows), called=called)
    return called


def pause(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk, *, by: str, reason: str) -> None:
    """Place nothing more for this campaign; calls reserved and not placed are taken back, calls that are up go on."""
    _move(uow, campaign, CampaignTrigger.PAUSE)
    uow.flush()
    _out_of_the_lanes(uow, campaign)
    press_switch(uow, kind=SwitchOf.CAMPAIGN, subject=campaign.id, stopped=True, reason=reason, by=by, gate=desk.gate)


def resume(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk, *, by: str, reason: str) -> None:
    """Let it go on."""
    _move(uow, campaign, CampaignTrigger.RESUME)
    press_switch(uow, kind=SwitchOf.CAMPAIGN, subject=campaign.id, stopped=False, reason=reason, by=by, gate=desk.gate)


def stop(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk, *, by: str, reason: str) -> int:
    """End it for good: what waits is called off, what is reserved and not placed is taken back; tasks called off."""
    _move(uow, campaign, CampaignTrigger.STOP)
    campaign.ended_at = uow.now
    uow.flush()
    press_switch(uow, kind=SwitchOf.CAMPAIGN, subject=campaign.id, stopped=True, reason=reason, by=by, gate=desk.gate)
    uow.flush()
    waiting = uow.campaigns.waiting_tasks(campaign.id)
    for task in waiting:
        close_task(uow, task, TaskTrigger.CANCEL, TaskOutcome.CANCELLED, NextAction.DONE)
    log.info("campaign_stopped", campaign=campaign.id, called_off=len(waiting))
    return len(waiting)


def finish_those_over(uow: UnitOfWork) -> int:
    """Campaigns that have nobody left to call are finished; how many.

    What waited for a person ends with them, so that the report's numbers stay: its list can be called by persons.
    """
    over = uow.campaigns.over()
    for campaign in over:
        for task in uow.campaigns.waiting_tasks(campaign.id):
            close_task(uow, task, TaskTrigger.LOSE, TaskOutcome.LOST_TO_FOLLOW_UP, NextAction.ESCALATE)
        _move(uow, campaign, CampaignTrigger.FINISH)
        campaign.ended_at = uow.now
        uow.emit(DomainEvent(kind=EventKind.CAMPAIGN_CHANGED, subject=campaign.id))
        log.info("campaign_finished", campaign=campaign.id)
    return len(over)


def finish_campaigns(repairs: Repairs) -> int:
    """What the timetable does of it. No repair, so nothing is counted as one."""
    with repairs.units_of_work() as uow:
        finish_those_over(uow)
        uow.commit()
    return 0


def call_list(uow: UnitOfWork, campaign: Campaign, people: Iterable[PersonRow], queue: Queue) -> int:
    """An agent's task for each of these people who has none from this campaign yet; how many were made."""
    if queue.mode is not TaskMode.AGENT:
        raise CampaignRefusedError("queue_id", "a list is called by persons; name a queue of agents")
    made = 0
    for person in people:
        if person.follow_up_task_id is not None:
            continue
        original = uow.plans.task(person.task_id) if person.task_id else None
        task = Task(
            id=TaskId(new_id()),
            plan_id=None,
            patient_id=original.patient_id if original else _patient(uow, person.patient_id).id,
            queue_id=queue.id,
            purpose=queue.purpose,
            mode=TaskMode.AGENT,
            priority=_FOLLOW_UP_PRIORITY,
            earliest_at=uow.now,
            target_at=uow.now,
            latest_at=uow.now + _FOLLOW_UP_WINDOW,
            next_attempt_at=uow.now,
            created_at=uow.now,
            form=campaign.form,
            variables={**(original.variables if original else {}), FOLLOW_UP_OF: campaign.id},
        )
        uow.plans.add_task(task)
        uow.flush()
        uow.campaigns.follow_up(campaign.id, person.patient_id, task.id)
        made += 1
    uow.outbox.wake()
    log.info("campaign_list_called", campaign=campaign.id, queue=queue.id, tasks=made)
    return made


def _judge(
    uow: UnitOfWork, campaign: Campaign, queue: Queue, person: Person, desk: CampaignDesk, served: frozenset[str] | None
) -> Candidate:
    patient = _patient(uow, person.patient_id)
    at = max(uow.now, campaign.from_at)
    task = _a_task(uow, campaign, queue, patient, person, first=at)
    answer = desk.gate.ask(uow, task, patient.best_number(), now=at)
    room_at = max((tally.room_at for tally in answer.facts.tallies if tally.room_at is not None), default=None)
    reasons = lasting(answer.verdict.reasons, room_at=room_at, until=campaign.until_at)
    opening = None if reasons else _opening(answer, desk.gate, patient, max(at, room_at or at))
    if not reasons and served is not None and patient.language not in served:
        reasons = (LeftOut.LANGUAGE_NOT_SERVED.value,)
    elif not reasons and (opening is None or opening >= campaign.until_at):
        reasons = (LeftOut.NO_OPENING.value,)
    return Candidate(person=person, reasons=reasons, opening=opening, zone=patient.zone, language=patient.language)


def _opening(answer: GateAnswer, gate: Gate, patient: Patient, at: datetime) -> datetime | None:
    return next_opening(gate.profile, patient.zone, at, callee=answer.facts.callee)


def _task(uow: UnitOfWork, campaign: Campaign, queue: Queue, candidate: Candidate) -> Task:
    patient = _patient(uow, candidate.person.patient_id)
    return _a_task(uow, campaign, queue, patient, candidate.person, first=candidate.opening or campaign.from_at)


def _a_task(
    uow: UnitOfWork, campaign: Campaign, queue: Queue, patient: Patient, person: Person, *, first: datetime
) -> Task:
    visit = uow.patients.encounter(person.encounter_id) if person.encounter_id else None
    about = {ENCOUNTER: visit.id} if visit is not None and visit.kind == APPOINTMENT else {}
    earliest = min(max(campaign.from_at, uow.now), first)
    return Task(
        id=TaskId(new_id()),
        plan_id=None,
        campaign_id=campaign.id,
        patient_id=patient.id,
        queue_id=queue.id,
        purpose=campaign.purpose,
        mode=queue.mode,
        state=TaskState.PLANNED,
        priority=campaign.priority,
        earliest_at=earliest,
        target_at=max(earliest, first),
        latest_at=max(campaign.until_at, first),
        next_attempt_at=first,
        flow=campaign.flow,
        form=campaign.form,
        created_at=uow.now,
        variables=about,
    )


def _load(uow: UnitOfWork, campaign: Campaign, desk: CampaignDesk) -> Load:
    """From what this queue's calls were like lately; where it has too few of them, from the flow's own length."""
    queue = _queue(uow, campaign)
    lately = [outcome for _, outcome in uow.decisions.lately_of_queue(queue.id)]
    answered = sum(outcome in ANSWERED for outcome in lately)
    told = answered + sum(outcome in MISSED for outcome in lately)
    seconds, calls = uow.campaigns.talk_seconds(queue.id)
    if calls < _ENOUGH_CALLS:
        flow = desk.content.flows.get(campaign.flow or "")
        seconds = flow_seconds(flow, desk.content.prompt_lengths) if flow else _USUAL_CONVERSATION_SECONDS
    agents = queue.mode is TaskMode.AGENT
    lines = sum(queue.id in agent.queues for agent in uow.queues.agents()) if agents else queue.lines
    return Load(
        lines=max(1, lines),
        answer_rate=answered / told if told >= _ENOUGH_CALLS and answered else _UNKNOWN_ANSWER_RATE,
        talk_seconds=_SET_UP_SECONDS + seconds + (queue.wrap_up_seconds if agents else 0),
        miss_seconds=_SET_UP_SECONDS + queue.ring_seconds,
        tries=desk.content.policies[queue.policy].max_attempts,
    )


def _languages(uow: UnitOfWork, queue: Queue) -> frozenset[str] | None:
    """What is spoken to the campaign's people; None where nobody serves the queue yet, so that nothing is known."""
    if queue.mode is TaskMode.AUTOMATED:
        return _SPOKEN
    if queue.language is not None:
        return frozenset({queue.language})
    spoken = frozenset(
        tongue for agent in uow.queues.agents() if queue.id in agent.queues for tongue in agent.languages
    )
    return spoken or None


def _require_versions(campaign: Campaign, content: Content) -> None:
    flow = content.flows.get(campaign.flow or "")
    form = content.forms.get(campaign.form or "")
    for field, name, wanted, found in (
        ("flow", campaign.flow, campaign.flow_version, flow.version if flow else None),
        ("form", campaign.form, campaign.form_version, form.version if form else None),
    ):
        if name is not None and found != wanted:
            raise CampaignRefusedError(
                field,
                f"{name} has version {found} now, and the campaign was written with version {wanted}: look at what has "
                "changed and make the campaign anew",
            )


def _out_of_the_lanes(uow: UnitOfWork, campaign: Campaign) -> None:
    while uow.waiting.leave_lanes_of_campaign(campaign.id):
        pass  # a thousand at a time


def _move(uow: UnitOfWork, campaign: Campaign, trigger: CampaignTrigger) -> None:
    campaign.state = next_campaign_state(campaign.state, trigger)
    campaign.state_since = uow.now


def _queue(uow: UnitOfWork, campaign: Campaign) -> Queue:
    queue = uow.queues.get(campaign.queue_id)
    if queue is None:
        raise LookupError(f"campaign {campaign.id}: its queue does not exist")
    return queue


def _patient(uow: UnitOfWork, patient_id: str) -> Patient:
    patient = uow.patients.get(patient_id)
    if patient is None:
        raise LookupError(f"patient {patient_id} does not exist")
    return patient


def _at(day: date, clock: time, zone: str) -> datetime:
    return datetime.combine(day, clock, tzinfo=ZoneInfo(zone))
