"""Spoken texts are kept privately and not for long, and a voice that has too much to do says so."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.call_control import RejectedError, TrunkBusyError
from telephony.spoken_text import refusal_of, speak
from telephony.voices.live import WAITING_AT_MOST, LiveVoice
from telephony.voices.spoken_files import SpokenFiles
from tests.support.waiting import until

STAND_IN = (sys.executable, "-m", "tests.support.stand_in_voice")
HOUR = 3600.0


@pytest.fixture
def files(tmp_path: Path) -> SpokenFiles:
    files = SpokenFiles(folder=tmp_path / "voice", most_bytes=1000)
    files.prepare()
    return files


def spoken(files: SpokenFiles, text: str, *, size: int, hours_ago: float) -> Path:
    file = files.place("1", "zh", text)
    file.write_bytes(bytes(size))
    at = time.time() - hours_ago * HOUR
    os.utime(file, (at, at))
    return file


def test_a_spoken_file_tells_nothing_of_its_text_and_differs_by_voice_language_and_text(files: SpokenFiles) -> None:
    names = {files.place(version, language, text).name for version in "12" for language in "ab" for text in "cd"}
    assert len(names) == 8
    assert all(len(name) == 64 + len(".wav") for name in names)
    assert files.folder.stat().st_mode & 0o077 == 0


def test_what_nobody_has_asked_for_since_yesterday_is_deleted(files: SpokenFiles) -> None:
    old = spoken(files, "old", size=10, hours_ago=25)
    asked_again = spoken(files, "asked again", size=10, hours_ago=25)
    assert files.touch(asked_again)
    files.tidy()
    assert (old.exists(), asked_again.exists()) == (False, True)
    assert not files.touch(old)


def test_the_oldest_go_when_there_are_too_many_but_nothing_that_may_be_about_to_be_played(files: SpokenFiles) -> None:
    kept = [spoken(files, f"{hours}", size=400, hours_ago=hours) for hours in (0.01, 0.02)]
    older = spoken(files, "older", size=400, hours_ago=2)
    now = spoken(files, "now", size=4000, hours_ago=0)
    files.tidy()
    assert [file.exists() for file in (*kept, now, older)] == [True, True, True, False]


@pytest.fixture
def voice(files: SpokenFiles) -> Iterator[LiveVoice]:
    voice = LiveVoice(STAND_IN, files, patience_seconds=0.0, rest_seconds=0.2)
    with pytest.raises(RejectedError, match="nothing yet"):
        speak(voice, "您好。", "zh")
    voice.start()
    until(lambda: voice.languages, timeout=20, what="the voice has said what it can")
    try:
        yield voice
    finally:
        voice.close()


def test_more_texts_than_may_wait_are_refused_at_once_and_late_ones_are_given_up(
    voice: LiveVoice, files: SpokenFiles, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    held = LiveVoice(STAND_IN, files, patience_seconds=60.0)
    held.start()
    until(lambda: held.languages, timeout=20, what="the voice has said what it can")
    speak(held, f"first when {gate}", "zh")
    texts = [f"{number} when {gate}" for number in range(WAITING_AT_MOST + 1)]
    until(lambda: _taken(held, texts), timeout=10, what="as many wait as may, and one is being spoken")
    with pytest.raises(TrunkBusyError, match=f"{WAITING_AT_MOST} texts"):
        speak(held, f"one more when {gate}", "zh")
    assert speak(held, texts[0], "zh") == speak(held, texts[0], "zh"), "what waits is not ordered twice"
    gate.touch()
    held.close()
    late = speak(voice, "您好。", "zh")  # its patience is over before anybody has looked at it
    until(lambda: refusal_of(late), timeout=10, what="the text is given up")
    assert "too many texts" in str(refusal_of(late))


def _taken(voice: LiveVoice, texts: list[str]) -> bool:
    """Order the texts until no more are taken; whether one was too many."""
    try:
        for text in texts:
            speak(voice, text, "zh")
    except TrunkBusyError:
        return True
    return False


def test_a_program_that_is_not_there_leaves_a_voice_that_refuses(files: SpokenFiles) -> None:
    voice = LiveVoice(("/nowhere/voice",), files, patience_seconds=1.0)
    voice.start()
    with pytest.raises(RejectedError, match="no voice speaks zh"):
        speak(voice, "您好。", "zh")
    voice.close()
