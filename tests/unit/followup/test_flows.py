"""A flow always comes to an end, whatever keys are pressed; one that could not is refused when it is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.flows import Flow, FlowEnding, FlowStep, step_after
from followup.outcomes import AttemptOutcome
from runtime.content.library import Content
from runtime.settings import REPOSITORY

END = FlowEnding(outcome=AttemptOutcome.CONNECTED_PATIENT)


def a_flow(*steps: FlowStep, start: str = "ask") -> Flow:
    """A flow of these steps."""
    return Flow(
        id="test", version=1, status="draft", source="tests", start=start, steps={step.key: step for step in steps}
    )


def ask(**values: Any) -> FlowStep:
    """A question: 1 leads to `yes`, nothing in two tries to `no`."""
    return FlowStep(**{"key": "ask", "prompts": ("q",), "keys": {"1": "yes"}, "otherwise": "no", **values})


def end(key: str) -> FlowStep:
    """A step that ends the call."""
    return FlowStep(key=key, prompts=(), keys={}, ending=END)


ASKING = a_flow(ask(), end("yes"), end("no"))


@pytest.mark.parametrize(
    ("pressed", "tries_made", "next_key"),
    [("1", 1, "yes"), ("1", 2, "yes"), ("", 1, "ask"), ("7", 1, "ask"), ("", 2, "no"), ("7", 2, "no"), ("11", 2, "no")],
)
def test_keys_lead_where_the_flow_says_and_silence_is_asked_again(pressed: str, tries_made: int, next_key: str) -> None:
    assert step_after(ASKING, ASKING.steps["ask"], pressed, tries_made).key == next_key


def test_a_step_without_keys_goes_on_at_once() -> None:
    flow = a_flow(
        FlowStep(key="hello", prompts=("h",), keys={}, otherwise="ask"), ask(), end("yes"), end("no"), start="hello"
    )
    assert step_after(flow, flow.steps["hello"], "", 1).key == "ask"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((ask(), end("yes")), "there is no step no"),
        ((ask(keys={"1": "maybe"}), end("yes"), end("no")), "there is no step maybe"),
        ((end("yes"),), "there is no start step ask"),
        ((ask(otherwise="ask"), end("yes")), "no end is reached from ask"),
    ],
)
def test_a_flow_that_cannot_be_walked_is_refused(steps: tuple[FlowStep, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        a_flow(*steps)


def test_a_step_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="neither ends nor leads anywhere"):
        FlowStep(key="lost", prompts=(), keys={})


@given(keys=st.lists(st.sampled_from(["", "0", "1", "2", "7", "#"]), max_size=60))
@pytest.mark.parametrize("flow", Content(REPOSITORY / "content").flows.values(), ids=lambda flow: flow.id)
def test_a_shipped_flow_ends_soon_after_the_last_key(flow: Flow, keys: list[str]) -> None:
    step, tries, asked = flow.steps[flow.start], 1, 0
    # Whatever was pressed before: from then on silence brings every flow to its end.
    for pressed in [*keys, *[""] * 40]:
        if step.ending is not None:
            break
        after = step_after(flow, step, pressed, tries)
        tries = tries + 1 if after is step and pressed not in step.keys else 1
        assert tries <= step.tries
        step, asked = after, asked + 1
    assert step.ending is not None
    assert asked <= len(keys) + 40
