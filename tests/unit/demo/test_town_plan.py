"""The town's plan: what it accepts, what it refuses in words, and the steps its behaviours become."""

from pathlib import Path

import pytest

from suifang.demo.speech_manifest import SPEECH
from suifang.demo.steps import Answer, HangUp, Listen, Press, Refuse, Ring, Say, Wait
from suifang.demo.town_plan import Behaviour, Patient, TownPlanError, digits_of, load_town_plan


def plan(tmp_path: Path, patients: str) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(f"version: 1\npatients:\n{patients}", encoding="utf-8")
    return path


def behaviour(**values: object) -> Behaviour:
    return Patient.model_validate({"number": "1000", "language": "zh", "calls": [values]}).calls[0]


def test_the_shipped_town_can_be_read_and_has_every_behaviour_in_households_of_three() -> None:
    town = load_town_plan()
    kinds = {call.behaviour for patient in town.patients for call in patient.calls}
    assert kinds == {
        "talks",
        "presses",
        "busy",
        "no_answer",
        "rejects",
        "voicemail",
        "hangs_up_early",
        "somebody_else",
        "unreachable",
        "invalid",
    }
    assert {patient.language for patient in town.patients} == {"zh", "en"}
    assert max(len(household) for household in town.households()) == 3
    assert sum(len(household) for household in town.households()) == len(town.patients)


def test_one_who_talks_listens_between_two_sentences_and_before_hanging_up() -> None:
    steps = behaviour(behaviour="talks", speech=["a.wav", "b.wav"], ring_seconds=2).steps(SPEECH)
    listen = Listen(quiet_seconds=1.2, patience_seconds=8.0)
    assert steps == (
        Ring(),
        Wait(seconds=2),
        Answer(),
        Wait(seconds=0.3),
        Say(file=SPEECH / "a.wav"),
        listen,
        Say(file=SPEECH / "b.wav"),
        listen,
        HangUp(),
    )


def test_with_a_fixed_pause_the_clock_takes_the_place_of_listening() -> None:
    steps = behaviour(behaviour="talks", speech=["a.wav"], begins="far_end", pause_seconds=4, hangs_up=False).steps(
        SPEECH
    )
    assert steps[-2:] == (Wait(seconds=4), Say(file=SPEECH / "a.wav"))


def test_one_who_presses_hears_the_machine_out_before_each_key() -> None:
    steps = behaviour(behaviour="presses", keys="1#").steps(SPEECH)
    listen = Listen(quiet_seconds=1.2, patience_seconds=8.0)
    assert steps[4:] == (listen, Press(key="1"), listen, Press(key="#"), listen, HangUp())


@pytest.mark.parametrize(("kind", "status"), [("busy", 486), ("rejects", 603), ("unreachable", 480), ("invalid", 404)])
def test_a_refusal_becomes_its_sip_status(kind: str, status: int) -> None:
    assert behaviour(behaviour=kind).steps(SPEECH) == (Refuse(sip_status=status),)
    assert behaviour(behaviour=kind, ring_seconds=1).steps(SPEECH)[0] == Ring()


def test_the_last_behaviour_holds_for_every_later_call() -> None:
    calls = [{"behaviour": "busy"}, {"behaviour": "no_answer"}]
    patient = Patient.model_validate({"number": "+86 1".replace(" ", "0"), "language": "en", "calls": calls})
    assert [patient.behaviour_of_call(place).behaviour for place in range(4)] == ["busy", *["no_answer"] * 3]


def test_a_number_is_compared_by_its_digits() -> None:
    assert digits_of("+86139") == digits_of("86139") == "86139"


@pytest.mark.parametrize(
    ("patients", "words"),
    [
        ('  - {number: "100", language: zh, calls: [{behaviour: dances}]}', "dances"),
        ('  - {number: "100", language: zh, calls: []}', "calls"),
        ('  - {number: "100", language: zh, calls: [{behaviour: talks, speech: [gone.wav]}]}', "gone.wav"),
        ('  - {number: "100", language: zh, calls: [{behaviour: presses, keys: "1x"}]}', "keys"),
        ('  - {number: "100", language: zh, calls: [{behaviour: busy, colour: red}]}', "colour"),
        (
            "\n".join(f'  - {{number: "{n}", language: zh, calls: [{{behaviour: busy}}]}}' for n in ("100", "+100")),
            "more than one entry",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_words(tmp_path: Path, patients: str, words: str) -> None:
    path = plan(tmp_path, patients)
    with pytest.raises(TownPlanError, match=words) as refusal:
        load_town_plan(path)
    assert str(path) in str(refusal.value)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TownPlanError, match="nowhere"):
        load_town_plan(tmp_path / "nowhere.yaml")
