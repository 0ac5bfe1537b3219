"""An alert's clock: who is told when, once, however late or often it is looked at."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from followup.alerts import (
    AlertClock,
    AlertLevel,
    AlertState,
    AlertTrigger,
    ClockStep,
    due_steps,
    next_alert_state,
    step_after,
)
from followup.duty import DutyRole
from followup.states import IllegalTransitionError
from tests.support.builders import an_instant

RAISED = an_instant("2026-11-22 01:30")
NURSE, DOCTOR, HEAD = DutyRole.NURSE, DutyRole.DOCTOR, DutyRole.HEAD


def a_clock(*after: tuple[float, DutyRole]) -> AlertClock:
    return AlertClock(
        level=AlertLevel.RED,
        acknowledge_within=timedelta(minutes=5),
        working_days=None,
        steps=tuple(ClockStep(after=timedelta(minutes=minutes), role=role) for minutes, role in after),
        call_back_within=None,
        emergency=True,
        outcome_within=timedelta(hours=1),
        advice={},
    )


RED = a_clock((0, NURSE), (5, DOCTOR), (15, HEAD))


@pytest.mark.parametrize(
    ("minutes", "taken", "expected"),
    [
        (0, 0, [NURSE]),
        (4.99, 1, []),
        (5, 1, [DOCTOR]),
        (14, 2, []),
        (15, 2, [HEAD]),
        (600, 3, []),
        (20, 1, [DOCTOR, HEAD]),  # looked at late: each once
        (20, 0, [NURSE, DOCTOR, HEAD]),
    ],
)
def test_each_step_is_due_once_at_its_minute(minutes: float, taken: int, expected: Sequence[DutyRole]) -> None:
    steps = due_steps(RED, raised_at=RAISED, taken=taken, now=RAISED + timedelta(minutes=minutes))
    assert [step.role for step in steps] == expected


def test_the_next_step_is_known_until_nobody_is_left() -> None:
    assert step_after(RED, raised_at=RAISED, taken=1) == RAISED + timedelta(minutes=5)
    assert step_after(RED, raised_at=RAISED, taken=3) is None


def test_a_clock_must_tell_somebody_at_once_and_in_order() -> None:
    with pytest.raises(ValueError, match="at once"):
        a_clock((5, DOCTOR))
    with pytest.raises(ValueError, match="one after another"):
        a_clock((0, NURSE), (15, HEAD), (5, DOCTOR))


def test_an_alert_is_not_closed_before_somebody_has_taken_it() -> None:
    with pytest.raises(IllegalTransitionError):
        next_alert_state(AlertState.RAISED, AlertTrigger.CLOSE)
    assert next_alert_state(AlertState.ACKNOWLEDGED, AlertTrigger.CLOSE) is AlertState.CLOSED
    with pytest.raises(IllegalTransitionError):
        next_alert_state(AlertState.CLOSED, AlertTrigger.CLOSE)
