"""Texts spoken into a call by a voice program: accepted at once, heard when the sound is there, given up in time."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.call_control import LegEventKind, RejectedError
from telephony.voices.live import LiveVoice
from telephony.voices.spoken_files import SpokenFiles
from tests.support.call_control_bench import Bench, FarEnd
from tests.support.waiting import until

FINISHED = LegEventKind.PROMPT_FINISHED
STAND_IN = (sys.executable, "-m", "tests.support.stand_in_voice")


@pytest.fixture
def live(bench: Bench) -> Iterator[LiveVoice]:
    files = SpokenFiles(folder=bench.folder / "spoken", most_bytes=1_000_000)
    voice = LiveVoice(STAND_IN, files, patience_seconds=30, rest_seconds=0.2)
    voice.start()
    until(lambda: voice.languages, timeout=20, what="the voice program has said what it can")
    bench.voice.instead = voice
    try:
        yield voice
    finally:
        voice.close()


def test_a_text_is_accepted_at_once_and_begins_when_its_sound_is_there(
    bench: Bench, live: LiveVoice, tmp_path: Path
) -> None:
    leg = bench.answered()
    gate = tmp_path / "g"
    bench.control.say(leg, f"when {gate}", "zh")
    bench.let_time_pass()
    assert FINISHED not in bench.story(leg)
    gate.touch()
    values = bench.wait_for(FINISHED, leg, timeout=20).values
    assert set(values) == {"prompt"}
    spoken = Path(str(values["prompt"]))
    assert spoken.stat().st_mode & 0o077 == 0
    assert spoken.parent.stat().st_mode & 0o077 == 0


def test_a_text_nobody_can_speak_is_told_in_words_so_that_nobody_waits_for_ever(bench: Bench, live: LiveVoice) -> None:
    leg = bench.answered()
    with pytest.raises(RejectedError, match="no voice speaks en: the live voice speaks zh"):
        bench.control.say(leg, "Hello", "en")
    bench.control.say(leg, "cannot", "zh")
    assert bench.wait_for(FINISHED, leg).values["reason"] == "this text has no sound"
    bench.control.say(leg, "dies", "zh")
    assert "ended" in str(bench.wait_for(FINISHED, leg, times=2).values["reason"])
    bench.control.say(leg, "when /nowhere", "zh")
    bench.control.collect_digits(leg, count=1, timeout_seconds=0.3)
    reason = str(bench.wait_for(FINISHED, leg, times=3, timeout=20).values["reason"])
    assert reason.startswith(("the voice had not spoken", "the program of the live voice"))
    assert bench.wait_for(LegEventKind.DIGITS_COLLECTED, leg).values["reason"] == "timeout"


def test_what_would_cut_a_text_short_ends_it_before_it_has_begun(bench: Bench, live: LiveVoice, tmp_path: Path) -> None:
    pressed = bench.answered(FarEnd.PRESSES_1_BY_INFO)
    bench.control.say(pressed, f"when {tmp_path / 'one'}", "zh")
    bench.wait_for(LegEventKind.DIGIT, pressed)
    (tmp_path / "one").touch()
    replaced = bench.answered()
    bench.control.say(replaced, f"when {tmp_path / 'two'}", "zh")
    bench.control.play(replaced, bench.prompt(0.4))
    (tmp_path / "two").touch()
    stopped = bench.answered()
    bench.control.say(stopped, f"when {tmp_path / 'six'}", "zh")
    bench.control.stop_prompt(stopped)
    (tmp_path / "six").touch()
    last = bench.answered()
    bench.control.say(last, "您好。" * 50, "zh")  # begun later and longer than all the others
    bench.wait_for(FINISHED, last)
    assert [bench.story(leg).count(FINISHED) for leg in (pressed, replaced, stopped)] == [0, 1, 0]
    assert bench.wait_for(FINISHED, replaced).values == {"prompt": str(bench.folder / "prompt-0.4.wav")}


def test_a_program_that_has_ended_is_started_again(bench: Bench, live: LiveVoice) -> None:
    leg = bench.answered()
    bench.control.say(leg, "dies", "zh")
    bench.wait_for(FINISHED, leg)
    spoken = until(lambda: _is_spoken(live), timeout=20, what="the program speaks again", every=0.3)
    assert spoken


def _is_spoken(live: LiveVoice) -> bool:
    file = live.speak("您好。", "zh")
    until(lambda: file.exists() or file.with_suffix(".refused").exists(), timeout=20, what="an answer")
    return file.exists()
