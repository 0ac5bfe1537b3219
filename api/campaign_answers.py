"""What the API answers about campaigns."""

from collections.abc import Sequence
from datetime import time

from api.fields import Answer, Instant
from care.consent import Purpose
from db.campaigns import PersonRow
from db.unit_of_work import UnitOfWork
from followup.campaign_estimate import CallPlan
from followup.campaigns import AudienceKind, Campaign, CampaignState, Candidate, Group
from followup.outcomes import AttemptOutcome
from followup.switches import SwitchOf
from scheduler.campaigns import Estimate


class SpanAnswer(Answer):
    """A span of local time."""

    start: time
    end: time
    weekdays: list[int]


class AudienceAnswer(Answer):
    """Whom it is for."""

    kind: AudienceKind
    import_id: str | None
    patient_ids: list[str]
    visit_kind: str | None
    departments: list[str]
    visited_from: Instant | None
    visited_until: Instant | None


class CountsAnswer(Answer):
    """What came of its people. `size` is how many are called: the groups add up to it."""

    size: int
    groups: dict[Group, int]
    left_out: dict[str, int]


class CampaignAnswer(Answer):
    """A campaign and its counts."""

    id: str
    name: str
    purpose: Purpose
    queue_id: str
    flow: str | None
    flow_version: int | None
    form: str | None
    form_version: int | None
    audience: AudienceAnswer
    from_at: Instant
    until_at: Instant
    hours: list[SpanAnswer]
    calls_per_day: int | None
    quotas: dict[str, int]
    priority: int
    state: CampaignState
    state_since: Instant
    reason: str  # of the last start, pause, resume or stop
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    counts: CountsAnswer


class CampaignsAnswer(Answer):
    """Campaigns, newest first."""

    campaigns: list[CampaignAnswer]
    next: str | None


class EstimateAnswer(Answer):
    """What it will come to. `ends_at`: as things go by the lines, the flow's length and the answer rate named here."""

    people: int
    callable: int
    left_out: dict[str, int]
    no_room: int  # can be called, but the window is too short for them
    lines: int
    seconds_each: float  # of a call that is answered
    answer_rate: float
    calls: int  # with the tries again, as many as expected
    ends_at: Instant | None
    fits: bool
    cost: float | None


class HourAnswer(Answer):
    """The people whose first call falls into one hour."""

    starts: Instant
    patient_ids: list[str]


class LeftOutAnswer(Answer):
    """Somebody who would not be called, and why."""

    patient_id: str
    reasons: list[str]


class DryRunAnswer(Answer):
    """First calls by the hour; whom they leave out."""

    hours: list[HourAnswer]
    no_room: list[str]
    left_out: list[LeftOutAnswer]


class PersonAnswer(Answer):
    """One person of a campaign."""

    patient_id: str
    record_number: str
    department: str
    group: Group | None
    reasons: list[str]
    attempts: int
    last_outcome: AttemptOutcome | None
    answer: str
    called_at: Instant | None
    task_id: str | None
    follow_up_task_id: str | None


class PeopleAnswer(Answer):
    """One list."""

    people: list[PersonAnswer]
    next: str | None


class ListCalledAnswer(Answer):
    """How many are on the list, and for how many of them a task was made now."""

    people: int
    tasks_made: int


def campaign_answer(uow: UnitOfWork, campaign: Campaign) -> CampaignAnswer:
    """A campaign with the counts of this moment."""
    groups = uow.campaigns.counts(campaign.id)
    switch = uow.switches.latest(SwitchOf.CAMPAIGN, campaign.id)
    return CampaignAnswer(
        **{
            name: getattr(campaign, name)
            for name in CampaignAnswer.model_fields
            if name not in ("audience", "hours", "counts", "reason")
        },
        audience=AudienceAnswer.model_validate(campaign.audience),
        hours=[SpanAnswer(start=h.start, end=h.end, weekdays=sorted(h.weekdays)) for h in campaign.hours],
        reason=switch.reason if switch else "",
        counts=CountsAnswer(
            size=sum(groups.values()),
            groups={group: groups.get(group, 0) for group in Group},
            left_out=uow.campaigns.left_out(campaign.id),
        ),
    )


def estimate_answer(reckoned: Estimate, campaign: Campaign) -> EstimateAnswer:
    """What was reckoned."""
    called = reckoned.callable - len(reckoned.plan.no_room)
    ends_at = reckoned.plan.ends_at
    return EstimateAnswer(
        people=reckoned.people,
        callable=reckoned.callable,
        left_out=reckoned.left_out,
        no_room=len(reckoned.plan.no_room),
        lines=reckoned.load.lines,
        seconds_each=round(reckoned.load.talk_seconds, 1),
        answer_rate=round(reckoned.load.answer_rate, 3),
        calls=round(called * reckoned.load.calls_each),
        ends_at=min(ends_at, campaign.until_at) if ends_at else None,
        fits=not reckoned.plan.no_room,
        cost=reckoned.cost,
    )


def dry_run_answer(candidates: Sequence[Candidate], plan: CallPlan) -> DryRunAnswer:
    """Who would be called when."""
    return DryRunAnswer(
        hours=[HourAnswer(starts=hour.starts, patient_ids=[*hour.patient_ids]) for hour in plan.hours],
        no_room=[*plan.no_room],
        left_out=[
            LeftOutAnswer(patient_id=each.person.patient_id, reasons=[*each.reasons])
            for each in candidates
            if each.reasons
        ],
    )


def person_answer(person: PersonRow) -> PersonAnswer:
    """One person."""
    return PersonAnswer(
        patient_id=person.patient_id,
        record_number=person.record_number,
        department=person.department,
        group=person.group,
        reasons=[*person.reasons],
        attempts=person.attempts,
        last_outcome=person.last_outcome,
        answer=person.answer,
        called_at=person.called_at,
        task_id=person.task_id,
        follow_up_task_id=person.follow_up_task_id,
    )
