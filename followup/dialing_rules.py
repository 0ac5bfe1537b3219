"""The decision before every call: may we dial now. Pure; time is an argument."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from care.consent import ConsentScope, LegalBasis, Purpose, Standing
from followup.calendars import DayKind
from followup.calling_hours import Callee, CallingHours, HolidayRule, NoonRest, Span, in_span, meet, on_weekday, without
from followup.pacing import PredictiveRule

MONDAY, SUNDAY = 1, 7
HORIZON_DAYS = 14


class Mode(StrEnum):
    """How much an installation may do: the gate asks it before every call, `runtime.mode_rules` at every start."""

    DEMO = "demo"
    TRIAL = "trial"
    PRODUCTION = "production"


class GateReason(StrEnum):
    """Why a call is not allowed now. Waiting cures those in CURED_BY_WAITING; the others need a person."""

    BEFORE_WINDOW = "before_window"
    AFTER_WINDOW = "after_window"
    OUTSIDE_HOURS = "outside_hours"
    NO_CONSENT = "no_consent"  # never asked, and nothing else bears the call
    CONSENT_WITHDRAWN = "consent_withdrawn"
    DO_NOT_CALL = "do_not_call"
    DECEASED = "deceased"
    NO_NUMBER = "no_number"
    WRONG_NUMBER = "wrong_number"
    NUMBER_NOT_DIALABLE = "number_not_dialable"
    NUMBER_NEVER_DIALED = "number_never_dialed"  # the hospital's own rooms, desks, emergency lines
    RELATIVE_NOT_AGREED = "relative_not_agreed"
    UNKNOWN_ZONE = "unknown_zone"
    DAILY_CAP = "daily_cap"
    ROLLING_CAP = "rolling_cap"
    TASK_CAP = "task_cap"
    COMPLETED_TODAY = "completed_today"
    QUEUE_PAUSED = "queue_paused"
    PLAN_STOPPED = "plan_stopped"  # paused or cancelled: he is in hospital again, or the plan was called off
    CAMPAIGN_STOPPED = "campaign_stopped"
    CAMPAIGN_CAP = "campaign_cap"  # its calls of the day are used up
    LIVE_ATTEMPT = "live_attempt"
    NOT_ON_ALLOW_LIST = "not_on_allow_list"
    DEMO_PATIENT = "demo_patient"  # synthetic people exist only in the demo, on loopback
    REAL_PATIENT_IN_DEMO = "real_patient_in_demo"
    NOT_LOOPBACK = "not_loopback"


CURED_BY_WAITING = frozenset(
    {
        GateReason.BEFORE_WINDOW,
        GateReason.OUTSIDE_HOURS,
        GateReason.DAILY_CAP,
        GateReason.ROLLING_CAP,
        GateReason.COMPLETED_TODAY,
        GateReason.QUEUE_PAUSED,
        GateReason.CAMPAIGN_STOPPED,
        GateReason.CAMPAIGN_CAP,
        GateReason.LIVE_ATTEMPT,
    }
)

REFUSED_BY_PATIENT = frozenset({GateReason.CONSENT_WITHDRAWN, GateReason.DO_NOT_CALL})
"""What the patient himself has said no to."""

LIFTED_BY_DOCTOR = frozenset({GateReason.NO_CONSENT, *REFUSED_BY_PATIENT})
"""What a doctor's reasoned exception lifts, for care and for a person's call only."""

LIFTED_BY_EMERGENCY = LIFTED_BY_DOCTOR | {
    GateReason.OUTSIDE_HOURS,
    GateReason.DAILY_CAP,
    GateReason.ROLLING_CAP,
    GateReason.TASK_CAP,
    GateReason.COMPLETED_TODAY,
}
"""What a red alert lifts, for care and for a person's call only: who is in danger is rung at night."""


class Counted(StrEnum):
    """What a cap counts."""

    ATTEMPTS = "attempts"  # times the phone may have rung
    REACHED = "reached"  # times somebody was spoken with


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingCap:
    """At most so many in any so many days, over all queues; for some purposes or all, for machines' calls or all."""

    at_most: int
    days: int
    counts: Counted = Counted.ATTEMPTS
    purposes: frozenset[Purpose] = frozenset(Purpose)
    automated_only: bool = False

    def __post_init__(self) -> None:
        if self.at_most < 1 or self.days < 1:
            raise ValueError("rolling cap: at_most and days are 1 or more")
        if not self.purposes:
            raise ValueError("rolling cap: name at least one purpose, or leave purposes out for all")

    def concerns(self, purposes: Collection[Purpose], *, automated: bool) -> bool:
        """True if a call for one of these purposes, by a person or a machine, comes under the cap."""
        return not self.purposes.isdisjoint(purposes) and (automated or not self.automated_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastContact:
    """An earlier attempt, as far as caps ask; several matters may have been settled in it."""

    at: datetime
    purposes: frozenset[Purpose]
    automated: bool
    reached: bool
    of_this_task: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far a rolling cap is used up, and from when on there is room for another call (None: there is now)."""

    cap: RollingCap
    count: int
    room_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A jurisdiction's rules as data (content/jurisdictions)."""

    id: str
    version: int
    status: str
    source: str
    hours: tuple[CallingHours, ...]
    attempts_per_day: int
    completed_per_day: int
    attempts_per_task: int | None = None
    rolling_caps: tuple[RollingCap, ...] = ()
    outer_hours: tuple[CallingHours, ...] = ()  # as far as a patient's own wish may go; none: not beyond `hours`
    noon_rest: NoonRest | None = None
    on_holidays: Mapping[Purpose, HolidayRule] = field(default_factory=dict)  # CLOSED where none is named
    make_up_days_as_weekdays: bool = True
    holidays: frozenset[str] = frozenset()  # ISO dates on which nobody is called
    legal_bases: Mapping[tuple[Purpose, ConsentScope], LegalBasis] = field(default_factory=dict)  # else CONSENT
    recording_needs_consent: bool = False  # False: it is announced, and not begun where the patient has said no
    foreign_endpoints_need_assessment: bool = False
    predictive: PredictiveRule | None = None  # None: nothing is dialed ahead of agents

    def legal_basis(self, purpose: Purpose, scope: ConsentScope) -> LegalBasis:
        """On what a contact for this purpose by this channel rests."""
        return self.legal_bases.get((purpose, scope), LegalBasis.CONSENT)

    def records(self, where: Standing) -> bool:
        """True if a call may be recorded, announced as it is, with a patient who stands there on recordings."""
        return where is Standing.GRANTED or (where is Standing.SILENT and not self.recording_needs_consent)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """Everything the gate looks at; stored with its verdict."""

    mode: Mode
    zone: str
    earliest_at: datetime
    latest_at: datetime
    synthetic: bool
    deceased: bool
    consent: bool  # the call is borne: by the patient's word, or by the duty of care
    do_not_call: bool
    number_known: bool
    number_wrong: bool
    number_dialable: bool
    number_on_allow_list: bool
    trunk_is_loopback: bool
    queue_paused: bool
    attempts_today: int
    completed_today: int
    other_live_attempt: bool
    zone_known: bool = True
    automated: bool = False
    callee: Callee = Callee()  # noqa: RUF009 (frozen)
    standing: Standing = Standing.GRANTED
    basis: LegalBasis = LegalBasis.CONSENT
    recording: Standing = Standing.SILENT
    closed_by: tuple[str, ...] = ()  # ids of the objections that close this call
    person_closed: bool = False  # one of them is of the person himself, not of a number or a campaign alone
    number_never_dialed: bool = False
    relative_agreed: bool = True
    campaign_stopped: bool = False
    campaign_full: bool = False  # its calls of today are used up
    plan_stopped: bool = False
    attempts_of_task: int = 0
    tallies: tuple[Tally, ...] = ()
    emergency: str | None = None  # the red alert for which a person rings
    doctors_exception: str | None = None  # id of the reasoned exception

    @property
    def purpose(self) -> Purpose:
        """What the call is for."""
        return self.callee.purpose

    @property
    def refused_for_good(self) -> bool:
        """True if the patient has said no to what is not his care: nobody has to look, the task is over."""
        return self.purpose is not Purpose.CARE and (self.person_closed or self.standing is Standing.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Allowed, or the reasons why not (all of them, so that nobody mends one to meet the next)."""

    reasons: tuple[GateReason, ...]
    lifted: tuple[GateReason, ...] = ()  # what spoke against the call and was lifted by an emergency or a doctor

    @property
    def allowed(self) -> bool:
        """True if nothing speaks against the call."""
        return not self.reasons

    @property
    def waiting_helps(self) -> bool:
        """True if the call may become possible by itself."""
        return bool(self.reasons) and all(reason in CURED_BY_WAITING for reason in self.reasons)


def tally(cap: RollingCap, past: tuple[PastContact, ...], now: datetime) -> Tally:
    """How far a cap is used up by earlier contacts."""
    span = timedelta(days=cap.days)
    counted = sorted(
        contact.at
        for contact in past
        if contact.at > now - span
        and cap.concerns(contact.purposes, automated=contact.automated)
        and (contact.reached or cap.counts is Counted.ATTEMPTS)
    )
    full = len(counted) >= cap.at_most
    return Tally(cap=cap, count=len(counted), room_at=counted[len(counted) - cap.at_most] + span if full else None)


def open_spans(profile: Profile, day: date, callee: Callee | None) -> tuple[Span, ...]:
    """The local times of a day in which a call may be placed.

    The patient's own hours only ever narrow the profile's; with his explicit wish they are held against the outer hours
    instead, and no noon rest is kept for him: holidays and the law's own limits stay.
    """
    if day.isoformat() in profile.holidays:
        return ()
    weekday = day.isoweekday()
    kind = callee.days.get(day) if callee else None
    if kind is DayKind.MAKE_UP and profile.make_up_days_as_weekdays:
        weekday = MONDAY
    elif kind is DayKind.HOLIDAY and callee is not None:
        rule = profile.on_holidays.get(callee.purpose, HolidayRule.CLOSED)
        if rule is HolidayRule.CLOSED:
            return ()
        weekday = SUNDAY if rule is HolidayRule.AS_SUNDAY else weekday
    own = callee.own if callee else None
    wished = own is not None and own.wish
    spans = on_weekday((profile.outer_hours or profile.hours) if wished else profile.hours, weekday)
    if own is not None:
        spans = meet(spans, on_weekday(own.spans, day.isoweekday()))
    if callee is not None and callee.campaign:
        spans = meet(spans, on_weekday(callee.campaign, day.isoweekday()))
    rest = profile.noon_rest
    if rest is not None and callee is not None and not wished and rest.holds_for(callee.born, day):
        spans = without(spans, (rest.start, rest.end))
    return spans


def within_hours(profile: Profile, zone: str, now: datetime, callee: Callee | None = None) -> bool:
    """True if `now`, in the patient's zone, lies in the hours; without a callee in those kept for anybody."""
    local = now.astimezone(ZoneInfo(zone))
    return in_span(open_spans(profile, local.date(), callee), local)


def may_call_now(facts: GateFacts, profile: Profile, now: datetime) -> Verdict:
    """May this patient be dialed for this task at this moment? Asked when queued and again before the INVITE."""
    withdrawn = facts.standing is Standing.WITHDRAWN
    checks: tuple[tuple[GateReason, bool], ...] = (
        (GateReason.DECEASED, facts.deceased),
        (GateReason.DEMO_PATIENT, facts.synthetic and facts.mode is Mode.PRODUCTION),
        (GateReason.REAL_PATIENT_IN_DEMO, facts.mode is Mode.DEMO and not facts.synthetic),
        (GateReason.NOT_LOOPBACK, (facts.synthetic or facts.mode is Mode.DEMO) and not facts.trunk_is_loopback),
        (GateReason.NOT_ON_ALLOW_LIST, facts.mode is Mode.TRIAL and not facts.number_on_allow_list),
        (GateReason.NO_CONSENT, not facts.consent and not withdrawn),
        (GateReason.CONSENT_WITHDRAWN, withdrawn),
        (GateReason.DO_NOT_CALL, facts.do_not_call),
        (GateReason.NO_NUMBER, not facts.number_known),
        (GateReason.WRONG_NUMBER, facts.number_wrong),
        (GateReason.NUMBER_NOT_DIALABLE, facts.number_known and not facts.number_dialable),
        (GateReason.NUMBER_NEVER_DIALED, facts.number_never_dialed),
        (GateReason.RELATIVE_NOT_AGREED, not facts.relative_agreed),
        (GateReason.UNKNOWN_ZONE, not facts.zone_known),
        (GateReason.AFTER_WINDOW, now > facts.latest_at),
        (GateReason.BEFORE_WINDOW, now < facts.earliest_at),
        (GateReason.OUTSIDE_HOURS, facts.zone_known and not within_hours(profile, facts.zone, now, facts.callee)),
        (GateReason.DAILY_CAP, facts.attempts_today >= profile.attempts_per_day),
        (GateReason.ROLLING_CAP, any(each.count >= each.cap.at_most for each in facts.tallies)),
        (
            GateReason.TASK_CAP,
            profile.attempts_per_task is not None and facts.attempts_of_task >= profile.attempts_per_task,
        ),
        (GateReason.COMPLETED_TODAY, facts.completed_today >= profile.completed_per_day),
        (GateReason.QUEUE_PAUSED, facts.queue_paused),
        (GateReason.PLAN_STOPPED, facts.plan_stopped),
        (GateReason.CAMPAIGN_STOPPED, facts.campaign_stopped),
        (GateReason.CAMPAIGN_CAP, facts.campaign_full),
        (GateReason.LIVE_ATTEMPT, facts.other_live_attempt),
    )
    against = tuple(reason for reason, speaks_against in checks if speaks_against)
    liftable = _liftable(facts)
    return Verdict(
        reasons=tuple(reason for reason in against if reason not in liftable),
        lifted=tuple(reason for reason in against if reason in liftable),
    )


def _liftable(facts: GateFacts) -> frozenset[GateReason]:
    if facts.purpose is not Purpose.CARE or facts.automated:
        return frozenset()
    if facts.emergency is not None:
        return LIFTED_BY_EMERGENCY
    return LIFTED_BY_DOCTOR if facts.doctors_exception is not None else frozenset()


def next_opening(
    profile: Profile, zone: str, not_before: datetime, *, days: int = HORIZON_DAYS, callee: Callee | None = None
) -> datetime | None:
    """The first instant at or after `not_before` within the hours, looking `days` days ahead."""
    if within_hours(profile, zone, not_before, callee):
        return not_before
    tz = ZoneInfo(zone)
    today = not_before.astimezone(tz).date()
    for ahead in range(days + 1):
        day = today + timedelta(days=ahead)
        openings = [
            moment
            for start, _ in open_spans(profile, day, callee)
            for moment in _readings(datetime.combine(day, start), tz)
            if moment >= not_before and within_hours(profile, zone, moment, callee)
        ]
        if openings:
            return min(openings).astimezone(not_before.tzinfo)
    return None


def _readings(local: datetime, tz: ZoneInfo) -> tuple[datetime, ...]:
    """The instants at which a local clock shows this time: two when it is set back, the jump when it is set ahead."""
    first, second = (local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first, second
    # The clock jumps over this time somewhere between the two readings: the jump itself is when the hours begin.
    before, after = second, first
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(tz).replace(tzinfo=None) < local:
            before = middle
        else:
            after = middle
    return (after.replace(microsecond=0),)


SHORT_WAIT = timedelta(seconds=5)
"""Until a paused queue or another call of the patient is asked about again."""

WHILE_ANOTHER_IS_UP = timedelta(minutes=5)
"""The longest wait for a cap that another live call of the patient is counted in."""


def waited_out(verdict: Verdict, facts: GateFacts, profile: Profile, now: datetime) -> datetime:
    """When the gate is worth asking again after a refusal that waiting cures: the latest of its reasons' ends."""
    zone = facts.zone if facts.zone_known else "UTC"
    tz = ZoneInfo(zone)
    tomorrow = datetime.combine(now.astimezone(tz).date() + timedelta(days=1), time(0), tzinfo=tz)
    ends = {
        GateReason.BEFORE_WINDOW: facts.earliest_at,
        GateReason.OUTSIDE_HOURS: now,
        GateReason.DAILY_CAP: tomorrow.astimezone(now.tzinfo),
        GateReason.ROLLING_CAP: max((each.room_at for each in facts.tallies if each.room_at), default=now),
        GateReason.COMPLETED_TODAY: tomorrow.astimezone(now.tzinfo),
        GateReason.QUEUE_PAUSED: now + SHORT_WAIT,
        GateReason.CAMPAIGN_STOPPED: now + SHORT_WAIT,
        GateReason.CAMPAIGN_CAP: tomorrow.astimezone(now.tzinfo),
        GateReason.LIVE_ATTEMPT: now + SHORT_WAIT,
    }
    if GateReason.LIVE_ATTEMPT in verdict.reasons:
        # The call that is up may not count in the end (a fault of ours): caps are asked about again before long.
        for cap in (GateReason.DAILY_CAP, GateReason.ROLLING_CAP):
            ends[cap] = min(ends[cap], now + WHILE_ANOTHER_IS_UP)
    not_before = max((ends[reason] for reason in verdict.reasons if reason in ends), default=now + SHORT_WAIT)
    if GateReason.OUTSIDE_HOURS in verdict.lifted:
        return not_before
    return next_opening(profile, zone, not_before, callee=facts.callee) or now + timedelta(days=1)


def possible_at(verdict: Verdict, facts: GateFacts, profile: Profile, now: datetime) -> datetime | None:
    """When the call will be possible as things stand; None where waiting does not help, or not within the window."""
    if verdict.allowed:
        return now
    if not verdict.waiting_helps:
        return None
    at = waited_out(verdict, facts, profile, now)
    return at if at <= facts.latest_at else None
