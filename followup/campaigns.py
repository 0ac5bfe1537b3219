"""Campaigns: one purpose, one flow or form, one window, many people; where each stands and what came of it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from care.consent import Purpose
from followup.calling_hours import CallingHours
from followup.dialing_rules import CURED_BY_WAITING, GateReason
from followup.states import follow


class CampaignState(StrEnum):
    """Where a campaign is."""

    DRAFT = "draft"  # can be estimated and tried dry; nobody is called
    RUNNING = "running"
    PAUSED = "paused"  # nothing more is placed; it can go on
    FINISHED = "finished"  # every one of its tasks is over
    STOPPED = "stopped"  # for good: what was not called is called off


class CampaignTrigger(StrEnum):
    """What moves a campaign."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    STOP = "stop"


CAMPAIGN_TRANSITIONS: dict[tuple[CampaignState, CampaignTrigger], CampaignState] = {
    (CampaignState.DRAFT, CampaignTrigger.START): CampaignState.RUNNING,
    (CampaignState.DRAFT, CampaignTrigger.STOP): CampaignState.STOPPED,
    (CampaignState.RUNNING, CampaignTrigger.PAUSE): CampaignState.PAUSED,
    (CampaignState.RUNNING, CampaignTrigger.FINISH): CampaignState.FINISHED,
    (CampaignState.RUNNING, CampaignTrigger.STOP): CampaignState.STOPPED,
    (CampaignState.PAUSED, CampaignTrigger.RESUME): CampaignState.RUNNING,
    (CampaignState.PAUSED, CampaignTrigger.FINISH): CampaignState.FINISHED,
    (CampaignState.PAUSED, CampaignTrigger.STOP): CampaignState.STOPPED,
}


def next_campaign_state(state: CampaignState, trigger: CampaignTrigger) -> CampaignState:
    """The state after `trigger`; IllegalTransitionError if the campaign cannot do that now."""
    return follow("campaign", CAMPAIGN_TRANSITIONS, state, trigger)


class AudienceKind(StrEnum):
    """How a campaign's people are named."""

    IMPORT = "import"  # the people of a list that was applied
    PATIENTS = "patients"  # by id
    VISITS = "visits"  # by department, kind and day of a visit: discharges, appointments


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom a campaign is for; nobody is in it twice."""

    kind: AudienceKind
    import_id: str | None = None
    patient_ids: tuple[str, ...] = ()
    visit_kind: str | None = None
    departments: tuple[str, ...] = ()  # none: every department
    visited_from: datetime | None = None
    visited_until: datetime | None = None


@dataclass(kw_only=True, eq=False)
class Campaign:
    """Many people called about one thing. Flow and form keep the version with which it was written."""

    id: str
    name: str
    purpose: Purpose
    queue_id: str
    flow: str | None = None
    flow_version: int | None = None
    form: str | None = None
    form_version: int | None = None
    audience: Audience
    from_at: datetime
    until_at: datetime
    hours: tuple[CallingHours, ...] = ()  # within the calling hours of the law; none: all of those
    calls_per_day: int | None = None  # of the whole campaign
    quotas: dict[str, int] = field(default_factory=dict)  # department -> so many people at most
    priority: int = 60
    state: CampaignState = CampaignState.DRAFT
    state_since: datetime
    created_by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class LeftOut(StrEnum):
    """Why somebody is not called, besides the gate's own reasons."""

    LANGUAGE_NOT_SERVED = "language_not_served"
    OVER_QUOTA = "over_quota"
    NO_OPENING = "no_opening"  # no hour within the window in which he may be called


class Group(StrEnum):
    """What came of one person of a campaign. Each person is in exactly one."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    REBOOK = "rebook"
    WANTS_PERSON = "wants_person"
    ANSWERED = "answered"  # otherwise
    MACHINE = "machine"
    UNREACHED = "unreached"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    CALLED_OFF = "called_off"  # never reached before the campaign was stopped, or he has died
    STILL_OPEN = "still_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody a campaign is for, with the visit that brought him in."""

    patient_id: str
    encounter_id: str | None
    department: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person after the gate was asked: `reasons` keep him out, else `opening` is when he can be called first."""

    person: Person
    reasons: tuple[str, ...] = ()
    opening: datetime | None = None
    zone: str = "UTC"
    language: str = "zh"


def lasting(reasons: Iterable[GateReason], *, room_at: datetime | None, until: datetime) -> tuple[str, ...]:
    """The reasons that hold to the end of a campaign: those that waiting does not cure, and a cap without room by then.

    A queue or campaign that stands still keeps nobody out.
    """
    return tuple(
        reason.value
        for reason in reasons
        if reason not in CURED_BY_WAITING
        or (reason is GateReason.ROLLING_CAP and (room_at is None or room_at >= until))
    )


def within_quotas(candidates: Sequence[Candidate], quotas: Mapping[str, int], seed: str) -> list[Candidate]:
    """The candidates in the order of a draw that the seed fixes; whoever is over his department's quota is left out.

    Only who can be called uses a place up.
    """
    taken: dict[str, int] = {}
    drawn: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: _lot(seed, each.person.patient_id)):
        department = candidate.person.department
        if candidate.reasons or department not in quotas:
            drawn.append(candidate)
            continue
        taken[department] = taken.get(department, 0) + 1
        over = taken[department] > quotas[department]
        drawn.append(
            Candidate(
                person=candidate.person,
                reasons=(LeftOut.OVER_QUOTA.value,),
                zone=candidate.zone,
                language=candidate.language,
            )
            if over
            else candidate
        )
    return drawn


def _lot(seed: str, patient_id: str) -> str:
    return hashlib.sha256(f"{seed}:{patient_id}".encode()).hexdigest()


def tally_reasons(candidates: Iterable[Candidate]) -> dict[str, int]:
    """How many are left out for each reason; somebody with two counts under the first."""
    counts: dict[str, int] = {}
    for candidate in candidates:
        if candidate.reasons:
            counts[candidate.reasons[0]] = counts.get(candidate.reasons[0], 0) + 1
    return counts
