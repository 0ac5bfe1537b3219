"""The gate: each reason speaks for itself, all are named, and the hours are the patient's own, summer time or not."""

import dataclasses
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from followup.calling_hours import CallingHours
from followup.dialing_rules import (
    CURED_BY_WAITING,
    SHORT_WAIT,
    GateFacts,
    GateReason,
    Mode,
    Profile,
    RollingCap,
    Tally,
    Verdict,
    may_call_now,
    next_opening,
    waited_out,
    within_hours,
)
from tests.support.builders import an_instant

EVERY_DAY = frozenset(range(1, 8))
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
NOON = an_instant("2026-03-02 04:00")  # Monday noon in Shanghai


def a_profile(*hours: CallingHours, **values: Any) -> Profile:
    """Calling hours from 8:30 to 20:00 on all days unless others are given."""
    return Profile(
        **{
            "id": "test",
            "version": 1,
            "status": "draft",
            "source": "tests",
            "hours": hours or (CallingHours(start=time(8, 30), end=time(20), weekdays=EVERY_DAY),),
            "attempts_per_day": 3,
            "completed_per_day": 1,
            **values,
        }
    )


def some_facts(**values: Any) -> GateFacts:
    """Facts under which a real patient may be called in production."""
    return GateFacts(
        **{
            "mode": Mode.PRODUCTION,
            "zone": "Asia/Shanghai",
            "earliest_at": NOON - timedelta(hours=1),
            "latest_at": NOON + timedelta(hours=1),
            "synthetic": False,
            "deceased": False,
            "consent": True,
            "do_not_call": False,
            "number_known": True,
            "number_wrong": False,
            "number_dialable": True,
            "number_on_allow_list": False,
            "trunk_is_loopback": False,
            "queue_paused": False,
            "attempts_today": 0,
            "completed_today": 0,
            "other_live_attempt": False,
            **values,
        }
    )


def test_a_patient_against_whose_call_nothing_speaks_may_be_called() -> None:
    verdict = may_call_now(some_facts(), a_profile(), NOON)
    assert verdict.allowed
    assert not verdict.waiting_helps


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({"deceased": True}, {GateReason.DECEASED}),
        ({"consent": False}, {GateReason.NO_CONSENT}),
        ({"do_not_call": True}, {GateReason.DO_NOT_CALL}),
        ({"number_known": False, "number_dialable": False}, {GateReason.NO_NUMBER}),
        (
            {"number_known": False, "number_dialable": False, "number_wrong": True},
            {GateReason.NO_NUMBER, GateReason.WRONG_NUMBER},
        ),
        ({"number_dialable": False}, {GateReason.NUMBER_NOT_DIALABLE}),
        ({"queue_paused": True}, {GateReason.QUEUE_PAUSED}),
        ({"other_live_attempt": True}, {GateReason.LIVE_ATTEMPT}),
        ({"attempts_today": 2}, set()),
        ({"attempts_today": 3}, {GateReason.DAILY_CAP}),
        ({"completed_today": 1}, {GateReason.COMPLETED_TODAY}),
        ({"earliest_at": NOON}, set()),
        ({"earliest_at": NOON + timedelta(microseconds=1)}, {GateReason.BEFORE_WINDOW}),
        ({"latest_at": NOON}, set()),
        ({"latest_at": NOON - timedelta(microseconds=1)}, {GateReason.AFTER_WINDOW}),
        # who is real, who is not, and where the line leads
        ({"synthetic": True}, {GateReason.DEMO_PATIENT, GateReason.NOT_LOOPBACK}),
        ({"synthetic": True, "trunk_is_loopback": True}, {GateReason.DEMO_PATIENT}),
        ({"mode": Mode.DEMO, "synthetic": True, "trunk_is_loopback": True}, set()),
        ({"mode": Mode.DEMO, "synthetic": True}, {GateReason.NOT_LOOPBACK}),
        ({"mode": Mode.DEMO, "trunk_is_loopback": True}, {GateReason.REAL_PATIENT_IN_DEMO}),
        ({"mode": Mode.DEMO}, {GateReason.REAL_PATIENT_IN_DEMO, GateReason.NOT_LOOPBACK}),
        ({"mode": Mode.TRIAL}, {GateReason.NOT_ON_ALLOW_LIST}),
        ({"mode": Mode.TRIAL, "number_on_allow_list": True}, set()),
        (
            {"mode": Mode.TRIAL, "number_on_allow_list": True, "synthetic": True},
            {GateReason.NOT_LOOPBACK},
        ),
    ],
)
def test_the_table_of_reasons(values: dict[str, Any], reasons: set[GateReason]) -> None:
    verdict = may_call_now(some_facts(**values), a_profile(), NOON)
    assert set(verdict.reasons) == reasons
    assert verdict.allowed is (not reasons)
    assert verdict.waiting_helps is (bool(reasons) and reasons <= CURED_BY_WAITING)


INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CALLING_HOURS = st.builds(
    lambda pair, weekdays: CallingHours(start=pair[0], end=pair[1], weekdays=weekdays),
    st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] < pair[1]),
    st.frozensets(st.integers(1, 7), min_size=1),
)
PROFILES = st.lists(CALLING_HOURS, min_size=1, max_size=3).map(lambda hours: a_profile(*hours))


def mostly(*, usual: bool) -> st.SearchStrategy[bool]:
    """Seldom the other, so that many drawn patients may be called and many for one reason only not."""
    return st.integers(0, 19).map(lambda n: usual if n < 19 else not usual)


@st.composite
def facts_at(draw: st.DrawFn, now: datetime, *, only_waiting: bool = False) -> GateFacts:
    """Facts around a moment; with `only_waiting` nothing speaks against the call but what waiting cures."""
    lasting: dict[str, Any] = {}
    if not only_waiting:
        lasting = {
            name: draw(mostly(usual=usual))
            for name, usual in (
                ("deceased", False),
                ("consent", True),
                ("do_not_call", False),
                ("number_known", True),
                ("number_wrong", False),
                ("number_dialable", True),
                ("number_on_allow_list", True),
                ("trunk_is_loopback", True),
            )
        }
        lasting["mode"] = draw(st.sampled_from(list(Mode)))
        lasting["synthetic"] = draw(mostly(usual=lasting["mode"] is Mode.DEMO))
    return some_facts(
        **lasting,
        zone=draw(st.sampled_from(ZONES)),
        earliest_at=now + timedelta(days=draw(st.floats(-30, 3))),
        latest_at=now + timedelta(days=draw(st.floats(3 if only_waiting else -1, 30))),
        queue_paused=draw(mostly(usual=False)),
        other_live_attempt=draw(mostly(usual=False)),
        attempts_today=draw(st.integers(0, 3)),
        completed_today=draw(mostly(usual=False).map(int)),
    )


@settings(max_examples=300)
@given(chance=st.data(), profile=PROFILES, now=INSTANTS)
def test_nobody_is_called_whom_no_call_may_ever_reach(chance: st.DataObject, profile: Profile, now: datetime) -> None:
    facts = chance.draw(facts_at(now))
    event(f"allowed: {may_call_now(facts, profile, now).allowed}")
    if may_call_now(facts, profile, now).allowed:
        assert facts.consent
        assert facts.number_known
        assert facts.number_dialable
        assert not facts.deceased
        assert not facts.do_not_call
        assert not facts.number_wrong
        assert not facts.queue_paused
        assert not facts.other_live_attempt
        assert facts.earliest_at <= now <= facts.latest_at
        assert within_hours(profile, facts.zone, now)
        assert facts.attempts_today < profile.attempts_per_day
        assert facts.completed_today < profile.completed_per_day
        assert facts.synthetic is (facts.mode is Mode.DEMO) or (facts.mode is Mode.TRIAL and facts.number_on_allow_list)
        assert facts.trunk_is_loopback or not facts.synthetic


@given(chance=st.data(), profile=PROFILES, now=INSTANTS, field=st.sampled_from(["deceased", "do_not_call"]))
def test_one_more_objection_never_makes_a_call_possible(
    chance: st.DataObject, profile: Profile, now: datetime, field: str
) -> None:
    facts = chance.draw(facts_at(now))
    with_objection: dict[str, Any] = {field: True}
    without: dict[str, Any] = {field: False}
    before = may_call_now(dataclasses.replace(facts, **without), profile, now)
    after = may_call_now(dataclasses.replace(facts, **with_objection), profile, now)
    assert set(before.reasons) < set(after.reasons)


# --- hours ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "utc", "open_then"),
    [
        ("Asia/Shanghai", "2026-03-02 00:29", False),
        ("Asia/Shanghai", "2026-03-02 00:30", True),
        ("Asia/Shanghai", "2026-03-02 11:59", True),
        ("Asia/Shanghai", "2026-03-02 12:00", False),
        ("America/New_York", "2026-03-07 13:30", True),  # 8:30 standard time
        ("America/New_York", "2026-03-08 12:30", True),  # 8:30 on the day the clocks go ahead
        ("America/New_York", "2026-03-08 12:29", False),
        ("Europe/Berlin", "2026-10-24 06:30", True),  # 8:30 summer time
        ("Europe/Berlin", "2026-10-25 06:30", False),  # 7:30 on the day they go back
        ("Europe/Berlin", "2026-10-25 07:30", True),
    ],
)
def test_the_hours_are_the_patients_local_time(zone: str, utc: str, *, open_then: bool) -> None:
    assert within_hours(a_profile(), zone, an_instant(utc)) is open_then


def test_nobody_is_called_on_a_holiday_or_on_a_weekday_that_is_not_listed() -> None:
    weekdays = CallingHours(start=time(9), end=time(17), weekdays=frozenset({1, 2, 3, 4, 5}))
    profile = a_profile(weekdays, holidays=frozenset({"2026-03-02"}))
    assert not within_hours(profile, "Asia/Shanghai", NOON)
    assert within_hours(profile, "Asia/Shanghai", NOON + timedelta(days=1))
    assert not within_hours(profile, "Asia/Shanghai", NOON - timedelta(days=1))
    assert next_opening(profile, "Asia/Shanghai", NOON - timedelta(days=2)) == an_instant("2026-03-03 01:00")


@given(profile=PROFILES, zone=st.sampled_from(ZONES), now=INSTANTS, steps=st.lists(st.floats(0, 1), max_size=20))
@example(  # the hours begin in the hour that is skipped: the first instant is the jump itself
    profile=a_profile(CallingHours(start=time(2, 30), end=time(5), weekdays=EVERY_DAY)),
    zone="America/New_York",
    now=an_instant("2026-03-08 06:00"),
    steps=[0.99],
)
@example(  # the hours are open twice, and the first opening is over
    profile=a_profile(CallingHours(start=time(1, 30), end=time(1, 40), weekdays=EVERY_DAY)),
    zone="America/New_York",
    now=an_instant("2026-11-01 05:50"),
    steps=[0.99],
)
def test_the_next_opening_is_the_first_moment_within_the_hours(
    profile: Profile, zone: str, now: datetime, steps: list[float]
) -> None:
    opening = next_opening(profile, zone, now)
    assert opening is not None
    assert opening >= now
    assert within_hours(profile, zone, opening)
    for step in steps:
        moment = now + (opening - now) * step
        assert moment >= opening or not within_hours(profile, zone, moment)


def test_the_openings_around_a_change_of_the_clocks() -> None:
    night = a_profile(CallingHours(start=time(2, 30), end=time(5), weekdays=EVERY_DAY))
    assert next_opening(night, "America/New_York", an_instant("2026-03-08 06:00")) == an_instant("2026-03-08 07:00")
    half_past_one = a_profile(CallingHours(start=time(1, 30), end=time(1, 40), weekdays=EVERY_DAY))
    again = next_opening(half_past_one, "America/New_York", an_instant("2026-11-01 05:50"))
    assert again == an_instant("2026-11-01 06:30")


def test_without_any_opening_in_sight_there_is_none() -> None:
    monday = CallingHours(start=time(9), end=time(17), weekdays=frozenset({1}))
    closed = a_profile(monday, holidays=frozenset({"2026-03-09", "2026-03-16"}))
    assert next_opening(closed, "UTC", an_instant("2026-03-03 00:00")) is None
    assert next_opening(closed, "UTC", an_instant("2026-03-03 00:00"), days=21) == an_instant("2026-03-23 09:00")


@pytest.mark.parametrize(
    "hours",
    [
        {"start": time(9), "end": time(9), "weekdays": EVERY_DAY},
        {"start": time(9), "end": time(10), "weekdays": frozenset()},
        {"start": time(9), "end": time(10), "weekdays": frozenset({0})},
    ],
)
def test_hours_that_cannot_be_are_refused(hours: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="calling hours"):
        CallingHours(**hours)


# --- how long to wait -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reasons", "until"),
    [
        ((GateReason.QUEUE_PAUSED,), NOON + SHORT_WAIT),
        ((GateReason.LIVE_ATTEMPT,), NOON + SHORT_WAIT),
        ((GateReason.BEFORE_WINDOW,), an_instant("2026-03-05 00:30")),  # the window opens at night
        ((GateReason.DAILY_CAP,), an_instant("2026-03-03 00:30")),
        ((GateReason.COMPLETED_TODAY, GateReason.QUEUE_PAUSED), an_instant("2026-03-03 00:30")),
    ],
)
def test_how_long_a_refused_task_waits(reasons: tuple[GateReason, ...], until: datetime) -> None:
    facts = some_facts(earliest_at=an_instant("2026-03-04 20:00"))
    assert waited_out(Verdict(reasons=reasons), facts, a_profile(), NOON) == until


@given(chance=st.data(), profile=PROFILES, now=INSTANTS)
def test_waiting_ends_later_than_now_and_within_the_hours(
    chance: st.DataObject, profile: Profile, now: datetime
) -> None:
    facts = chance.draw(facts_at(now, only_waiting=True))
    verdict = may_call_now(facts, profile, now)
    assume(not verdict.allowed)
    assert verdict.waiting_helps
    until = waited_out(verdict, facts, profile, now)
    assert until > now
    assert within_hours(profile, facts.zone, until)
    # A cap that a live call may be counted in is asked about again before long.
    if GateReason.DAILY_CAP in verdict.reasons and not facts.other_live_attempt:
        zone = ZoneInfo(facts.zone)
        assert until.astimezone(zone).date() > now.astimezone(zone).date()
    if GateReason.BEFORE_WINDOW in verdict.reasons:
        assert until >= facts.earliest_at


def test_a_cap_that_a_live_call_is_counted_in_is_asked_about_again_before_long() -> None:
    cap = RollingCap(at_most=1, days=1)
    full = Tally(cap=cap, count=1, room_at=NOON + timedelta(days=1))
    facts = some_facts(tallies=(full,), other_live_attempt=True)
    profile = a_profile(CallingHours(start=time(0), end=time(23, 59), weekdays=EVERY_DAY))
    while_up = waited_out(may_call_now(facts, profile, NOON), facts, profile, NOON)
    assert NOON < while_up <= NOON + timedelta(minutes=5)
    over = dataclasses.replace(facts, other_live_attempt=False)
    assert waited_out(may_call_now(over, profile, NOON), over, profile, NOON) == NOON + timedelta(days=1)
