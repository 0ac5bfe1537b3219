"""What follows an attempt: never outside window or hours, never more tries than the policy, nor sooner than its gap."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from followup.dialing_rules import SHORT_WAIT, Profile, within_hours
from followup.outcomes import NOT_COUNTED, NUMBER_IS_NO_USE, AttemptOutcome, TaskOutcome
from followup.what_next import AttemptPolicy, NextAction, NextStep, decide_next
from tests.support.builders import an_instant
from tests.unit.followup.test_may_call_now import INSTANTS, PROFILES, ZONES, a_profile

MORNING = an_instant("2026-03-02 02:00")  # Monday, ten o'clock in Shanghai


def a_policy(**values: Any) -> AttemptPolicy:
    """Three tries, two hours apart, on different parts of the day."""
    return AttemptPolicy(
        **{
            "id": "test",
            "version": 1,
            "status": "draft",
            "source": "tests",
            "max_attempts": 3,
            "gaps": {
                AttemptOutcome.BUSY: timedelta(minutes=15),
                AttemptOutcome.NO_ANSWER: timedelta(hours=2),
                AttemptOutcome.NETWORK_FAILURE: timedelta(minutes=10),
            },
            "default_gap": timedelta(hours=2),
            "other_day_part": True,
            "day_parts": (time(9), time(14), time(18)),
            **values,
        }
    )


def decided(*outcomes: AttemptOutcome, **values: Any) -> NextStep:
    """The next step after these outcomes, with ten days left and no other number."""
    return decide_next(
        **{
            "policy": a_policy(),
            "profile": a_profile(),
            "zone": "Asia/Shanghai",
            "outcomes": outcomes,
            "task_result": None,
            "latest_at": MORNING + timedelta(days=10),
            "another_number": False,
            "now": MORNING,
            **values,
        }
    )


BUSY, NO_ANSWER, FAILED = AttemptOutcome.BUSY, AttemptOutcome.NO_ANSWER, AttemptOutcome.NETWORK_FAILURE


@pytest.mark.parametrize(
    ("outcomes", "values", "action", "at", "task_outcome"),
    [
        # nobody was reached: again, in another part of the day (Shanghai is 8 h ahead)
        ([NO_ANSWER], {}, "call_again", "2026-03-02 06:00", None),
        ([NO_ANSWER], {"now": an_instant("2026-03-02 10:30")}, "call_again", "2026-03-03 01:00", None),
        # ... and where the window leaves no other part, in the same one
        ([NO_ANSWER], {"latest_at": an_instant("2026-03-02 04:30")}, "call_again", "2026-03-02 04:00", None),
        ([NO_ANSWER], {"latest_at": an_instant("2026-03-02 03:59")}, "other_channel", None, "lost-to-follow-up"),
        # a busy line and a fault of ours say nothing about the hour
        ([BUSY], {}, "call_again", "2026-03-02 02:15", None),
        ([FAILED], {}, "call_again", "2026-03-02 02:10", None),
        # the tries are used up; faults of ours do not use any
        ([NO_ANSWER] * 3, {}, "other_channel", None, "lost-to-follow-up"),
        ([NO_ANSWER, FAILED, BUSY], {}, "call_again", "2026-03-02 02:15", None),
        ([FAILED] * 10, {}, "escalate", None, None),
        # a number that is no use
        ([AttemptOutcome.WRONG_NUMBER], {}, "escalate", None, None),
        ([AttemptOutcome.INVALID_NUMBER], {"another_number": True}, "call_again", "2026-03-02 06:00", None),
        # a person spoke, and either said what came of it or did not
        ([AttemptOutcome.CONNECTED_PATIENT], {}, "escalate", None, None),
        ([AttemptOutcome.CONNECTED_PATIENT], {"task_result": TaskOutcome.COMPLETED}, "done", None, "completed"),
        ([AttemptOutcome.CONNECTED_PROXY], {"task_result": TaskOutcome.REFUSED}, "done", None, "refused"),
        ([NO_ANSWER] * 3, {"task_result": TaskOutcome.COMPLETED}, "done", None, "completed"),
        # stopped by the gate
        ([AttemptOutcome.BLOCKED_BY_POLICY], {}, "escalate", None, None),
        ([AttemptOutcome.BLOCKED_BY_POLICY], {"block_passes": True}, "call_again", "2026-03-02 02:00:05", None),
        # after closing time
        ([BUSY], {"now": an_instant("2026-03-02 11:59")}, "call_again", "2026-03-03 00:30", None),
    ],
)
def test_the_table_of_next_steps(
    outcomes: Sequence[AttemptOutcome], values: dict[str, Any], action: str, at: str | None, task_outcome: str | None
) -> None:
    step = decided(*outcomes, **values)
    assert (step.action, step.task_outcome) == (action, task_outcome)
    assert step.at == (an_instant(at) if at else None)
    assert step.reason


def test_a_gap_shorter_than_the_rest_of_the_day_part_jumps_to_the_next_part() -> None:
    step = decided(NO_ANSWER, policy=a_policy(gaps={NO_ANSWER: timedelta(minutes=5)}))
    assert step.at == an_instant("2026-03-02 06:00")


def test_before_the_first_part_of_the_day_the_night_counts_as_a_part() -> None:
    step = decided(
        NO_ANSWER, now=an_instant("2026-03-02 00:40"), policy=a_policy(gaps={NO_ANSWER: timedelta(minutes=5)})
    )
    assert step.at == an_instant("2026-03-02 01:00")


POLICIES = st.builds(
    a_policy,
    max_attempts=st.integers(1, 4),
    gaps=st.dictionaries(
        st.sampled_from(list(AttemptOutcome)), st.timedeltas(timedelta(seconds=1), timedelta(days=2)), max_size=6
    ),
    default_gap=st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    other_day_part=st.booleans(),
    day_parts=st.lists(st.times(), min_size=1, max_size=4, unique=True).map(lambda parts: tuple(sorted(parts))),
    uncounted_limit=st.integers(1, 10),
    when_exhausted=st.sampled_from([NextAction.OTHER_CHANNEL, NextAction.GIVE_UP, NextAction.ESCALATE]),
)
HISTORIES = st.lists(st.sampled_from(list(AttemptOutcome)), min_size=1, max_size=6)


@settings(max_examples=300)
@given(
    policy=POLICIES,
    profile=PROFILES,
    zone=st.sampled_from(ZONES),
    history=HISTORIES,
    result=st.none() | st.sampled_from(list(TaskOutcome)),
    left=st.timedeltas(timedelta(days=-1), timedelta(days=20)),
    another_number=st.booleans(),
    block_passes=st.booleans(),
    now=INSTANTS,
)
def test_a_decision_never_breaks_a_rule(
    policy: AttemptPolicy,
    profile: Profile,
    zone: str,
    history: list[AttemptOutcome],
    result: TaskOutcome | None,
    left: timedelta,
    *,
    another_number: bool,
    block_passes: bool,
    now: datetime,
) -> None:
    step = decide_next(
        policy=policy,
        profile=profile,
        zone=zone,
        outcomes=history,
        task_result=result,
        latest_at=now + left,
        another_number=another_number,
        now=now,
        block_passes=block_passes,
    )
    last = history[-1]
    counted = sum(outcome not in NOT_COUNTED for outcome in history)
    assert (step.at is not None) is (step.action is NextAction.CALL_AGAIN)
    assert result is None or (step.action is NextAction.DONE and step.task_outcome is result)
    if step.at is None:
        assert step.action is not NextAction.DONE or result is not None
        return
    gap = SHORT_WAIT if last is AttemptOutcome.BLOCKED_BY_POLICY else policy.gaps.get(last, policy.default_gap)
    assert now + gap <= step.at <= now + left
    assert within_hours(profile, zone, step.at)
    assert counted < policy.max_attempts
    assert len(history) - counted < policy.uncounted_limit
    assert last not in NUMBER_IS_NO_USE or another_number
    assert last is not AttemptOutcome.BLOCKED_BY_POLICY or block_passes
    assert step.task_outcome is None


@given(policy=POLICIES, profile=PROFILES, zone=st.sampled_from(ZONES), outcomes=st.data(), now=INSTANTS)
def test_every_task_comes_to_an_end(
    policy: AttemptPolicy, profile: Profile, zone: str, outcomes: st.DataObject, now: datetime
) -> None:
    history: list[AttemptOutcome] = []
    latest_at = now + timedelta(days=30)
    most = policy.max_attempts + policy.uncounted_limit
    while True:
        history.append(outcomes.draw(st.sampled_from(list(AttemptOutcome))))
        assert len(history) <= most
        step = decide_next(
            policy=policy,
            profile=profile,
            zone=zone,
            outcomes=history,
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


@given(zone=st.sampled_from(ZONES), now=INSTANTS)
def test_with_enough_time_the_next_try_falls_into_another_part_of_the_day(zone: str, now: datetime) -> None:
    policy = a_policy(gaps={NO_ANSWER: timedelta(minutes=30)})
    step = decided(NO_ANSWER, policy=policy, zone=zone, now=now, latest_at=now + timedelta(days=10))
    assert step.at is not None

    def part(moment: datetime) -> int:
        local = moment.astimezone(ZoneInfo(zone))
        return max((i for i, start in enumerate(policy.day_parts) if start <= local.time()), default=-1)

    zone_day = [moment.astimezone(ZoneInfo(zone)).date() for moment in (now, step.at)]
    assert part(step.at) != part(now) or zone_day[0] != zone_day[1]
