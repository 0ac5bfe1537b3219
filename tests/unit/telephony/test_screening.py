"""Who or what answered, judged from sound: tones, cadences, verdicts, and what is heard before an answer."""

import math
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from followup.calls import Answered, EarlySound
from followup.screening import SURE, AfterAnswer, OnMachine, what_to_do
from telephony.screening.cadence import cadence_of
from telephony.screening.early_media import NETWORK_TONES, NetworkTone, early_sound
from telephony.screening.rules import ScreeningRules
from telephony.screening.sound import SAMPLE_RATE, SLICE_SECONDS, Slice, slices_of
from telephony.screening.verdict import GreetingEnd, Verdict, Why, greeting_end, judged, reconsidered
from telephony.screening_file import load_screening

REPOSITORY = Path(__file__).parents[3]
SPEECH = REPOSITORY / "tests" / "support" / "speech" / "ulaw"
RULES = ScreeningRules()
QUIET, LOUD = Slice(-62.0), Slice(-24.0)


def of(*stretches: tuple[float, Slice]) -> list[Slice]:
    """So many seconds of each."""
    return [slice_ for seconds, slice_ in stretches for _ in range(round(seconds / SLICE_SECONDS))]


def first_verdict(slices: Sequence[Slice], rules: ScreeningRules = RULES, step: int = 4) -> Verdict | None:
    """As a worker asks: again after every few slices."""
    for heard in range(step, len(slices) + step, step):
        verdict = judged(slices[:heard], rules)
        if verdict is not None:
            return verdict
    return None


def samples(*stretches: tuple[float, tuple[float, ...]], noise: float = 0.0005) -> "array[int]":
    """So many seconds of each set of frequencies, over the noise of a line."""
    chance = np.random.default_rng(1)
    parts = []
    for seconds, hertz in stretches:
        at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        tone = sum((np.sin(2 * np.pi * one * at) for one in hertz), np.zeros(at.size)) * (0.2 / max(1, len(hertz)))
        parts.append(tone + chance.normal(0, noise, at.size))
    return array("h", (np.concatenate(parts) * 32767).astype(np.int16).tobytes())


@pytest.mark.parametrize(
    "hertz", [(450.0,), (425.0,), (1000.0,), (1400.0,), (2100.0,), (770.0, 1336.0), (941.0, 1477.0)]
)
def test_one_or_two_tones_are_told_with_their_frequencies(hertz: tuple[float, ...]) -> None:
    slices = slices_of(samples((0.5, hertz)))
    assert len(slices) == 25
    right = [s for s in slices if len(s.tones) == len(hertz) and np.allclose(s.tones, hertz, atol=8)]
    assert len(right) >= 23


def test_speech_and_noise_hold_no_steady_tones() -> None:
    for path in sorted(SPEECH.glob("*.wav")):
        sound, _ = soundfile.read(path, dtype="int16")
        assert cadence_of(slices_of(array("h", sound.tobytes())), RULES).tones == (), path.name
    noise = np.random.default_rng(2).normal(0, 3000, SAMPLE_RATE * 3).astype(np.int16)
    assert cadence_of(slices_of(array("h", noise.tobytes())), RULES).tones == ()


def test_few_words_and_a_wait_are_a_person() -> None:
    verdict = first_verdict(of((0.6, QUIET), (0.4, LOUD), (2.0, QUIET)))
    assert verdict is not None
    assert (verdict.who, verdict.why) == (Answered.HUMAN, Why.SHORT_SPEECH)
    assert verdict.after_seconds == pytest.approx(0.6 + 0.4 + RULES.quiet_seconds, abs=0.1)


def test_words_without_end_are_a_machine_even_with_a_short_rest() -> None:
    verdict = first_verdict(of((0.3, QUIET), (0.6, LOUD), (0.5, QUIET), (4.0, LOUD)))
    assert verdict is not None
    assert (verdict.who, verdict.why) == (Answered.MACHINE, Why.LONG_SPEECH)


def test_nobody_is_unknown_and_a_loud_room_alone_is_no_machine() -> None:
    for db in (-80.0, -60.0, -46.0):
        verdict = first_verdict(of((4.0, Slice(db))))
        assert verdict is not None
        assert (verdict.who, verdict.why) == (Answered.UNKNOWN, Why.SILENCE)


def test_a_beep_is_a_machine_and_a_pressed_key_is_none() -> None:
    beep = first_verdict(slices_of(samples((0.5, ()), (0.4, (1000.0,)), (2.0, ()))))
    key = first_verdict(slices_of(samples((0.5, ()), (0.4, (770.0, 1336.0)), (2.0, ()))))
    assert beep is not None
    assert key is not None
    assert (beep.who, beep.why) == (Answered.MACHINE, Why.STEADY_TONE)
    assert key.who is Answered.HUMAN


@given(st.lists(st.sampled_from([-90.0, -60.0, -45.0, -30.0, -15.0]), min_size=160, max_size=170))
@settings(max_examples=25, deadline=None)
def test_there_is_always_a_verdict_at_the_limit(levels: list[float]) -> None:
    verdict = first_verdict([Slice(db) for db in levels])
    assert verdict is not None
    assert verdict.after_seconds <= RULES.limit_seconds + 4 * SLICE_SECONDS
    assert 0 <= verdict.confidence <= 1


@given(st.integers(1, 10))
@settings(max_examples=10, deadline=None)
def test_how_often_one_looks_changes_the_moment_but_not_the_verdict(step: int) -> None:
    for slices in (of((0.4, QUIET), (0.5, LOUD), (3.0, QUIET)), of((0.2, QUIET), (5.0, LOUD))):
        often, seldom = first_verdict(slices, step=1), first_verdict(slices, step=step)
        assert often is not None
        assert seldom is not None
        assert often.who is seldom.who
        assert abs(often.after_seconds - seldom.after_seconds) <= step * SLICE_SECONDS


def test_a_late_tone_or_a_speech_that_never_rests_takes_a_verdict_back() -> None:
    person = Verdict(who=Answered.HUMAN, confidence=0.9, after_seconds=1.5, why=Why.SHORT_SPEECH)
    assert reconsidered(of((0.3, QUIET), (0.5, LOUD), (4.0, QUIET)), person, RULES) is None
    talks_on = reconsidered(of((0.3, QUIET), (0.5, LOUD), (0.8, QUIET), (5.5, LOUD)), person, RULES)
    beeps = reconsidered(slices_of(samples((0.5, ()), (3.0, ()), (0.5, (1400.0,)), (0.5, ()))), person, RULES)
    assert talks_on is not None
    assert talks_on.who is Answered.MACHINE
    assert beeps is not None
    assert beeps.why is Why.STEADY_TONE


def test_a_machine_is_made_sure_or_taken_back_when_it_falls_silent() -> None:
    doubtful = Verdict(who=Answered.MACHINE, confidence=0.8, after_seconds=2.0, why=Why.LONG_SPEECH)
    assert reconsidered(of((0.3, QUIET), (2.0, LOUD)), doubtful, RULES) is None
    person = reconsidered(of((0.3, QUIET), (2.2, LOUD), (1.1, QUIET)), doubtful, RULES)
    machine = reconsidered(of((0.3, QUIET), (2.8, LOUD)), doubtful, RULES)
    assert person is not None
    assert person.who is Answered.HUMAN
    assert machine is not None
    assert (machine.who, machine.confidence >= SURE) == (Answered.MACHINE, True)
    assert reconsidered(of((0.3, QUIET), (2.2, LOUD), (1.1, QUIET)), machine, RULES) is None


def test_a_greeting_is_over_after_its_beep_or_in_its_silence() -> None:
    assert greeting_end(of((0.3, QUIET), (4.0, LOUD), (0.5, QUIET)), RULES) is None
    assert greeting_end(of((0.3, QUIET), (4.0, LOUD), (2.2, QUIET)), RULES) is GreetingEnd.SILENCE
    assert greeting_end(slices_of(samples((1.0, ()), (0.5, (1000.0,)), (0.3, ()))), RULES) is GreetingEnd.BEEP
    assert greeting_end(of((31.0, LOUD)), RULES) is GreetingEnd.TIME_LIMIT


def _played(tone: NetworkTone) -> list[Slice]:
    parts: list[tuple[float, tuple[float, ...]]] = [(0.3, ())]
    for place in range(math.ceil(9 / (tone.on + tone.off))):
        pause = 2.0 if tone.country in ("GB", "HK") and tone.off == 0.2 and place % 2 else tone.off
        parts += [(tone.on, tone.hertz), (pause, ())]
    return slices_of(samples(*parts))


def test_two_near_tones_are_heard_as_one_between_them() -> None:
    for hertz in ((440.0, 480.0), (400.0, 450.0), (480.0, 620.0)):
        tones = cadence_of(slices_of(samples((0.1, ()), (1.0, hertz))), RULES).tones
        assert len(tones) == 1
        assert tones[0].hertz[0] == pytest.approx(sum(hertz) / 2, abs=6)
        assert tones[0].seconds == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("tone", NETWORK_TONES, ids=lambda tone: f"{tone.country}-{tone.sound.value}")
def test_the_networks_tones_are_told_apart_by_rhythm(tone: NetworkTone) -> None:
    assert early_sound(_played(tone), RULES) is tone.sound


def test_what_is_no_tone_before_an_answer_is_told_too() -> None:
    speech, _ = soundfile.read(SPEECH / "zh_az_04.wav", dtype="int16")
    ringing = samples((1.0, (450.0,)), (4.0, ()), (1.0, (450.0,)), (1.0, ()))
    special = samples(
        (0.2, ()), (0.33, (950.0,)), (0.03, ()), (0.33, (1400.0,)), (0.03, ()), (0.33, (1800.0,)), (1, ())
    )
    assert early_sound([], RULES) is EarlySound.NOTHING
    assert early_sound(of((5.0, QUIET)), RULES) is EarlySound.SILENCE
    assert early_sound(slices_of(array("h", speech.tobytes())), RULES) is EarlySound.SPEECH
    assert early_sound(slices_of(ringing + array("h", speech.tobytes())), RULES) is EarlySound.SPEECH
    assert early_sound(slices_of(special), RULES) is EarlySound.SPECIAL_TONE


def test_the_shipped_figures_are_the_ones_that_were_measured() -> None:
    assert load_screening(REPOSITORY / "content" / "screening.yaml").rules == RULES


@pytest.mark.parametrize(
    "wrong", [{"limit_seconds": 0.1}, {"initial_silence_seconds": 4.0}, {"quiet_seconds": 9.0}, {"tone_seconds": 0.0}]
)
def test_figures_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ScreeningRules(**wrong)


@pytest.mark.parametrize("policy", OnMachine)
def test_what_follows_a_verdict(policy: OnMachine) -> None:
    assert what_to_do(Answered.MACHINE, 1.0, policy, with_agent=True) is AfterAnswer.SHOW
    for who in (Answered.HUMAN, Answered.UNKNOWN):
        assert what_to_do(who, 0.3, policy, with_agent=False) is AfterAnswer.GO_ON
    assert what_to_do(Answered.MACHINE, 0.8, policy, with_agent=False) is AfterAnswer.WAIT
    assert what_to_do(Answered.MACHINE, SURE, policy, with_agent=False) not in (AfterAnswer.GO_ON, AfterAnswer.SHOW)
