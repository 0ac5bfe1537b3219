"""Every shipped flow: who rings, that it is a machine, that it is recorded, who is there, and only then the matter."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from followup.calls import LegId
from followup.flows import PERSON_KEY, PERSON_STEP, WANTS_A_PERSON, Flow, FlowStep, reachable
from followup.key_entries import EntryKind
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.effects import Effect, PlayPrompt
from telephony.flow_checks import FlowChecks
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import load_sentences
from transcription.phrase_patterns import example_of
from transcription.red_flags import load_red_flags

CONTENT = REPOSITORY / "content"
FLOWS = Content(CONTENT).flows
SHELF = load_sentences(load_prompts(CONTENT / "prompts"))
LINE = Line(leg_id=LegId("leg"), language="zh")
OPENING = ["greeting", "machine_notice", "recording_notice"]
REFUSAL_KEY = "8"

ABOUT_HEALTH = ("symptom", "medicine", "intake", "condition")
"""Of the words for notes; the others (who, when, what is advised) are anybody's."""
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
    "体重",
    "看病",
    "weight",
)

each_flow = pytest.mark.parametrize("flow", FLOWS.values(), ids=list(FLOWS))


def prompts_of(step: FlowStep) -> set[str]:
    return {*step.prompts, *(prompt for said in step.again.values() for prompt in said)}


def health_words() -> set[str]:
    """Every word that the content listens for as a sign of danger or as worth a note, and what tells of care."""
    found = set(TELLING)
    for one in load_red_flags(CONTENT / "red_flags").values():
        found |= {example_of(phrase) for flag in one.flags for phrase in (*flag.zh, *flag.zh_exact, *flag.en)}
    for path in (CONTENT / "note_words").glob("*.yaml"):
        words = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= set(words_in([words[group] for group in ABOUT_HEALTH]))
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
    return {step.key for step in flow.steps.values() if step.proves is not None}


def before_identity(flow: Flow) -> dict[str, FlowStep]:
    """Every step that can be reached without the key by which somebody says that he is the patient."""
    return {key: flow.steps[key] for key in reachable(flow, proven=False)}


def question_of(flow: Flow) -> str:
    return flow.steps[str(flow.steps[flow.start].otherwise)].prompts[0]


def said(effects: list[Effect]) -> list[str]:
    return [effect.key for effect in effects if isinstance(effect, PlayPrompt)]


@each_flow
def test_a_shipped_flow_has_no_fault(flow: Flow) -> None:
    content = Content(CONTENT)
    checks = FlowChecks(shelf=SHELF, forms=content.forms, health_words=content.health_words.found_in)
    assert [str(fault) for fault in checks.faults(flow)] == []


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
    assert heard == [*OPENING, question_of(flow)]


@each_flow
@pytest.mark.parametrize("key", [key for key in "123456789*#" if key != REFUSAL_KEY])
def test_no_key_pressed_early_skips_a_notice_or_answers_a_question_not_asked_yet(flow: Flow, key: str) -> None:
    position, effects = automated.begin(flow, LINE)
    heard = said(effects)
    for _ in OPENING:
        pressed = "" if key == "#" else key
        position, effects = automated.keys_collected(flow, position, pressed, LINE)
        heard += said(effects)
    assert heard == [*OPENING, question_of(flow)]


@each_flow
def test_before_somebody_said_that_he_is_the_patient_no_word_tells_that_he_is_in_care(flow: Flow) -> None:
    asked = identity_steps(flow)
    assert asked, "the flow asks nobody who he is"
    neutral = before_identity(flow)
    assert set(neutral) < set(flow.steps), "nothing comes behind the identity: the matter is told to anybody"
    words = health_words()
    for prompt in {prompt for step in neutral.values() for prompt in prompts_of(step)}:
        for language in ("zh", "en"):
            told = [word for word in words if word in SHELF.text(prompt, language, {}).lower()]
            assert told == [], f"{prompt} in {language} tells {told} before the identity is known"


@each_flow
def test_the_matter_does_have_such_words_so_the_list_is_of_use(flow: Flow) -> None:
    behind = {key: step for key, step in flow.steps.items() if key not in before_identity(flow)}
    text = " ".join(SHELF.text(prompt, "zh", {}) for step in behind.values() for prompt in step.prompts)
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
            if step.entry is not None and step.entry.kind is EntryKind.BIRTHDAY:
                # The month may begin with 0: there it is the 0 with nothing behind it, ended by # or waited out.
                position, _ = automated.keys_collected(flow, replace(position, prompt=1), PERSON_KEY, LINE)
            assert position.step == PERSON_STEP, f"key 0 does nothing in {at}"
            assert automated.ending(flow, position) == WANTS_A_PERSON
            # The same key comes once more, as the one that was collected; it moves nothing.
            assert automated.keys_collected(flow, position, PERSON_KEY, LINE) == (position, [])


@each_flow
@pytest.mark.parametrize("key", ["1", "5", "#", "*"])
def test_a_key_that_came_before_it_was_waited_for_leaves_nobody_in_silence(flow: Flow, key: str) -> None:
    for step in flow.steps.values():
        for prompt in range(len(step.prompts)) if step.asks else ():
            at = FlowPosition(step=step.key, prompt=prompt)
            # The key cut the prompt short, and only then the wait began: it ends without any key.
            cut, effects = automated.key_pressed(flow, at, key, LINE)
            if not effects:
                _, effects = automated.keys_collected(flow, cut, "", LINE, waited_out=True)
                assert effects, f"nothing is said any more in {at}"


def test_no_flow_may_give_key_zero_another_meaning() -> None:
    with pytest.raises(ValueError, match="key 0 brings a person in every step"):
        FlowStep(key="ask", prompts=("q",), keys={"0": "yes"}, otherwise="no")
