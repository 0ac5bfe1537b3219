"""Which trunk a call takes now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.trunk_choice import Hindrance, TrunkUse, choose, full, hindrance, in_cost_order, refilled

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    name: str
    cost: float
    channels: int | None


def use(*, up: bool = True, channels: int = 0, tokens: float = 1.0) -> TrunkUse:
    return TrunkUse(up=up, channels_in_use=channels, tokens=tokens)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (use(), None),
        (use(up=False), Hindrance.DOWN),
        (use(channels=1), None),
        (use(channels=2), Hindrance.NO_CHANNEL),
        (use(tokens=0.99), Hindrance.PACE),
        (use(up=False, channels=2, tokens=0), Hindrance.DOWN),
    ],
)
def test_a_trunk_is_taken_when_it_is_up_and_has_a_channel_and_a_token(
    seen: TrunkUse, expected: Hindrance | None
) -> None:
    assert hindrance(Line("a", 1, 2), seen) is expected


def test_a_trunk_without_a_limit_has_always_a_channel() -> None:
    assert hindrance(Line("a", 1, None), use(channels=10_000)) is None


lines = st.lists(
    st.builds(Line, st.text("abc", min_size=1, max_size=3), st.floats(0, 9), st.none() | st.integers(1, 3)),
    max_size=6,
    unique_by=lambda line: line.name,
)
uses = st.builds(TrunkUse, up=st.booleans(), channels_in_use=st.integers(0, 4), tokens=st.floats(0, 3, allow_nan=False))


@given(lines, st.data())
def test_the_cheapest_that_can_is_taken_and_none_behind_it_is_looked_at(found: list[Line], data: st.DataObject) -> None:
    seen: dict[str, TrunkUse] = {}

    def look(line: Line) -> TrunkUse:
        assert line.name not in seen
        seen[line.name] = data.draw(uses)
        return seen[line.name]

    chosen, hindered = choose(found, look)
    order = in_cost_order(found)
    able = [line for line in order if line.name in seen and hindrance(line, seen[line.name]) is None]
    assert able == ([] if chosen is None else [chosen])
    assert [line.name for line in order][: len(seen)] == list(seen)
    assert set(hindered) == set(seen) - ({chosen.name} if chosen else set())
    if chosen is None:
        assert set(seen) == {line.name for line in found}


@given(st.floats(0.1, 50), st.lists(st.floats(0, 5), max_size=60))
def test_no_second_sees_more_calls_than_the_pace_and_what_was_saved_up(per_second: float, gaps: list[float]) -> None:
    tokens, filled_at, now, taken = full(per_second), NOW, NOW, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        tokens, filled_at = refilled(tokens, filled_at, per_second, now), now
        if tokens >= 1:
            tokens -= 1
            taken.append(now)
    for start in taken:
        within = [at for at in taken if start <= at <= start + timedelta(seconds=1)]
        assert len(within) <= full(per_second) + per_second + 1e-6


def test_a_clock_that_went_back_gives_no_tokens() -> None:
    assert refilled(0.5, NOW, 5, NOW - timedelta(hours=1)) == 0.5
