"""Campaigns: written, reckoned, tried dry, started, paused, stopped; what came of each person, listed and as a file."""

from datetime import time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.campaign_answers import (
    CampaignAnswer,
    CampaignsAnswer,
    DryRunAnswer,
    EstimateAnswer,
    ListCalledAnswer,
    PeopleAnswer,
    campaign_answer,
    dry_run_answer,
    estimate_answer,
    person_answer,
)
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Line
from api.permissions import Overseers, OverseersCommanding
from api.problems import Kind, Problem, problems
from api.wiring import Wiring, wiring_of
from care.consent import Purpose
from db.unit_of_work import UnitOfWork
from followup.calling_hours import EVERY_DAY, CallingHours
from followup.campaigns import Audience, AudienceKind, Campaign, CampaignState, Group
from followup.plans import TaskMode
from followup.queues import Queue
from interop.campaign_workbook import MEDIA_TYPE, MOST_ROWS, campaign_workbook
from runtime.identifiers import new_id
from scheduler import campaigns
from scheduler.campaigns import CampaignDesk

router = APIRouter(tags=["campaigns"], route_class=Route)

LONGEST = timedelta(days=366)

Department = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class AudienceAsk(Ask):
    """Whom it is for: the people of an applied list, patients by id, or patients by their visits."""

    kind: AudienceKind
    import_id: Id | None = None
    patient_ids: Annotated[tuple[Id, ...], Field(max_length=campaigns.MOST_PEOPLE)] = ()
    visit_kind: Literal["discharge", "appointment", "enrolment"] | None = None
    departments: Annotated[tuple[Department, ...], Field(max_length=200)] = ()
    visited_from: Instant | None = None
    visited_until: Instant | None = None


class HoursAsk(Ask):
    """A span of local time in which it may call; it only narrows the calling hours of the law."""

    start: time
    end: time
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1)] = EVERY_DAY


class CampaignAsk(Ask):
    """A new campaign; nobody is called before it is started."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    purpose: Purpose
    queue_id: Id
    flow: Annotated[str, StringConstraints(max_length=64)] | None = None
    form: Annotated[str, StringConstraints(max_length=64)] | None = None
    audience: AudienceAsk
    from_at: Instant
    until_at: Instant
    hours: Annotated[tuple[HoursAsk, ...], Field(max_length=14)] = ()
    calls_per_day: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    quotas: Annotated[dict[Department, Annotated[int, Field(ge=0, le=1_000_000)]], Field(max_length=200)] = Field(
        default_factory=dict
    )
    priority: Annotated[int, Field(ge=10, le=99)] = 60


class ReasonAsk(Ask):
    """Why it is started, paused, resumed or stopped; kept with the switch."""

    reason: Line


class CallListAsk(Ask):
    """Which list is to be called by persons, and by which queue."""

    group: Group
    queue_id: Id
    reason: Line


class FlowHeadAnswer(Answer):
    """A flow and its version."""

    id: str
    version: int


class FlowsAnswer(Answer):
    """The flows in order of id."""

    flows: list[FlowHeadAnswer]


@router.post("/campaigns", status_code=201, responses=problems(Kind.UNKNOWN_QUEUE, Kind.UNKNOWN_IMPORT, Kind.TAKEN))
def write_campaign(ask: CampaignAsk, caller: OverseersCommanding, request: Request, uow: Work) -> CampaignAnswer:
    """Write a campaign down. It keeps the version of its flow and form: another version is not started silently."""
    wiring = wiring_of(request)
    queue = found.queue(uow, ask.queue_id, "queue_id")
    flow, form = _require_matter(ask, queue, wiring)
    _require_window(ask, uow)
    campaign = Campaign(
        id=new_id(),
        name=ask.name,
        purpose=ask.purpose,
        queue_id=queue.id,
        flow=ask.flow,
        flow_version=flow,
        form=ask.form,
        form_version=form,
        audience=_audience(ask.audience, uow),
        from_at=ask.from_at,
        until_at=ask.until_at,
        hours=_hours(ask.hours),
        calls_per_day=ask.calls_per_day,
        quotas=dict(ask.quotas),
        priority=ask.priority,
        state_since=uow.now,
        created_by=caller.user_id,
        created_at=uow.now,
    )
    uow.campaigns.add(campaign)
    uow.flush()
    _audit(uow, caller, "campaign_written", campaign, {})
    return campaign_answer(uow, campaign)


@router.get("/campaign-flows")
def list_campaign_flows(caller: Overseers, request: Request) -> FlowsAnswer:  # noqa: ARG001
    """The flows that an automated campaign can follow, with the version that a new one would keep."""
    flows = wiring_of(request).content.flows
    return FlowsAnswer(flows=[FlowHeadAnswer(id=key, version=flows[key].version) for key in sorted(flows)])


@router.get("/campaigns", responses=problems(Kind.UNKNOWN_CAMPAIGN))
def list_campaigns(caller: Overseers, uow: Work, before: Id | None = None, limit: Limit = 50) -> CampaignsAnswer:  # noqa: ARG001
    """Campaigns, newest first, from behind `before`, each with its counts."""
    page = uow.campaigns.page(before=_campaign(uow, before, "before") if before else None, limit=limit)
    return CampaignsAnswer(
        campaigns=[campaign_answer(uow, campaign) for campaign in page],
        next=page[-1].id if len(page) == limit else None,
    )


@router.get("/campaigns/{campaign_id}", responses=problems(Kind.UNKNOWN_CAMPAIGN))
def read_campaign(campaign_id: Id, caller: Overseers, uow: Work) -> CampaignAnswer:  # noqa: ARG001
    """A campaign and its counts of this moment."""
    return campaign_answer(uow, _campaign(uow, campaign_id))


@router.get("/campaigns/{campaign_id}/estimate", responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.CAMPAIGN_NOT_POSSIBLE))
def estimate_campaign(campaign_id: Id, caller: Overseers, request: Request, uow: Work) -> EstimateAnswer:  # noqa: ARG001
    """How many people, how many can be called, when it ends, what it costs, who is left out; nothing is written."""
    campaign = _draft(uow, campaign_id)
    return estimate_answer(campaigns.estimate(uow, campaign, _desk(request)), campaign)


@router.get("/campaigns/{campaign_id}/dry-run", responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.CAMPAIGN_NOT_POSSIBLE))
def try_dry(campaign_id: Id, caller: Overseers, request: Request, uow: Work) -> DryRunAnswer:
    """Who would be called first in which hour of which day, and who is left out and why; nothing is written."""
    campaign = _draft(uow, campaign_id)
    desk = _desk(request)
    candidates = campaigns.candidates_of(uow, campaign, desk)
    reckoned = campaigns.reckon(uow, campaign, candidates, desk)
    _audit(uow, caller, "campaign_tried_dry", campaign, {"people": len(candidates)})
    return dry_run_answer(candidates, reckoned.plan)


@router.post(
    "/campaigns/{campaign_id}/start",
    responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.NOT_POSSIBLE_NOW, Kind.CAMPAIGN_NOT_POSSIBLE),
)
def start_campaign(
    campaign_id: Id, ask: ReasonAsk, caller: OverseersCommanding, request: Request, uow: Work
) -> CampaignAnswer:
    """Make a task for everybody who can be called, and begin."""
    campaign = _locked(uow, campaign_id)
    campaigns.start(uow, campaign, _desk(request), by=caller.user_id, reason=ask.reason)
    return campaign_answer(uow, campaign)


@router.post("/campaigns/{campaign_id}/pause", responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.NOT_POSSIBLE_NOW))
def pause_campaign(
    campaign_id: Id, ask: ReasonAsk, caller: OverseersCommanding, request: Request, uow: Work
) -> CampaignAnswer:
    """Stop dialing at once, calls that are reserved and not placed included; calls that are up go on."""
    campaign = _locked(uow, campaign_id)
    campaigns.pause(uow, campaign, _desk(request), by=caller.user_id, reason=ask.reason)
    return campaign_answer(uow, campaign)


@router.post("/campaigns/{campaign_id}/resume", responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.NOT_POSSIBLE_NOW))
def resume_campaign(
    campaign_id: Id, ask: ReasonAsk, caller: OverseersCommanding, request: Request, uow: Work
) -> CampaignAnswer:
    """Let it go on."""
    campaign = _locked(uow, campaign_id)
    campaigns.resume(uow, campaign, _desk(request), by=caller.user_id, reason=ask.reason)
    return campaign_answer(uow, campaign)


@router.post("/campaigns/{campaign_id}/stop", responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.NOT_POSSIBLE_NOW))
def stop_campaign(
    campaign_id: Id, ask: ReasonAsk, caller: OverseersCommanding, request: Request, uow: Work
) -> CampaignAnswer:
    """End it for good: what waits is called off, what is reserved and not placed is taken back."""
    campaign = _locked(uow, campaign_id)
    campaigns.stop(uow, campaign, _desk(request), by=caller.user_id, reason=ask.reason)
    return campaign_answer(uow, campaign)


@router.get("/campaigns/{campaign_id}/people", responses=problems(Kind.UNKNOWN_CAMPAIGN))
def list_people(
    campaign_id: Id,
    caller: Overseers,
    uow: Work,
    group: Group | None = None,
    left_out: bool = False,
    after: Id | None = None,
    limit: Limit = 100,
) -> PeopleAnswer:
    """One list of a campaign: those of a group, those who are left out with the reasons, or everybody who is called."""
    campaign = _campaign(uow, campaign_id)
    people = uow.campaigns.people(campaign.id, group=group, left_out=left_out, after=after, limit=limit)
    _audit(
        uow,
        caller,
        "campaign_list_viewed",
        campaign,
        {"group": group.value if group else None, "left_out": left_out, "people": len(people)},
    )
    return PeopleAnswer(
        people=[person_answer(person) for person in people],
        next=people[-1].patient_id if len(people) == limit else None,
    )


@router.post(
    "/campaigns/{campaign_id}/calls",
    status_code=201,
    responses=problems(Kind.UNKNOWN_CAMPAIGN, Kind.UNKNOWN_QUEUE, Kind.CAMPAIGN_NOT_POSSIBLE),
)
def call_list(campaign_id: Id, ask: CallListAsk, caller: OverseersCommanding, uow: Work) -> ListCalledAnswer:
    """Have the people of one list called by persons: a task for each who has none from this campaign yet."""
    campaign, queue = _locked(uow, campaign_id), found.queue(uow, ask.queue_id, "queue_id")
    if ask.group is Group.STILL_OPEN:
        raise Problem.of(
            Kind.CAMPAIGN_NOT_POSSIBLE, "group", "these are still to be called by the campaign; pause or stop it first"
        )
    people = uow.campaigns.people(campaign.id, group=ask.group, limit=campaigns.MOST_PEOPLE, lock=True)
    made = campaigns.call_list(uow, campaign, people, queue)
    _audit(
        uow,
        caller,
        "campaign_list_called",
        campaign,
        {"group": ask.group.value, "queue": queue.id, "tasks": made, "reason": ask.reason},
    )
    return ListCalledAnswer(people=len(people), tasks_made=made)


@router.get(
    "/campaigns/{campaign_id}/export",
    response_class=Response,
    responses={
        200: {"description": "The workbook", "content": {MEDIA_TYPE: {}}},
        **problems(Kind.UNKNOWN_CAMPAIGN, Kind.CAMPAIGN_NOT_POSSIBLE),
    },
)
def export_campaign(
    campaign_id: Id,
    caller: Overseers,
    request: Request,
    uow: Work,
    purpose: Annotated[str, Query(min_length=3, max_length=200)],
    group: Group | None = None,
    left_out: bool = False,
) -> Response:
    """A list as an xlsx file. Who took it, when and what for is written into it and into the audit log."""
    campaign = _campaign(uow, campaign_id)
    people = uow.campaigns.people(campaign.id, group=group, left_out=left_out, limit=MOST_ROWS + 1)
    if len(people) > MOST_ROWS:
        raise Problem.of(Kind.CAMPAIGN_NOT_POSSIBLE, "group", f"more than {MOST_ROWS} rows: take one group at a time")
    taken = uow.now.astimezone(wiring_of(request).zone).strftime("%Y-%m-%d %H:%M")
    watermark = f"{taken} · {caller.user_id} · {purpose} · {campaign.name} · {len(people)}"
    _audit(
        uow,
        caller,
        "campaign_exported",
        campaign,
        {
            "purpose": purpose,
            "group": group.value if group else None,
            "left_out": left_out,
            "rows": len(people),
        },
    )
    return Response(
        campaign_workbook(people, watermark=watermark, zone=str(wiring_of(request).zone)),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="campaign-{campaign.id}.xlsx"'},
    )


def _require_matter(ask: CampaignAsk, queue: Queue, wiring: Wiring) -> tuple[int | None, int | None]:
    """The versions of flow and form."""
    flow = wiring.content.flows.get(ask.flow) if ask.flow else None
    form = wiring.content.forms.get(ask.form) if ask.form else None
    faults = (
        ("purpose", queue.purpose is not ask.purpose, f"the queue is for {queue.purpose.value}"),
        ("flow", ask.flow is not None and flow is None, "there is no such flow; GET /api/v1/queues, docs/flows.md"),
        ("form", ask.form is not None and form is None, "there is no such form; GET /api/v1/forms lists them"),
        ("flow", queue.mode is TaskMode.AUTOMATED and flow is None, "an automated queue needs a flow"),
        ("flow", queue.mode is TaskMode.AGENT and flow is not None, "agents follow no flow: name a form"),
        ("form", queue.mode is TaskMode.AGENT and form is None, "agents' calls need a form"),
    )
    for field, wrong, reason in faults:
        if wrong:
            raise Problem.of(Kind.INVALID_REQUEST, field, reason)
    return flow.version if flow else None, form.version if form else None


def _require_window(ask: CampaignAsk, uow: UnitOfWork) -> None:
    if ask.until_at <= max(ask.from_at, uow.now):
        raise Problem.of(Kind.INVALID_REQUEST, "until_at", "lies before its beginning or in the past")
    if ask.until_at - ask.from_at > LONGEST:
        raise Problem.of(Kind.INVALID_REQUEST, "until_at", f"a campaign lasts {LONGEST.days} days at most")


def _audience(ask: AudienceAsk, uow: UnitOfWork) -> Audience:
    missing = {
        AudienceKind.IMPORT: ("import_id", ask.import_id is None),
        AudienceKind.PATIENTS: ("patient_ids", not ask.patient_ids),
        AudienceKind.VISITS: ("visited_from", ask.visited_from is None and not ask.departments),
    }
    field, lacks = missing[ask.kind]
    if lacks:
        raise Problem.of(Kind.INVALID_REQUEST, f"audience.{field}", f"an audience of {ask.kind.value} needs this")
    if ask.import_id is not None:
        found.list_import(uow, ask.import_id, "audience.import_id")
    return Audience(**ask.model_dump())


def _hours(spans: tuple[HoursAsk, ...]) -> tuple[CallingHours, ...]:
    for place, span in enumerate(spans):
        if span.start >= span.end:
            raise Problem.of(Kind.INVALID_REQUEST, f"hours.{place}.end", "must be after start")
    return tuple(CallingHours(start=span.start, end=span.end, weekdays=span.weekdays) for span in spans)


def _desk(request: Request) -> CampaignDesk:
    wiring = wiring_of(request)
    return CampaignDesk(
        gate=wiring.gate, content=wiring.content, zone=str(wiring.zone), cost_per_minute=wiring.cost_per_minute
    )


def _draft(uow: UnitOfWork, campaign_id: str) -> Campaign:
    campaign = _campaign(uow, campaign_id)
    if campaign.state is not CampaignState.DRAFT:
        raise Problem.of(
            Kind.CAMPAIGN_NOT_POSSIBLE, "state", f"the campaign is {campaign.state.value}: its counts say how it goes"
        )
    return campaign


def _campaign(uow: UnitOfWork, campaign_id: str, field: str = "campaign_id") -> Campaign:
    return _there(uow.campaigns.get(campaign_id), field)


def _locked(uow: UnitOfWork, campaign_id: str) -> Campaign:
    return _there(uow.campaigns.locked(campaign_id), "campaign_id")


def _there(campaign: Campaign | None, field: str) -> Campaign:
    if campaign is None:
        raise Problem.of(Kind.UNKNOWN_CAMPAIGN, field, "there is no such campaign; GET /api/v1/campaigns lists them")
    return campaign


def _audit(uow: UnitOfWork, caller: Caller, action: str, campaign: Campaign, detail: dict[str, object]) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="campaign",
        subject=campaign.id,
        detail=detail,
    )
