"""Automated calls: the walk through a flow, one event after the other."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from followup.calls import EndReason, LegId
from followup.flows import Again, Flow, FlowStep
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.effects import CollectKeys, Effect, HangUpLeg, PlayPrompt

LINE = Line(leg_id=LegId("leg"), language="zh")
REMINDER = Content(REPOSITORY / "content").flows["appointment_reminder"]

Move = Callable[[Flow, FlowPosition, Line], tuple[FlowPosition, list[Effect]]]


def pressed(key: str) -> Move:
    """A key, or, where it is empty, everything heard out and none."""

    def press(flow: Flow, position: FlowPosition, line: Line) -> tuple[FlowPosition, list[Effect]]:
        if key:
            return automated.keys_collected(flow, position, key, line)
        while position.prompt < len(flow.steps[position.step].prompts_after(position.again)):
            position, _ = automated.prompt_finished(flow, position, line)
        return automated.keys_collected(flow, position, "", line, waited_out=True)

    return press


def walk(*moves: Move) -> tuple[FlowPosition, list[Effect]]:
    position, effects = automated.begin(REMINDER, LINE)
    for move in moves:
        position, effects = move(REMINDER, position, LINE)
    return position, effects


def prompts(effects: list[Effect]) -> list[str]:
    return [effect.key for effect in effects if isinstance(effect, PlayPrompt)]


def test_hospital_machine_and_recording_are_said_before_anything_else() -> None:
    heard = prompts(walk()[1])
    heard += prompts(walk(automated.prompt_finished)[1])
    heard += prompts(walk(automated.prompt_finished, automated.prompt_finished)[1])
    assert heard == ["greeting", "machine_notice", "recording_notice"]


def test_the_matter_is_said_only_after_the_identity_key() -> None:
    position, effects = walk(pressed(""))
    assert (position.step, prompts(effects)) == ("identity", ["identity"])
    position, effects = walk(pressed(""), pressed("1"))
    assert (position.step, prompts(effects)) == ("matter", ["appointment_at"])


def test_somebody_else_never_hears_the_matter() -> None:
    position, effects = walk(pressed(""), pressed("2"))
    assert (position.step, prompts(effects)) == ("not_the_patient", ["wrong_person"])


def test_a_confirmed_call_says_so_and_hangs_up() -> None:
    position, effects = walk(pressed(""), pressed("1"), pressed("1"))
    assert (position.step, prompts(effects)) == ("confirmed", ["confirmed"])
    position, effects = automated.prompt_finished(REMINDER, position, LINE)
    assert prompts(effects) == ["goodbye"]
    _, effects = automated.prompt_finished(REMINDER, position, LINE)
    assert effects == [HangUpLeg(leg_id=LINE.leg_id, reason=EndReason.HANG_UP)]
    ending = automated.ending(REMINDER, position)
    assert ending is not None
    assert (ending.outcome, ending.task_result, ending.answer) == ("connected-patient", "completed", "confirmed")


def test_silence_is_asked_twice_and_then_taken_for_a_machine() -> None:
    position, _ = walk(pressed(""), pressed(""))
    assert (position.step, position.tries) == ("identity", 2)
    position, effects = walk(pressed(""), pressed(""), pressed(""))
    assert (position.step, prompts(effects)) == ("nobody", ["neutral_message"])


def test_a_key_without_a_meaning_skips_no_more_than_the_prompt_it_cuts_short() -> None:
    position, effects = walk(pressed("5"))
    assert (position.step, prompts(effects)) == ("notice", ["machine_notice"])
    position, effects = walk(pressed("5"), pressed("1"))
    assert (position.step, prompts(effects)) == ("notice", ["recording_notice"])


def test_a_wait_that_ended_behind_an_earlier_prompt_ends_nothing() -> None:
    position, _ = walk(automated.prompt_finished, automated.prompt_finished)
    assert automated.keys_collected(REMINDER, position, "", LINE, waited_out=True) == (position, [])


def test_a_hash_alone_is_a_key_without_a_meaning() -> None:
    assert prompts(automated.keys_collected(REMINDER, walk()[0], "", LINE)[1]) == ["machine_notice"]


def test_keys_are_waited_for_with_every_prompt_of_a_step_that_asks() -> None:
    for effects in (walk()[1], walk(automated.prompt_finished)[1]):
        assert [type(effect) for effect in effects] == [PlayPrompt, CollectKeys]


def test_a_key_during_a_prompt_without_a_question_goes_on_to_what_follows() -> None:
    position, _ = walk(pressed(""), pressed("1"), pressed("1"))
    position, effects = automated.key_pressed(REMINDER, position, "5", LINE)
    assert (position.prompt, prompts(effects)) == (1, ["goodbye"])


def test_a_key_during_a_question_waits_for_its_collection() -> None:
    position, _ = walk(pressed(""))
    waiting, effects = automated.key_pressed(REMINDER, position, "5", LINE)
    assert (waiting.step, waiting.prompt, effects) == (position.step, position.prompt, [])


def test_a_key_lost_before_its_collection_began_does_not_leave_the_call_silent() -> None:
    position, _ = walk()
    lost, _ = automated.key_pressed(REMINDER, position, "5", LINE)
    for said in ("machine_notice", "recording_notice"):
        position, effects = automated.keys_collected(REMINDER, lost, "", LINE, waited_out=True)
        assert prompts(effects) == [said]
        assert not position.cut
        lost, _ = automated.key_pressed(REMINDER, position, "5", LINE)
    position, effects = automated.keys_collected(REMINDER, lost, "", LINE, waited_out=True)
    assert (position.step, prompts(effects)) == ("identity", ["identity"])


def test_a_node_that_takes_over_says_the_step_again() -> None:
    position, _ = walk(pressed(""), pressed("1"), automated.prompt_finished)
    position, said = automated.again(REMINDER, position, LINE)
    assert prompts(said) == ["appointment_at"]
    # … and then all that follows: nothing that must be told is skipped because the old node had come further.
    _, said = automated.prompt_finished(REMINDER, position, LINE)
    assert prompts(said) == ["please_bring"]


def test_a_position_survives_being_written_down() -> None:
    plain = FlowPosition(step="a:b", tries=2, prompt=1)
    for position in (
        plain,
        replace(plain, typed=3),
        replace(plain, cut=True),
        replace(plain, again=Again.RANGE, cut=True),
    ):
        assert FlowPosition.read(str(position)) == position


@given(st.lists(st.sampled_from(["", "0", "1", "2", "3", "7", "8", "*", "finished"]), max_size=40))
def test_whatever_is_pressed_the_call_stands_in_a_known_step_and_does_something(events: list[str]) -> None:
    position, effects = automated.begin(REMINDER, LINE)
    for event in events:
        step: FlowStep = REMINDER.steps[position.step]
        if event == "finished":
            position, effects = automated.prompt_finished(REMINDER, position, LINE)
            waits = bool(step.keys) and position.step == step.key
        else:
            before, said = position.prompt, step.prompts_after(position.again)
            position, effects = automated.keys_collected(REMINDER, position, event, LINE, waited_out=not event)
            # Late keys of an earlier question, and a wait that ended behind an earlier prompt.
            waits = not step.keys or (not event and before < len(said))
        assert position.step in REMINDER.steps
        assert 0 <= position.prompt <= len(REMINDER.steps[position.step].prompts_after(position.again))
        assert effects or waits
