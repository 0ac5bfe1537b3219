"""Dates, hours and numbers from recorded pieces: every one has its pieces, in both languages, and says what it is."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.settings import REPOSITORY
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import load_sentences
from telephony.voices.speech import PIECE_PAUSES, SLOW_TEMPO, Speech
from telephony.voices.spoken_files import SpokenFiles
from telephony.voices.spoken_values import UnspeakableError, pieces_of

SHELF = load_sentences(load_prompts(REPOSITORY / "content" / "prompts"))


def said(value: str, form: str, language: str) -> str:
    words = [SHELF.piece_text(piece, language) for piece in pieces_of(value, form, language)]
    return ("" if language == "zh" else " ").join(words)


@pytest.mark.parametrize(
    ("value", "form", "zh", "en"),
    [
        ("2026-11-25T09:30", "date", "十一月二十五号", "November the twenty-fifth"),
        ("2026-11-25T09:30", "weekday", "星期三", "Wednesday"),
        ("2026-11-25T09:30", "time", "上午九点三十分", "at nine thirty in the morning"),
        ("2026-11-25T14:05", "time", "下午两点零五分", "at two oh five in the afternoon"),
        ("2026-11-25T08:32", "time", "上午八点三十二分", "at eight thirty two in the morning"),
        ("2026-11-25T08:07", "time", "上午八点零七分", "at eight oh seven in the morning"),
        ("2026-11-25T12:00", "time", "中午十二点", "at noon"),
        ("2026-11-25T00:00", "time", "凌晨零点", "at twelve o'clock in the morning"),
        ("2026-11-25T19:45", "time", "晚上七点四十五分", "at seven forty five in the evening"),
        ("63.2", "kg", "六十三点二公斤", "sixty three point two kilograms"),
        ("163.2", "kg", "一百六十三点二公斤", "one hundred sixty three point two kilograms"),
        ("105.5", "kg", "一百零五点五公斤", "one hundred five point five kilograms"),
        ("63.0", "kg", "六十三公斤", "sixty three kilograms"),
        ("63.2", "number", "六十三点二", "sixty three point two"),
        ("105.0", "number", "一百零五", "one hundred five"),
        ("115", "number", "一百一十五", "one hundred fifteen"),
        ("250", "number", "二百五十", "two hundred fifty"),
        ("200", "number", "二百", "two hundred"),
    ],
)
def test_a_value_is_said_as_people_say_it(value: str, form: str, zh: str, en: str) -> None:
    assert (said(value, form, "zh"), said(value, form, "en")) == (zh, en)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_minute_of_the_day_every_day_of_the_year_and_every_weight_has_its_sound(language: str) -> None:
    wanted = {
        piece
        for hour in range(24)
        for minute in range(60)
        for piece in pieces_of(f"2026-01-01T{hour:02}:{minute:02}", "time", language)
    }
    for month, days in enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1):
        for day in range(1, days + 1):
            wanted |= {*pieces_of(f"2028-{month:02}-{day:02}T09:00", "date", language)}
            wanted |= {*pieces_of(f"2028-{month:02}-{day:02}T09:00", "weekday", language)}
    for tenths in range(2999):
        wanted |= {*pieces_of(f"{tenths / 10:.1f}", "kg", language)}
    for piece in wanted:
        samples, rate = soundfile.read(SHELF.piece_file(piece, language), dtype="int16")
        assert rate == 8000
        assert np.max(np.abs(samples.astype(int))) > 3000, f"{piece} in {language} cannot be heard"
    texts = {key for pieces in SHELF.piece_sets if pieces.language == language for key in pieces.texts}
    assert texts == wanted, "and no piece lies there that nothing says"


@pytest.mark.parametrize(
    ("value", "form"),
    [("tomorrow", "time"), ("63,2", "kg"), ("300", "kg"), ("63.25", "kg"), ("-1", "number"), ("1", "x")],
)
def test_what_cannot_be_said_is_refused_without_telling_the_value(value: str, form: str) -> None:
    with pytest.raises(UnspeakableError) as refusal:
        pieces_of(value, form, "zh")
    assert value not in str(refusal.value) or value == "1"


@pytest.fixture
def speech(tmp_path: Path) -> Speech:
    files = SpokenFiles(folder=tmp_path / "voice", most_bytes=10_000_000)
    made = Speech(SHELF.trusting_its_pieces(), files)
    made.prepare()
    return made


def seconds_of(path: Path) -> float:
    return float(soundfile.info(path).duration)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_sentence_is_put_together_once_and_kept_privately_under_a_name_that_tells_nothing(
    speech: Speech, language: str
) -> None:
    values = {"appointment_at": "2026-11-25T09:30"}
    first = speech.prompt("appointment_at", language, values)
    pieces = SHELF.made_of("appointment_at", language, values)
    pauses = PIECE_PAUSES[language] * (len(pieces) - 1)
    sounds = sum(seconds_of(SHELF.piece_file(piece, language)) for piece in pieces)
    assert seconds_of(first) == pytest.approx(sounds + pauses, abs=0.01)
    assert speech.prompt("appointment_at", language, values) == first
    assert speech.prompt("appointment_at", language, {"appointment_at": "2026-11-26T09:30"}) != first
    assert first.stat().st_mode & 0o077 == 0
    assert len(first.stem) == 64


def test_somebody_who_needs_it_slow_hears_everything_a_fifth_slower(speech: Speech) -> None:
    values = {"weight": "63.2"}
    for key in ("greeting", "weight_entered"):
        usual, slow = speech.prompt(key, "zh", values), speech.prompt(key, "zh", values, slow=True)
        assert seconds_of(slow) == pytest.approx(seconds_of(usual) / SLOW_TEMPO, rel=0.03)


def test_a_value_whose_pieces_are_not_understood_is_not_said_and_everything_else_is(tmp_path: Path) -> None:
    careful = Speech(SHELF, SpokenFiles(folder=tmp_path / "voice", most_bytes=10_000_000))
    careful.prepare()
    prompts, values = REPOSITORY / "content" / "prompts" / "zh", {"appointment_at": "2026-11-25T09:30"}
    assert careful.prompt("appointment_at", "zh", values) == prompts / "appointment.wav"
    assert SHELF.text("appointment_at", "zh", values) == SHELF.prompts.text("appointment", "zh")
    assert seconds_of(careful.prompt("ask_weight", "zh")) > seconds_of(prompts / "weight_question.wav")
    assert careful.prompt("appointment_at", "en", values).name not in {"appointment.wav", ""}


def test_where_the_value_is_missing_the_general_prompt_is_said(speech: Speech) -> None:
    prompts = REPOSITORY / "content" / "prompts" / "zh"
    assert speech.prompt("appointment_at", "zh", {}) == prompts / "appointment.wav"
    assert speech.prompt("appointment_at", "zh", {"appointment_at": "soon"}) == prompts / "appointment.wav"


class Voice:
    """A live voice whose sentences are ready or still on their way."""

    def __init__(self, folder: Path, *, ready: bool) -> None:
        self.folder, self.ready, self.texts = folder, ready, list[str]()

    def speak(self, text: str, language: str) -> Path:
        if language != "zh":
            raise LookupError("zh only")
        self.texts.append(text)
        path = self.folder / "spoken.wav"
        if self.ready:
            soundfile.write(path, np.ones(800, dtype=np.int16), 8000)
        return path


@pytest.mark.parametrize("ready", [True, False])
def test_a_live_voice_says_the_whole_sentence_once_it_has_made_it_and_nobody_waits_for_it(
    tmp_path: Path, ready: bool
) -> None:
    voice = Voice(tmp_path, ready=ready)
    speech = Speech(SHELF, SpokenFiles(folder=tmp_path / "voice", most_bytes=10_000_000), voice)
    speech.prepare()
    values = {"appointment_at": "2026-11-25T09:30"}
    speech.expect(("greeting", "appointment_at"), "zh", values)
    assert voice.texts == ["提醒您，您的门诊预约时间是十一月二十五号星期三上午九点三十分"]
    path = speech.prompt("appointment_at", "zh", values)
    assert (path == tmp_path / "spoken.wav") is ready
    assert path.is_file()
    assert speech.prompt("appointment_at", "en", values).is_file(), "another language is put together from pieces"
