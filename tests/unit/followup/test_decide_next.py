"""What follows an attempt: never outside window or hours, never more tries than the policy, nor sooner than its gap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from followup.dialing_rules import SHORT_WAIT, Profile, next_opening, within_hours
from followup.outcomes import NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome
from followup.what_next import (
    AttemptPolicy,
    DecisionReason,
    NextAction,
    NextStep,
    OutcomeRow,
    Try,
    counted,
    decide_next,
    part_of,
)
from tests.support.builders import an_instant
from tests.unit.followup.test_may_call_now import INSTANTS, PROFILES, ZONES, a_profile

MORNING = an_instant("2026-03-02 02:00")  # Monday, ten o'clock in Shanghai
BUSY, NO_ANSWER, FAILED = AttemptOutcome.BUSY, AttemptOutcome.NO_ANSWER, AttemptOutcome.NETWORK_FAILURE
REJECTED, BLOCKED, SPOKE = AttemptOutcome.REJECTED, AttemptOutcome.BLOCKED_BY_POLICY, AttemptOutcome.CONNECTED_PATIENT
GIVE_UP = NextAction.GIVE_UP
NEVER_COUNT = (FAILED, AttemptOutcome.CALLER_ABANDONED, BLOCKED)


def rows(**changed: OutcomeRow) -> dict[AttemptOutcome, OutcomeRow]:
    """A row for every outcome: two hours, another part of the day; `changed` by the outcome's name."""
    found = {
        outcome: OutcomeRow(
            gap=timedelta(hours=2), counts=outcome not in NEVER_COUNT, other_day_part=outcome not in NEVER_COUNT
        )
        for outcome in AttemptOutcome
    }
    found[BUSY] = OutcomeRow(gap=timedelta(minutes=15), counts=True, repeats=3, other_day_part=True)
    found[FAILED] = OutcomeRow(gap=timedelta(minutes=5), counts=False)
    found[SPOKE] = OutcomeRow(gap=timedelta(hours=2), counts=True, escalate=True)
    found[REJECTED] = OutcomeRow(gap=timedelta(hours=2), counts=True, at_most=2)
    return {**found, **{AttemptOutcome(name.replace("_", "-")): row for name, row in changed.items()}}


def a_policy(**values: Any) -> AttemptPolicy:
    """Three tries, two hours apart, on different parts of the day."""
    return AttemptPolicy(
        **{
            "id": "test",
            "version": 1,
            "status": "draft",
            "source": "tests",
            "max_attempts": 3,
            "rows": rows(),
            "day_parts": (time(9), time(14), time(18)),
            **values,
        }
    )


def tried(*outcomes: AttemptOutcome, at: datetime = MORNING, rang: timedelta | None = None) -> list[Try]:
    """These attempts, all placed at one moment; the last one rang so long."""
    return [*(Try(outcome=each, at=at) for each in outcomes[:-1]), Try(outcome=outcomes[-1], at=at, rang=rang)]


def decided(*outcomes: AttemptOutcome, **values: Any) -> NextStep:
    """The next step after these outcomes, with ten days left and no other number."""
    now, zone = values.get("now", MORNING), values.get("zone", "Asia/Shanghai")
    return decide_next(
        **{
            "policy": a_policy(),
            "opening": partial(next_opening, a_profile(), zone),
            "zone": zone,
            "tries": values.pop("tries", None) or tried(*outcomes, at=now),
            "task_result": None,
            "latest_at": MORNING + timedelta(days=10),
            "another_number": False,
            "now": now,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("outcomes", "values", "action", "at", "task_outcome"),
    [
        # nobody was reached: again, in another part of the day (Shanghai is 8 h ahead)
        ([NO_ANSWER], {}, "call_again", "2026-03-02 06:00", None),
        ([NO_ANSWER], {"now": an_instant("2026-03-02 10:30")}, "call_again", "2026-03-03 00:30", None),
        # ... and where the window leaves no other part, in the same one
        ([NO_ANSWER], {"latest_at": an_instant("2026-03-02 04:30")}, "call_again", "2026-03-02 04:00", None),
        # ... and where it leaves a call, but not after the rest, a person judges
        ([NO_ANSWER], {"latest_at": an_instant("2026-03-02 03:59")}, "escalate", None, None),
        ([NO_ANSWER], {"latest_at": MORNING - timedelta(minutes=1)}, "other_channel", None, "lost-to-follow-up"),
        # a busy line is tried soon, three times in a row, and then in another part of the day
        ([BUSY], {}, "call_again", "2026-03-02 02:15", None),
        ([BUSY] * 3, {"policy": a_policy(max_attempts=8)}, "call_again", "2026-03-02 02:15", None),
        ([BUSY] * 4, {"policy": a_policy(max_attempts=8)}, "call_again", "2026-03-02 06:00", None),
        # a fault of ours is tried soon, however often, and counts for nothing
        ([FAILED], {}, "call_again", "2026-03-02 02:05", None),
        ([FAILED] * 9, {}, "call_again", "2026-03-02 02:05", None),
        ([FAILED] * 10, {}, "escalate", None, None),
        # the tries are used up; faults of ours do not use any
        ([NO_ANSWER] * 3, {}, "other_channel", None, "lost-to-follow-up"),
        (
            [NO_ANSWER] * 3,
            {"policy": a_policy(when_exhausted=NextAction.ESCALATE)},
            "escalate",
            None,
            "lost-to-follow-up",
        ),
        ([NO_ANSWER, FAILED, BUSY], {}, "call_again", "2026-03-02 02:15", None),
        # one who refuses twice is left alone
        ([REJECTED], {}, "call_again", "2026-03-02 04:00", None),
        ([REJECTED, REJECTED], {}, "other_channel", None, "lost-to-follow-up"),
        # a number that is no use
        ([AttemptOutcome.WRONG_NUMBER], {}, "escalate", None, None),
        ([AttemptOutcome.INVALID_NUMBER], {"another_number": True}, "call_again", "2026-03-02 06:00", None),
        # a person spoke, and either said what came of it or did not
        ([SPOKE], {}, "escalate", None, None),
        ([SPOKE], {"task_result": TaskOutcome.COMPLETED}, "done", None, "completed"),
        ([AttemptOutcome.CONNECTED_PROXY], {"task_result": TaskOutcome.REFUSED}, "done", None, "refused"),
        ([NO_ANSWER] * 3, {"task_result": TaskOutcome.COMPLETED}, "done", None, "completed"),
        # stopped by the gate
        ([BLOCKED], {}, "escalate", None, None),
        ([BLOCKED], {"block_passes": True}, "call_again", "2026-03-02 02:00:05", None),
        # after closing time
        ([BUSY], {"now": an_instant("2026-03-02 11:59")}, "call_again", "2026-03-03 00:30", None),
        # two a day are enough
        ([BUSY, BUSY], {"policy": a_policy(per_day=2)}, "call_again", "2026-03-03 01:00", None),
        # the last try must bring the second day
        ([BUSY, BUSY], {"policy": a_policy(spread_days=2)}, "call_again", "2026-03-03 01:00", None),
        ([BUSY], {"policy": a_policy(spread_days=2)}, "call_again", "2026-03-02 02:15", None),
        # ... and the second part of the day
        ([BUSY, BUSY], {"policy": a_policy(spread_parts=2)}, "call_again", "2026-03-02 06:00", None),
        # the other channel at once
        (
            [NO_ANSWER],
            {"policy": a_policy(rows=rows(no_answer=OutcomeRow(gap=timedelta(1), counts=True, other_channel=True)))},
            "other_channel",
            None,
            "lost-to-follow-up",
        ),
        # another day
        (
            [NO_ANSWER],
            {"policy": a_policy(rows=rows(no_answer=OutcomeRow(gap=timedelta(hours=2), counts=True, other_day=True)))},
            "call_again",
            "2026-03-03 01:00",
            None,
        ),
    ],
)
def test_the_table_of_next_steps(
    outcomes: Sequence[AttemptOutcome], values: dict[str, Any], action: str, at: str | None, task_outcome: str | None
) -> None:
    step = decided(*outcomes, **values)
    assert (step.action, step.task_outcome) == (action, task_outcome)
    assert step.at == (an_instant(at) if at else None)
    assert step.reason


@pytest.mark.parametrize(
    ("outcome", "rang", "hours", "reason"),
    [
        (REJECTED, timedelta(seconds=2.9), 4, DecisionReason.FAST_REJECTION),
        (REJECTED, timedelta(seconds=3), 2, DecisionReason.NOBODY_REACHED),
        (REJECTED, None, 2, DecisionReason.NOBODY_REACHED),
        # what networks tell of a pressed red key
        (BUSY, timedelta(seconds=1), 4, DecisionReason.FAST_REJECTION),
        (NO_ANSWER, timedelta(seconds=1), 4, DecisionReason.NOBODY_REACHED),
    ],
)
def test_a_telephone_refused_at_once_rests_for_four_hours(
    outcome: AttemptOutcome, rang: timedelta | None, hours: int, reason: DecisionReason
) -> None:
    step = decided(tries=tried(outcome, rang=rang))
    assert (step.at, step.reason) == (MORNING + timedelta(hours=hours), reason)


def test_a_gap_shorter_than_the_rest_of_the_day_part_jumps_to_the_next_part() -> None:
    quick = OutcomeRow(gap=timedelta(minutes=5), counts=True, other_day_part=True)
    step = decided(NO_ANSWER, policy=a_policy(rows=rows(no_answer=quick)))
    assert step.at == an_instant("2026-03-02 06:00")


def test_half_past_eight_and_nine_are_one_part_of_the_day() -> None:
    quick = OutcomeRow(gap=timedelta(minutes=5), counts=True, other_day_part=True)
    step = decided(NO_ANSWER, now=an_instant("2026-03-02 00:40"), policy=a_policy(rows=rows(no_answer=quick)))
    assert step.at == an_instant("2026-03-02 06:00")


def test_the_part_of_the_day_in_which_he_usually_answers_is_waited_for_if_it_is_worth_it() -> None:
    evening = decided(NO_ANSWER, policy=a_policy(best_hour=True), chances={0: 0.2, 1: 0.3, 2: 0.6})
    assert evening.at == an_instant("2026-03-02 10:00")
    hardly = decided(NO_ANSWER, policy=a_policy(best_hour=True), chances={0: 0.2, 1: 0.3, 2: 0.35})
    assert hardly.at == an_instant("2026-03-02 06:00")
    closes = decided(
        NO_ANSWER,
        policy=a_policy(best_hour=True),
        chances={1: 0.3, 2: 0.6},
        latest_at=an_instant("2026-03-02 09:59"),
    )
    assert closes.at == an_instant("2026-03-02 06:00")


def test_messages_go_out_only_where_the_queue_wants_them() -> None:
    row = OutcomeRow(gap=timedelta(hours=2), counts=True, message_after="missed_call", message_before="before_call")
    wanted = a_policy(rows=rows(no_answer=row), messages_after_misses=True, message_when_exhausted="cannot_reach")
    step = decided(NO_ANSWER, policy=wanted)
    assert (step.message_now, step.message_ahead) == ("missed_call", "before_call")
    quiet = decided(NO_ANSWER, policy=replace(wanted, messages_after_misses=False))
    assert (quiet.message_now, quiet.message_ahead) == (None, None)
    assert decided(*[NO_ANSWER] * 3, policy=wanted).message_now == "cannot_reach"
    assert decided(*[NO_ANSWER] * 3, policy=replace(wanted, when_exhausted=NextAction.GIVE_UP)).message_now is None


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"rows": {k: v for k, v in rows().items() if k is not BUSY}}, "no row for busy"),
        ({"rows": rows(network_failure=OutcomeRow(gap=timedelta(1), counts=True))}, "network-failure.*may not count"),
        ({"rows": rows(busy=OutcomeRow(gap=timedelta(0), counts=True))}, "busy needs a gap"),
        ({"when_exhausted": NextAction.CALL_AGAIN}, "when_exhausted"),
        ({"spread_parts": 4}, "fewer day_parts"),
    ],
)
def test_a_policy_that_could_leave_something_undecided_is_refused(values: Mapping[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        a_policy(**values)


ROWS = st.builds(
    OutcomeRow,
    gap=st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    counts=st.booleans(),
    repeats=st.integers(0, 3),
    at_most=st.none() | st.integers(1, 4),
    other_day_part=st.booleans(),
    other_day=st.booleans(),
    other_number=st.booleans(),
    other_channel=st.booleans(),
    escalate=st.booleans(),
)
ROW_SETS = st.fixed_dictionaries(
    {
        outcome: ROWS.map(lambda row: replace(row, counts=False)) if outcome in (FAILED, BLOCKED) else ROWS
        for outcome in AttemptOutcome
    }
)
POLICIES = st.builds(
    a_policy,
    max_attempts=st.integers(1, 4),
    rows=ROW_SETS,
    day_parts=st.lists(st.times(), min_size=2, max_size=4, unique=True).map(lambda parts: tuple(sorted(parts))),
    per_day=st.none() | st.integers(1, 3),
    spread_days=st.integers(1, 3),
    spread_parts=st.integers(1, 2),
    uncounted_limit=st.integers(1, 10),
    when_exhausted=st.sampled_from([NextAction.OTHER_CHANNEL, NextAction.GIVE_UP, NextAction.ESCALATE]),
    best_hour=st.booleans(),
)
TRIES = st.builds(
    lambda outcome, ago, rang: (outcome, ago, rang),
    st.sampled_from(list(AttemptOutcome)),
    st.timedeltas(timedelta(0), timedelta(days=3)),
    st.none() | st.timedeltas(timedelta(0), timedelta(seconds=40)),
)
CHANCES = st.dictionaries(st.integers(-1, 3), st.floats(0, 1), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    policy=POLICIES,
    profile=PROFILES,
    zone=st.sampled_from(ZONES),
    history=st.lists(TRIES, min_size=1, max_size=6),
    result=st.none() | st.sampled_from(list(TaskOutcome)),
    left=st.timedeltas(timedelta(days=-1), timedelta(days=20)),
    another_number=st.booleans(),
    block_passes=st.booleans(),
    chances=CHANCES,
    now=INSTANTS,
)
def test_a_decision_never_breaks_a_rule(
    policy: AttemptPolicy,
    profile: Profile,
    zone: str,
    history: list[tuple[AttemptOutcome, timedelta, timedelta | None]],
    result: TaskOutcome | None,
    left: timedelta,
    *,
    another_number: bool,
    block_passes: bool,
    chances: dict[int, float],
    now: datetime,
) -> None:
    tries = [Try(outcome=outcome, at=now - ago, rang=rang) for outcome, ago, rang in history]
    step = decide_next(
        policy=policy,
        opening=partial(next_opening, profile, zone),
        zone=zone,
        tries=tries,
        task_result=result,
        latest_at=now + left,
        another_number=another_number,
        now=now,
        block_passes=block_passes,
        chances=chances,
    )
    last = tries[-1].outcome
    used = counted(policy, tries)
    assert (step.at is not None) is (step.action is NextAction.CALL_AGAIN)
    assert result is None or (step.action is NextAction.DONE and step.task_outcome is result)
    if step.at is None:
        # Nothing is left undecided: the task ends, or a person is asked.
        assert step.action is NextAction.ESCALATE or step.task_outcome is not None
        return
    gap = SHORT_WAIT if last is BLOCKED else policy.rows[last].gap
    assert now + gap <= step.at <= now + left
    assert within_hours(profile, zone, step.at)
    assert used < policy.max_attempts
    assert len(tries) - used < policy.uncounted_limit
    assert last not in NUMBER_IS_NO_USE or another_number
    assert last is not BLOCKED or block_passes
    assert step.task_outcome is None


@settings(max_examples=60, deadline=None)
@given(policy=POLICIES, profile=PROFILES, zone=st.sampled_from(ZONES), outcomes=st.data(), now=INSTANTS)
def test_every_task_comes_to_an_end(
    policy: AttemptPolicy, profile: Profile, zone: str, outcomes: st.DataObject, now: datetime
) -> None:
    history: list[Try] = []
    latest_at = now + timedelta(days=30)
    most = policy.max_attempts + policy.uncounted_limit
    opening: Callable[[datetime], datetime | None] = partial(next_opening, profile, zone)
    while True:
        history.append(Try(outcome=outcomes.draw(st.sampled_from(list(AttemptOutcome))), at=now))
        assert len(history) <= most
        step = decide_next(
            policy=policy,
            opening=opening,
            zone=zone,
            tries=history,
            task_result=None,
            latest_at=latest_at,
            another_number=True,
            now=now,
            block_passes=True,
        )
        if step.at is None:
            break
        assert step.at > now
        now = step.at


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), now=INSTANTS)
def test_three_misses_with_enough_time_lie_on_two_days_and_two_parts_of_the_day(zone: str, now: datetime) -> None:
    policy = a_policy(per_day=2, spread_days=2, spread_parts=2)
    first = next_opening(a_profile(), zone, now)
    assert first is not None
    tries = [Try(outcome=NO_ANSWER, at=first)]
    latest_at = first + timedelta(days=10)
    for _ in range(2):
        step = decided(tries=tries, policy=policy, zone=zone, now=tries[-1].at, latest_at=latest_at)
        assert step.at is not None
        tries.append(Try(outcome=NO_ANSWER, at=step.at))
    assert len({each.at.astimezone(ZoneInfo(zone)).date() for each in tries}) >= 2
    assert len({part_of(policy, zone, each.at) for each in tries}) >= 2
