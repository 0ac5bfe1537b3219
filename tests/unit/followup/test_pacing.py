"""How many lines a desk may dial: the limit holds whatever becomes of the lines, and 1:1 is always allowed."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.calling_hours import EVERY_DAY, CallingHours
from followup.dialing_rules import Profile
from followup.pacing import (
    DEFAULT_LIMIT,
    DayCount,
    Desk,
    Held,
    PredictiveRule,
    agents_to_keep,
    estimated,
    lines_to_place,
    most_lines,
    new_counts,
    ring_bin,
    risk_taken,
)
from followup.plans import TaskMode
from followup.queues import AgentState
from followup.waiting import AgentFacts, WaitingFacts, stand

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
USUAL = estimated(new_counts())

desks = st.builds(
    Desk,
    free=st.integers(0, 30),
    talking=st.integers(0, 60),
    wrapping=st.integers(0, 20),
    ringing=st.lists(st.floats(0, 60), max_size=40),
    answered=st.integers(0, 5),
)
limits = st.sampled_from([0.0, 0.01, 0.03, 0.05])


@st.composite
def days(draw: st.DrawFn) -> DayCount:
    """A day that has kept its limit of 3 % so far."""
    answered = draw(st.integers(0, 5000))
    return DayCount(answered=answered, abandoned=draw(st.integers(0, int(answered * DEFAULT_LIMIT))))


@pytest.mark.parametrize(
    ("free", "lines", "answered", "abandoned", "most"),
    [
        (3, 0, 0, 0, 3),  # a young day is 1:1
        (3, 3, 0, 0, 0),
        (0, 0, 0, 0, 0),
        (3, 0, 30, 0, 4),  # 34 answers bear one abandoned call
        (3, 0, 29, 0, 3),
        (3, 3, 31, 0, 1),
        (0, 0, 100, 0, 3),  # ahead of agents who are all busy
        (0, 3, 100, 0, 0),
        (5, 0, 1000, 30, 5),  # the limit is used up: 1:1
        (5, 0, 1000, 31, 5),  # and over it (an agent was lost): 1:1 still
        (5, 9, 1000, 31, 0),
        (10, 0, 1000, 20, 20),
    ],
)
def test_so_many_lines_and_no_more(free: int, lines: int, answered: int, abandoned: int, most: int) -> None:
    desk = Desk(free=free, ringing=(0.0,) * lines)
    assert most_lines(desk, DayCount(answered=answered, abandoned=abandoned)) == most


@given(desks, days(), st.data())
def test_the_limit_holds_after_every_call_whatever_becomes_of_the_lines(
    desk: Desk, day: DayCount, choices: st.DataObject
) -> None:
    placed = most_lines(desk, day)
    lines, free = desk.lines + placed, desk.free
    if not placed and agents_to_keep(lines, day) > free:
        return  # such a desk came from elsewhere: nothing is added to it
    answered, abandoned = day.answered, day.abandoned
    for fate in choices.draw(st.lists(st.sampled_from(["answered", "ended", "freed"]), max_size=80)):
        if fate == "freed":
            free += 1
        elif lines:
            lines -= 1
            if fate == "answered":
                answered += 1
                if free:
                    free -= 1
                else:
                    abandoned += 1
        assert abandoned <= DEFAULT_LIMIT * answered + 1e-9


@given(desks, days())
def test_one_line_more_than_the_limit_allows_would_break_it(desk: Desk, day: DayCount) -> None:
    lines = desk.lines + most_lines(desk, day) + 1
    worst = day.abandoned + max(0, lines - desk.free)
    assert worst > DEFAULT_LIMIT * (day.answered + lines) or desk.free >= lines


@given(desks, days(), limits)
def test_one_line_for_each_free_agent_is_always_placed_and_the_limit_never_passed(
    desk: Desk, day: DayCount, limit: float
) -> None:
    placing = lines_to_place(desk, day, USUAL, limit=limit)
    assert max(0, desk.free - desk.lines) <= placing.lines <= placing.most


@given(desks, days())
def test_more_agents_allow_more_lines_and_more_abandoned_calls_fewer(desk: Desk, day: DayCount) -> None:
    most = most_lines(desk, day)
    assert most_lines(replace(desk, free=desk.free + 1), day) >= most
    assert most_lines(desk, replace(day, abandoned=day.abandoned + 1)) <= most
    assert most_lines(desk, replace(day, answered=day.answered + 1)) >= most
    assert most_lines(replace(desk, answered=desk.answered + 1), day) <= most


@given(desks, days())
def test_an_agent_may_leave_when_the_limit_holds_without_her(desk: Desk, day: DayCount) -> None:
    kept = agents_to_keep(desk.lines, day)
    assert day.abandoned + max(0, desk.lines - kept) <= DEFAULT_LIMIT * (day.answered + desk.lines) + 1e-9
    if kept:
        assert day.abandoned + desk.lines - (kept - 1) > DEFAULT_LIMIT * (day.answered + desk.lines)


def test_without_a_limit_nobody_is_dialed_ahead_and_a_senseless_one_is_refused() -> None:
    assert most_lines(Desk(free=2), DayCount(answered=1000), 0.0) == 2
    with pytest.raises(ValueError, match="is none"):
        most_lines(Desk(free=2), DayCount(), 1.0)


def test_lines_go_ahead_of_agents_who_will_soon_be_free_and_wait_where_none_will() -> None:
    day = DayCount(answered=2000)
    writing = lines_to_place(Desk(free=0, wrapping=20), day, USUAL)
    talking = lines_to_place(Desk(free=0, talking=1), day, USUAL)
    assert writing.lines > 5
    assert (talking.lines, talking.held) == (0, Held.RISK)


def test_why_no_more_lines_were_placed_is_told() -> None:
    assert lines_to_place(Desk(free=0), DayCount(), USUAL).held is Held.NOBODY_FREE
    assert lines_to_place(Desk(free=2), DayCount(), USUAL).held is Held.BUDGET
    assert lines_to_place(Desk(free=9), DayCount(), USUAL, most=4) == replace(
        lines_to_place(Desk(free=4), DayCount(), USUAL), held=Held.LINES
    )


def test_lines_that_ring_where_most_are_answered_hold_others_back() -> None:
    day, free = DayCount(answered=5000), Desk(free=2, wrapping=4)
    young, ripe = replace(free, ringing=(26.0,) * 4), replace(free, ringing=(8.0,) * 4)
    assert lines_to_place(young, day, USUAL).lines > lines_to_place(ripe, day, USUAL).lines


def test_what_is_left_of_the_limit_is_sold_dearer_the_less_it_is() -> None:
    fresh, half, spent = (risk_taken(DayCount(answered=1000, abandoned=many)) for many in (0, 15, 30))
    assert fresh > half > spent > 0
    assert risk_taken(DayCount(answered=10, abandoned=9)) == pytest.approx(spent)


def test_estimates_begin_with_the_usual_and_follow_what_is_seen() -> None:
    counts = new_counts()
    for _ in range(400):
        counts.answered[ring_bin(5.0)] += 1
    for _ in range(100):
        counts.ended[ring_bin(25.0)] += 1
    counts.talks, counts.talk_seconds = 400, 400 * 60.0
    seen = estimated(counts)
    assert USUAL.answered_within(0.0, 40.0) == pytest.approx(0.4, abs=0.02)
    assert seen.answered_within(0.0, 40.0) == pytest.approx(0.8, abs=0.03)
    assert seen.horizon < USUAL.horizon
    assert 60 < seen.talk_seconds < 70
    assert USUAL.answered_within(60.0, 10.0) == 0.0


def a_waiting_survey(**values: object) -> WaitingFacts:
    facts = {
        "task_id": "t",
        "queue_id": "q",
        "mode": TaskMode.AGENT,
        "priority": 50,
        "latest_at": NOW + timedelta(days=9),
        "next_attempt_at": NOW,
        "language": None,
        "dialect": None,
        "skills": (),
        "patients_language": "zh",
        "patients_dialect": None,
        "zone": "Asia/Shanghai",
        "owner_id": None,
        "owner_until": None,
        "last_agent_id": None,
        "same_nurse": timedelta(),
        "ahead": True,
        **values,
    }
    return WaitingFacts(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "tongues", "law", "ahead"),
    [
        ({}, ("zh", "zh"), True, True),
        ({}, ("zh", "zh"), False, False),  # the law's page does not let it
        ({"ahead": False}, ("zh", "zh"), True, False),  # another style, or he was abandoned today
        ({"priority": 3}, ("zh", "zh"), True, False),  # urgent
        ({}, ("zh", "en"), True, False),  # not everybody at work speaks his language
        ({"owner_id": "a0", "owner_until": datetime(2026, 3, 5, tzinfo=UTC)}, ("zh", "zh"), True, False),  # promised
    ],
)
def test_what_may_be_dialed_before_an_agent_is_chosen(
    values: dict[str, object], tongues: tuple[str, ...], law: bool, ahead: bool
) -> None:
    agents = [
        AgentFacts(id=f"a{place}", state=AgentState.ON_CALL, queues=("q",), languages=(tongue,), dialects=())
        for place, tongue in enumerate(tongues)
    ]
    hours = (CallingHours(start=time(9), end=time(18), weekdays=EVERY_DAY),)
    profile = Profile(
        id="test",
        version=1,
        status="draft",
        source="tests",
        hours=hours,
        attempts_per_day=3,
        completed_per_day=1,
        predictive=PredictiveRule(allowed=law),
    )
    assert stand(a_waiting_survey(**values), agents, profile, NOW).lane.ahead is ahead
