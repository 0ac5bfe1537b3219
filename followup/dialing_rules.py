"""The decision before every call: may we dial now. Pure; time is an argument."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


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
    NO_CONSENT = "no_consent"
    DO_NOT_CALL = "do_not_call"
    DECEASED = "deceased"
    NO_NUMBER = "no_number"
    WRONG_NUMBER = "wrong_number"
    NUMBER_NOT_DIALABLE = "number_not_dialable"
    DAILY_CAP = "daily_cap"
    COMPLETED_TODAY = "completed_today"
    QUEUE_PAUSED = "queue_paused"
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
        GateReason.COMPLETED_TODAY,
        GateReason.QUEUE_PAUSED,
        GateReason.LIVE_ATTEMPT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingHours:
    """A span of local time in which a call may be placed, on the ISO weekdays given (1 is Monday)."""

    start: time
    end: time
    weekdays: frozenset[int]

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("calling hours: start must be before end")
        if not self.weekdays or not self.weekdays <= set(range(1, 8)):
            raise ValueError("calling hours: weekdays are 1 (Monday) to 7 (Sunday)")


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
    holidays: frozenset[str] = frozenset()  # ISO dates on which nobody is called


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """Everything the gate looks at; stored with its verdict."""

    mode: Mode
    zone: str
    earliest_at: datetime
    latest_at: datetime
    synthetic: bool
    deceased: bool
    consent: bool
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Allowed, or the reasons why not (all of them, so that nobody mends one to meet the next)."""

    reasons: tuple[GateReason, ...]

    @property
    def allowed(self) -> bool:
        """True if nothing speaks against the call."""
        return not self.reasons

    @property
    def waiting_helps(self) -> bool:
        """True if the call may become possible by itself."""
        return bool(self.reasons) and all(reason in CURED_BY_WAITING for reason in self.reasons)


def within_hours(profile: Profile, zone: str, now: datetime) -> bool:
    """True if `now`, in the patient's zone, lies in the profile's hours and on no holiday."""
    local = now.astimezone(ZoneInfo(zone))
    if local.date().isoformat() in profile.holidays:
        return False
    return any(
        local.isoweekday() in span.weekdays and span.start <= local.time().replace(tzinfo=None) < span.end
        for span in profile.hours
    )


def may_call_now(facts: GateFacts, profile: Profile, now: datetime) -> Verdict:
    """May this patient be dialed for this task at this moment? Asked when queued and again before the INVITE."""
    checks: tuple[tuple[GateReason, bool], ...] = (
        (GateReason.DECEASED, facts.deceased),
        (GateReason.DEMO_PATIENT, facts.synthetic and facts.mode is Mode.PRODUCTION),
        (GateReason.REAL_PATIENT_IN_DEMO, facts.mode is Mode.DEMO and not facts.synthetic),
        (GateReason.NOT_LOOPBACK, (facts.synthetic or facts.mode is Mode.DEMO) and not facts.trunk_is_loopback),
        (GateReason.NOT_ON_ALLOW_LIST, facts.mode is Mode.TRIAL and not facts.number_on_allow_list),
        (GateReason.NO_CONSENT, not facts.consent),
        (GateReason.DO_NOT_CALL, facts.do_not_call),
        (GateReason.NO_NUMBER, not facts.number_known),
        (GateReason.WRONG_NUMBER, facts.number_wrong),
        (GateReason.NUMBER_NOT_DIALABLE, facts.number_known and not facts.number_dialable),
        (GateReason.AFTER_WINDOW, now > facts.latest_at),
        (GateReason.BEFORE_WINDOW, now < facts.earliest_at),
        (GateReason.OUTSIDE_HOURS, not within_hours(profile, facts.zone, now)),
        (GateReason.DAILY_CAP, facts.attempts_today >= profile.attempts_per_day),
        (GateReason.COMPLETED_TODAY, facts.completed_today >= profile.completed_per_day),
        (GateReason.QUEUE_PAUSED, facts.queue_paused),
        (GateReason.LIVE_ATTEMPT, facts.other_live_attempt),
    )
    return Verdict(reasons=tuple(reason for reason, speaks_against in checks if speaks_against))


def next_opening(profile: Profile, zone: str, not_before: datetime, *, days: int = 14) -> datetime | None:
    """The first instant at or after `not_before` within the profile's hours, looking `days` days ahead."""
    if within_hours(profile, zone, not_before):
        return not_before
    tz = ZoneInfo(zone)
    today = not_before.astimezone(tz).date()
    candidates = [
        moment
        for ahead in range(days + 1)
        for span in profile.hours
        for moment in _readings(datetime.combine(today + timedelta(days=ahead), span.start), tz)
    ]
    openings = [c for c in candidates if c >= not_before and within_hours(profile, zone, c)]
    return min((opening.astimezone(not_before.tzinfo) for opening in openings), default=None)


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


def waited_out(verdict: Verdict, facts: GateFacts, profile: Profile, now: datetime) -> datetime:
    """When the gate is worth asking again after a refusal that waiting cures: the latest of its reasons' ends."""
    tz = ZoneInfo(facts.zone)
    tomorrow = datetime.combine(now.astimezone(tz).date() + timedelta(days=1), time(0), tzinfo=tz)
    ends = {
        GateReason.BEFORE_WINDOW: facts.earliest_at,
        GateReason.OUTSIDE_HOURS: now,
        GateReason.DAILY_CAP: tomorrow.astimezone(now.tzinfo),
        GateReason.COMPLETED_TODAY: tomorrow.astimezone(now.tzinfo),
        GateReason.QUEUE_PAUSED: now + SHORT_WAIT,
        GateReason.LIVE_ATTEMPT: now + SHORT_WAIT,
    }
    not_before = max((ends[reason] for reason in verdict.reasons if reason in ends), default=now + SHORT_WAIT)
    return next_opening(profile, facts.zone, not_before) or now + timedelta(days=1)
