"""How long a campaign will take, reckoned beforehand: calls by the hour, its end, who finds no place, its cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from followup.flows import Flow, FlowStep

HOUR = timedelta(hours=1)
UNKNOWN_PROMPT_SECONDS = 4.0
KEY_SECONDS = 1.5
_SHORTEST_QUESTION = 1.0
_HOURS_LOOKED_AT = 24 * 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one person costs a campaign's lines."""

    lines: int
    answer_rate: float  # 0 to 1
    talk_seconds: float  # from the answer to the end
    miss_seconds: float  # ringing in vain
    tries: int

    @property
    def calls_each(self) -> float:
        """Calls for one person, as many as expected when who does not answer is tried again."""
        return sum((1 - self.answer_rate) ** n for n in range(self.tries))

    @property
    def seconds_each(self) -> float:
        """Seconds of a line for one person, retries included."""
        one = self.answer_rate * self.talk_seconds + (1 - self.answer_rate) * self.miss_seconds
        return self.calls_each * one

    def people_in(self, seconds: float) -> int:
        """So many people can be begun with in so many open seconds of all lines."""
        return int(self.lines * seconds / self.seconds_each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Somebody to be called: the first hour after an instant in which he may be, None when there is none."""

    patient_id: str
    opening: Callable[[datetime], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfCalls:
    """The people whose first call falls into one hour."""

    starts: datetime
    patient_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """First calls by the hour, and who finds no place before the end of the window."""

    hours: tuple[HourOfCalls, ...]
    no_room: tuple[str, ...]

    @property
    def ends_at(self) -> datetime | None:
        """The end of the last hour with calls; None when nobody is called."""
        return self.hours[-1].starts + HOUR if self.hours else None


def plan_calls(
    people: Sequence[Waiting],
    *,
    load: Load,
    open_seconds: Callable[[datetime], float],
    from_at: datetime,
    until: datetime,
    per_day: int | None,
    zone: str,
) -> CallPlan:
    """Whose first call falls into which hour; `open_seconds` says how much of an hour is calling time."""
    tz = ZoneInfo(zone)
    placed: dict[datetime, list[str]] = {}
    room: dict[datetime, int] = {}
    by_day: dict[object, int] = {}
    no_room: list[str] = []
    people_per_day = max(1, int(per_day / load.calls_each)) if per_day is not None else None
    full_until = from_at
    for person in people:
        at = person.opening(full_until)
        begun = at
        for _ in range(_HOURS_LOOKED_AT):
            if at is None or at >= until:
                no_room.append(person.patient_id)
                break
            hour = at.astimezone(tz).replace(minute=0, second=0, microsecond=0).astimezone(at.tzinfo)
            day = at.astimezone(tz).date()
            if people_per_day is not None and by_day.get(day, 0) >= people_per_day:
                at = person.opening(_tomorrow(at, tz))
                continue
            left = room.setdefault(hour, load.people_in(open_seconds(hour)))
            if left > 0:
                room[hour] -= 1
                by_day[day] = by_day.get(day, 0) + 1
                placed.setdefault(hour, []).append(person.patient_id)
                break
            if begun is not None and begun <= full_until and hour <= full_until:
                full_until = hour + HOUR
            at = person.opening(hour + HOUR)
    return CallPlan(
        hours=tuple(HourOfCalls(starts=hour, patient_ids=tuple(placed[hour])) for hour in sorted(placed)),
        no_room=tuple(no_room),
    )


def _tomorrow(at: datetime, tz: ZoneInfo) -> datetime:
    local = at.astimezone(tz)
    return (local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).astimezone(at.tzinfo)


def flow_seconds(flow: Flow, lengths: Mapping[str, float]) -> float:
    """How long a call by this flow takes with somebody who answers each question once he has heard it."""
    step, seconds, seen = flow.steps[flow.start], 0.0, set[str]()
    while step.key not in seen:
        seen.add(step.key)
        seconds += sum(lengths.get(prompt, UNKNOWN_PROMPT_SECONDS) for prompt in step.prompts)
        asked = step.asks and step.timeout_seconds >= _SHORTEST_QUESTION
        seconds += KEY_SECONDS if asked else step.timeout_seconds if step.asks else 0.0
        following = _usual_next(step, asked=asked)
        if step.ending is not None or following is None:
            break
        step = flow.steps[following]
    return seconds


def _usual_next(step: FlowStep, *, asked: bool) -> str | None:
    if step.proves is not None:
        return step.proves
    if asked and step.entry is not None:
        return step.entry.then
    if asked:
        return next((target for target in step.keys.values() if target != step.key), step.otherwise)
    return step.otherwise


def minutes_on_the_line(people: int, load: Load) -> float:
    """Minutes for which a carrier asks money: from the answer on."""
    reached = people * (1 - (1 - load.answer_rate) ** load.tries)
    return reached * load.talk_seconds / 60
