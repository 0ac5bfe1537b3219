"""Hours and caps by chance: nobody is rung outside what the law, the calendar and he himself leave, in any zone."""

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from care.consent import Purpose
from followup.calendars import DayKind
from followup.calling_hours import EVERY_DAY, Callee, CallingHours, HolidayRule, NoonRest, OwnHours, Span, meet, without
from followup.dialing_rules import (
    Counted,
    GateReason,
    PastContact,
    Profile,
    RollingCap,
    may_call_now,
    next_opening,
    open_spans,
    possible_at,
    tally,
    waited_out,
    within_hours,
)
from tests.support.builders import an_instant
from tests.unit.followup.test_may_call_now import NOON, a_profile, some_facts

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
QUARTERS = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
HOURS = st.builds(
    lambda pair, weekdays: CallingHours(start=min(pair), end=max(pair), weekdays=weekdays),
    st.tuples(QUARTERS, QUARTERS).filter(lambda pair: pair[0] != pair[1]),
    st.frozensets(st.integers(1, 7), min_size=3),
)
OWN = st.builds(OwnHours, spans=st.lists(HOURS, min_size=1, max_size=2).map(tuple), wish=st.booleans())
RESTS = st.builds(NoonRest, start=st.just(time(12)), end=st.just(time(14)), from_age=st.integers(0, 90))
PROFILES = st.builds(
    lambda hours, outer, rest, rules: a_profile(*hours, outer_hours=tuple(outer), noon_rest=rest, on_holidays=rules),
    st.lists(HOURS, min_size=1, max_size=3),
    st.lists(HOURS, max_size=2),
    st.none() | RESTS,
    st.dictionaries(st.sampled_from(Purpose), st.sampled_from(HolidayRule)),
)


@st.composite
def callees(draw: st.DrawFn, around: datetime) -> Callee:
    days = st.dates(around.date() - timedelta(days=1), around.date() + timedelta(days=15))
    return Callee(
        purpose=draw(st.sampled_from(Purpose)),
        born=draw(st.none() | st.dates(date(1920, 1, 1), date(2020, 1, 1))),
        own=draw(st.none() | OWN),
        days=draw(st.dictionaries(days, st.sampled_from(DayKind), max_size=6)),
    )


def inside(spans: tuple[Span, ...], local: datetime) -> bool:
    return any(start <= local.time() < end for start, end in spans)


@settings(max_examples=300)
@given(chance=st.data(), profile=PROFILES, zone=st.sampled_from(ZONES), now=INSTANTS)
def test_an_allowed_call_lies_in_the_hours_of_the_law_and_in_his_own(
    chance: st.DataObject, profile: Profile, zone: str, now: datetime
) -> None:
    callee = chance.draw(callees(now))
    facts = some_facts(zone=zone, callee=callee, earliest_at=now - timedelta(days=1), latest_at=now + timedelta(days=1))
    allowed = may_call_now(facts, profile, now).allowed
    event(f"allowed: {allowed}")
    assert allowed is within_hours(profile, zone, now, callee)
    if not allowed:
        return
    local = now.astimezone(ZoneInfo(zone))
    wished = callee.own is not None and callee.own.wish
    limits = (profile.outer_hours or profile.hours) if wished else profile.hours
    assert inside(tuple((span.start, span.end) for span in limits), local)
    if callee.own is not None:
        today = [s for s in callee.own.spans if local.isoweekday() in s.weekdays]
        assert inside(tuple((span.start, span.end) for span in today), local)
    kind = callee.days.get(local.date())
    if kind is DayKind.HOLIDAY:
        assert profile.on_holidays.get(callee.purpose, HolidayRule.CLOSED) is not HolidayRule.CLOSED
    rest = profile.noon_rest
    if rest is not None and not wished and rest.holds_for(callee.born, local.date()):
        assert not rest.start <= local.time() < rest.end


@settings(max_examples=300)
@given(chance=st.data(), profile=PROFILES, zone=st.sampled_from(ZONES), now=INSTANTS)
def test_the_next_opening_is_allowed_and_nothing_before_it_is(
    chance: st.DataObject, profile: Profile, zone: str, now: datetime
) -> None:
    callee = chance.draw(callees(now))
    opening = next_opening(profile, zone, now, callee=callee)
    event(f"there is one: {opening is not None}")
    last = opening if opening is not None else now + timedelta(days=14)
    for step in chance.draw(st.lists(st.floats(0, 1, exclude_max=True), max_size=10)):
        moment = now + (last - now) * step
        assert moment == opening or not within_hours(profile, zone, moment, callee)
    if opening is not None:
        assert opening >= now
        facts = some_facts(zone=zone, callee=callee, earliest_at=now, latest_at=opening)
        assert may_call_now(facts, profile, opening).allowed


@given(chance=st.data(), profile=PROFILES, zone=st.sampled_from(ZONES), now=INSTANTS)
def test_own_hours_never_widen_the_hospitals_without_a_wish(
    chance: st.DataObject, profile: Profile, zone: str, now: datetime
) -> None:
    callee = chance.draw(callees(now))
    if callee.own is not None:
        callee = dataclasses.replace(callee, own=dataclasses.replace(callee.own, wish=False))
    if within_hours(profile, zone, now, callee):
        assert within_hours(profile, zone, now, dataclasses.replace(callee, own=None))


# --- caps -------------------------------------------------------------------------------------------------------------

PAST = st.lists(
    st.builds(
        PastContact,
        at=st.integers(0, 40 * 24).map(lambda hours: NOON - timedelta(hours=hours)),
        purposes=st.frozensets(st.sampled_from(Purpose), min_size=1, max_size=2),
        automated=st.booleans(),
        reached=st.booleans(),
    ),
    max_size=12,
).map(tuple)
CAPS = st.builds(
    RollingCap,
    at_most=st.integers(1, 4),
    days=st.integers(1, 30),
    counts=st.sampled_from(Counted),
    purposes=st.frozensets(st.sampled_from(Purpose), min_size=1),
    automated_only=st.booleans(),
)


@settings(max_examples=300)
@given(cap=CAPS, past=PAST, one_more=PAST.filter(bool), wait=st.integers(0, 40 * 24))
def test_caps_only_tighten_with_more_calls_and_only_loosen_with_time(
    cap: RollingCap, past: tuple[PastContact, ...], one_more: tuple[PastContact, ...], wait: int
) -> None:
    now = tally(cap, past, NOON)
    more = tally(cap, (*past, one_more[0]), NOON)
    assert now.count <= more.count <= now.count + 1
    later = tally(cap, past, NOON + timedelta(hours=wait))
    assert later.count <= now.count
    assert (now.room_at is None) is (now.count < cap.at_most)
    if now.room_at is not None:
        assert tally(cap, past, now.room_at - timedelta(seconds=1)).count >= cap.at_most
        assert tally(cap, past, now.room_at).count < cap.at_most
        facts = some_facts(tallies=(now,), latest_at=now.room_at + timedelta(days=2))
        verdict = may_call_now(facts, a_profile(), NOON)
        assert verdict.reasons == (GateReason.ROLLING_CAP,)
        assert waited_out(verdict, facts, a_profile(), NOON) >= now.room_at


# --- tables -----------------------------------------------------------------------------------------------------------

MON_TO_FRI = CallingHours(start=time(9), end=time(17), weekdays=frozenset({1, 2, 3, 4, 5}))
NATIONAL_DAY, MAKE_UP_SATURDAY = date(2026, 10, 1), date(2026, 10, 10)


@pytest.mark.parametrize(
    ("day", "kind", "purpose", "spans"),
    [
        (MAKE_UP_SATURDAY, None, Purpose.SURVEY, ()),
        (MAKE_UP_SATURDAY, DayKind.MAKE_UP, Purpose.SURVEY, ((time(9), time(17)),)),
        (NATIONAL_DAY, None, Purpose.SURVEY, ((time(9), time(17)),)),
        (NATIONAL_DAY, DayKind.HOLIDAY, Purpose.SURVEY, ()),
        (NATIONAL_DAY, DayKind.HOLIDAY, Purpose.CARE, ((time(10), time(12)),)),
        (NATIONAL_DAY, DayKind.HOLIDAY, Purpose.COMPLAINT, ((time(9), time(17)),)),
    ],
)
def test_holidays_and_make_up_days(day: date, kind: DayKind | None, purpose: Purpose, spans: tuple[Span, ...]) -> None:
    sunday = CallingHours(start=time(10), end=time(12), weekdays=frozenset({7}))
    rules = {Purpose.CARE: HolidayRule.AS_SUNDAY, Purpose.COMPLAINT: HolidayRule.OPEN}
    profile = a_profile(MON_TO_FRI, sunday, on_holidays=rules)
    assert open_spans(profile, day, Callee(purpose=purpose, days={day: kind} if kind else {})) == spans


@pytest.mark.parametrize(
    ("born", "rests"), [(date(1966, 3, 2), True), (date(1966, 3, 3), False), (None, True), (date(2000, 1, 1), False)]
)
def test_the_noon_rest_is_for_the_old_and_for_those_of_whom_nobody_knows(born: date | None, *, rests: bool) -> None:
    profile = a_profile(noon_rest=NoonRest(start=time(12), end=time(14), from_age=60))
    assert within_hours(profile, "Asia/Shanghai", an_instant("2026-03-02 05:00"), Callee(born=born)) is not rests
    wish = OwnHours(spans=(CallingHours(start=time(12), end=time(14), weekdays=EVERY_DAY),), wish=True)
    assert within_hours(profile, "Asia/Shanghai", an_instant("2026-03-02 05:00"), Callee(born=born, own=wish))


def test_a_wish_goes_as_far_as_the_law_and_no_further() -> None:
    late = (CallingHours(start=time(20), end=time(23), weekdays=EVERY_DAY),)
    profile = a_profile(outer_hours=(CallingHours(start=time(8), end=time(21), weekdays=EVERY_DAY),))
    day = date(2026, 3, 2)
    assert open_spans(profile, day, Callee(own=OwnHours(spans=late))) == ()
    assert open_spans(profile, day, Callee(own=OwnHours(spans=late, wish=True))) == ((time(20), time(21)),)
    assert open_spans(a_profile(), day, Callee(own=OwnHours(spans=late, wish=True))) == ()


def test_when_a_call_will_be_possible_is_told_only_where_waiting_helps_in_time() -> None:
    profile = a_profile()
    night = an_instant("2026-03-02 13:00")
    waits = some_facts(latest_at=night + timedelta(days=1))
    assert possible_at(may_call_now(waits, profile, night), waits, profile, night) == an_instant("2026-03-03 00:30")
    too_late = some_facts(latest_at=night + timedelta(hours=1))
    assert possible_at(may_call_now(too_late, profile, night), too_late, profile, night) is None
    gone = some_facts(deceased=True)
    assert possible_at(may_call_now(gone, profile, NOON), gone, profile, NOON) is None
    assert possible_at(may_call_now(some_facts(), profile, NOON), some_facts(), profile, NOON) == NOON


def test_spans_meet_and_lose_their_rest() -> None:
    morning, whole = (time(8), time(12)), (time(6), time(22))
    assert meet((whole,), (morning, (time(21), time(23)))) == (morning, (time(21), time(22)))
    assert without((whole,), (time(12), time(14))) == ((time(6), time(12)), (time(14), time(22)))
    assert without((morning,), (time(12), time(14))) == (morning,)


@pytest.mark.parametrize("values", [{"at_most": 0, "days": 1}, {"at_most": 1, "days": 0}])
def test_a_cap_that_cannot_be_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rolling cap"):
        RollingCap(**values)
    with pytest.raises(ValueError, match="purpose"):
        RollingCap(at_most=1, days=1, purposes=frozenset())
