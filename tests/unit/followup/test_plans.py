"""Windows follow their anchor to the second, in order, and templates that cannot be are refused."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.plans import TaskMode, TemplateStep, windows
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import a_step, a_template, an_instant
from tests.unit.followup.test_may_call_now import INSTANTS, ZONES

OFFSETS = st.lists(st.integers(-1000, 10_000), min_size=3, max_size=3).map(
    lambda hours: tuple(timedelta(hours=offset) for offset in sorted(hours))
)


@given(offsets=st.lists(OFFSETS, min_size=1, max_size=6), anchor=INSTANTS, zone=st.sampled_from(ZONES))
def test_every_window_holds_its_target_and_none_is_lost(
    offsets: list[tuple[timedelta, ...]], anchor: datetime, zone: str
) -> None:
    steps = [a_step(f"s{i}", earliest=e, target=t, latest=last) for i, (e, t, last) in enumerate(offsets)]
    found = windows(a_template(*steps), anchor.astimezone(ZoneInfo(zone)))
    assert {window.step.key for window in found} == {step.key for step in steps}
    assert [window.target_at for window in found] == sorted(window.target_at for window in found)
    for window in found:
        assert window.earliest_at <= window.target_at <= window.latest_at
        assert window.target_at.timestamp() - anchor.timestamp() == pytest.approx(window.step.target.total_seconds())


def test_the_shipped_discharge_plan_begins_a_day_after_the_discharge() -> None:
    template = Content(REPOSITORY / "content").plans["T01"]
    first = windows(template, an_instant("2026-03-02 02:00"))[0]
    assert first.earliest_at == an_instant("2026-03-03 02:00")
    assert first.latest_at == an_instant("2026-03-05 02:00")


def test_an_anchor_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        windows(a_template(), datetime(2026, 3, 2))  # noqa: DTZ001 that is the fault


@pytest.mark.parametrize(
    "values",
    [
        {"earliest": timedelta(1), "target": timedelta(0), "latest": timedelta(2)},
        {"earliest": timedelta(0), "target": timedelta(2), "latest": timedelta(1)},
    ],
)
def test_a_step_out_of_order_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="step call: earliest, target and latest"):
        TemplateStep(key="call", mode=TaskMode.AGENT, queue="q", **values)


def test_an_automated_step_needs_a_flow() -> None:
    with pytest.raises(ValueError, match="needs a flow"):
        a_step(mode=TaskMode.AUTOMATED)
