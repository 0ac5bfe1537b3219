"""Every shipped flow: who rings, that it is a machine, that it is recorded, who is there, and only then the matter."""

from collections.abc import Iterator

import pytest
import yaml

from followup.calls import LegId
from followup.flows import PERSON_KEY, PERSON_STEP, WANTS_A_PERSON, Flow, FlowStep
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.effects import Effect, PlayPrompt

CONTENT = REPOSITORY / "content"
FLOWS = Content(CONTENT).flows
LINE = Line(leg_id=LegId("leg"), language="zh")
OPENING = ["greeting", "machine_notice", "recording_notice"]
REFUSAL_KEY = "8"

# Beside the words of content/: what tells that somebody is in care, whichever prompt says it.
TELLING = (
    "门诊",
    "预约",
    "病历",
    "出院",
    "复诊",
    "科",
    "药",
    "appointment",
    "clinic",
    "discharge",
    "medicine",
    "surgery",
)

each_flow = pytest.mark.parametrize("flow", FLOWS.values(), ids=list(FLOWS))


def texts() -> dict[tuple[str, str], str]:
    listed = yaml.safe_load((CONTENT / "prompts" / "prompts.yaml").read_text(encoding="utf-8"))["prompts"]
    return {(prompt["key"], prompt["language"]): prompt["text"] for prompt in listed}


def health_words() -> set[str]:
    """Every word that the content listens for as a sign of danger or as worth a note, and what tells of care."""
    found = set(TELLING)
    for path in (*(CONTENT / "red_flags").glob("*.yaml"), *(CONTENT / "note_words").glob("*.yaml")):
        found |= set(words_in(yaml.safe_load(path.read_text(encoding="utf-8"))))
    return {word.lower() for word in found if len(word) > 1 or word == "科"} - {"您好", "hello"}


def words_in(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in ("id", "status", "source", "version", "code", "level", "key", "kind"):
                yield from words_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from words_in(value)
    elif isinstance(node, str):
        yield node


def identity_steps(flow: Flow) -> set[str]:
    return {step.key for step in flow.steps.values() if "identity" in step.prompts}


def before_identity(flow: Flow) -> dict[str, FlowStep]:
    """Every step that can be reached without the key by which somebody says that he is the patient."""
    asked = identity_steps(flow)
    found: dict[str, FlowStep] = {}
    open_steps = [flow.start]
    while open_steps:
        step = flow.steps[open_steps.pop()]
        if step.key in found:
            continue
        found[step.key] = step
        answers = [target for key, target in step.keys.items() if step.key not in asked or key != "1"]
        open_steps += [*answers, *([step.otherwise] if step.otherwise else [])]
    return found


def said(effects: list[Effect]) -> list[str]:
    return [effect.key for effect in effects if isinstance(effect, PlayPrompt)]


@each_flow
def test_heard_out_a_call_says_hospital_machine_recording_and_identity_in_this_order(flow: Flow) -> None:
    position, effects = automated.begin(flow, LINE)
    heard = said(effects)
    while len(heard) < len(OPENING) + 1:
        step = flow.steps[position.step]
        if step.keys and position.prompt == len(step.prompts):
            position, effects = automated.keys_collected(flow, position, "", LINE, waited_out=True)
        else:
            position, effects = automated.prompt_finished(flow, position, LINE)
        heard += said(effects)
    assert heard == [*OPENING, "identity"]


@each_flow
@pytest.mark.parametrize("key", [key for key in "123456789*#" if key != REFUSAL_KEY])
def test_no_key_pressed_early_skips_a_notice_or_answers_a_question_not_asked_yet(flow: Flow, key: str) -> None:
    position, effects = automated.begin(flow, LINE)
    heard = said(effects)
    for _ in OPENING:
        pressed = "" if key == "#" else key
        position, effects = automated.keys_collected(flow, position, pressed, LINE)
        heard += said(effects)
    assert heard == [*OPENING, "identity"]


@each_flow
def test_before_somebody_said_that_he_is_the_patient_no_word_tells_that_he_is_in_care(flow: Flow) -> None:
    asked = identity_steps(flow)
    assert asked, "the flow asks nobody who he is"
    neutral = before_identity(flow)
    assert set(neutral) < set(flow.steps), "nothing comes behind the identity: the matter is told to anybody"
    spoken, words = texts(), health_words()
    for prompt in {prompt for step in neutral.values() for prompt in step.prompts}:
        for language in ("zh", "en"):
            told = [word for word in words if word in spoken[(prompt, language)].lower()]
            assert told == [], f"{prompt} in {language} tells {told} before the identity is known"


@each_flow
def test_the_matter_does_have_such_words_so_the_list_is_of_use(flow: Flow) -> None:
    behind = {key: step for key, step in flow.steps.items() if key not in before_identity(flow)}
    text = " ".join(texts()[(prompt, "zh")] for step in behind.values() for prompt in step.prompts)
    assert any(word in text for word in health_words())


@each_flow
def test_the_recording_can_be_refused_until_the_identity_is_known_and_the_call_goes_on(flow: Flow) -> None:
    for key in {flow.start, *identity_steps(flow)}:
        refused = flow.steps[flow.steps[key].keys[REFUSAL_KEY]]
        assert refused.refuses_recording
        assert refused.ending is None


@each_flow
def test_key_zero_brings_a_person_in_every_step_and_prompt(flow: Flow) -> None:
    for step in flow.steps.values():
        for prompt in range(len(step.prompts) + 1):
            at = FlowPosition(step=step.key, prompt=prompt)
            position, _ = automated.key_pressed(flow, at, PERSON_KEY, LINE)
            assert position.step == PERSON_STEP, f"key 0 does nothing in {at}"
            assert automated.ending(flow, position) == WANTS_A_PERSON
            # The same key comes once more, as the one that was collected; it moves nothing.
            assert automated.keys_collected(flow, position, PERSON_KEY, LINE) == (position, [])


def test_no_flow_may_give_key_zero_another_meaning() -> None:
    with pytest.raises(ValueError, match="key 0 brings a person in every step"):
        FlowStep(key="ask", prompts=("q",), keys={"0": "yes"}, otherwise="no")
