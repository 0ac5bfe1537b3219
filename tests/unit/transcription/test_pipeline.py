"""The order of the work, with a scripted engine in place of a model."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from followup.recordings import Channel
from suifang.transcribe_command import run
from tests.support.spoken_calls import RATE, SpokenCall, spoken_call
from transcription.audio import PART_SECONDS, CallAudio, call_audio_from
from transcription.languages import AUTO
from transcription.pipeline import Progress, transcribe_recording
from transcription.transcriber import SAMPLE_RATE, EngineDescription, Samples, WindowText, Word

AGENT, PATIENT = Channel.AGENT, Channel.PATIENT


class ScriptedTranscriber:
    """Says what the test wants for each window and notes what it was given."""

    def __init__(self, answer: Callable[[Samples], WindowText], language: str = "en") -> None:
        self._answer = answer
        self._language = language
        self.heard: list[float] = []
        self.languages: list[str] = []

    @property
    def description(self) -> EngineDescription:
        return EngineDescription(engine="scripted", version="1", model="none", parameters={})

    @property
    def packed_seconds(self) -> float:
        return 30.0

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        assert windows
        assert self._language in among
        return self._language

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        self.heard += [window.size / SAMPLE_RATE for window in windows]
        self.languages.append(language)
        return [self._answer(window) for window in windows]


def _text(*words: Word, probability: float = -0.1, no_speech: float = 0.0) -> WindowText:
    return WindowText(
        words=words, mean_log_probability=probability, no_speech_probability=no_speech, compression_ratio=1.0
    )


def _word(text: str, start: float, end: float) -> Word:
    return Word(text=text, start=start, end=end, probability=0.9)


def _spread(window: Samples) -> WindowText:
    """A word in every half second."""
    halves = int(window.size / SAMPLE_RATE * 2)
    return _text(*(_word(f" word{number}", number / 2, number / 2 + 0.4) for number in range(halves)))


@pytest.fixture(scope="module")
def call() -> SpokenCall:
    return spoken_call([(AGENT, "en_lv_0880"), (PATIENT, "en_lv_0890"), (PATIENT, "en_lv_0870")], pauses=[3.0])


@pytest.fixture(scope="module")
def audio(call: SpokenCall) -> CallAudio:
    return call_audio_from(call.stereo, RATE)


def test_each_side_is_heard_alone_in_its_own_time(call: SpokenCall, audio: CallAudio) -> None:
    engine = ScriptedTranscriber(_spread)
    found = transcribe_recording(audio, engine, "en")
    assert len(engine.heard) == 2  # one packed window for each side
    assert [turn.channel for turn in found.turns] == [said.channel for said in call.said]
    for turn, said in zip(found.turns, call.said, strict=True):
        assert said.start - 0.1 <= turn.start <= said.start + 0.8
        assert said.end - 0.8 <= turn.end <= said.end + 0.1
    assert found.seconds == pytest.approx(call.stereo.shape[0] / RATE)


def test_crosstalk_never_reaches_the_model() -> None:
    leaking = spoken_call([(AGENT, "en_lv_0880"), (AGENT, "en_lv_0890")], crosstalk_db=-25)
    engine = ScriptedTranscriber(_spread)
    found = transcribe_recording(call_audio_from(leaking.stereo, RATE), engine, "en")
    assert len(engine.heard) == 1
    assert {turn.channel for turn in found.turns} == {AGENT}


def test_silence_costs_no_model_and_gives_no_turn() -> None:
    silence = np.zeros(10 * SAMPLE_RATE, np.float32)
    engine = ScriptedTranscriber(_spread)
    found = transcribe_recording(CallAudio(agent=silence, patient=silence), engine, AUTO)
    assert (found.turns, engine.heard, found.language) == ((), [], "zh")


def test_a_stretch_the_model_skips_is_heard_again_alone(audio: CallAudio) -> None:
    def skips_the_rest(window: Samples) -> WindowText:
        return _text(*_spread(window).words[:8]) if window.size > 12 * SAMPLE_RATE else _spread(window)

    engine = ScriptedTranscriber(skips_the_rest)
    found = transcribe_recording(audio, engine, "en")
    assert [turn.channel for turn in found.turns] == [AGENT, PATIENT, PATIENT]
    assert len(engine.heard) > 2
    assert found.turns[2].text


def test_a_looping_window_is_heard_again_stretch_by_stretch(audio: CallAudio) -> None:
    def loops(window: Samples) -> WindowText:
        looping = _text(*(_word(" ask not", 0.5, 1.0) for _ in range(40)))
        return looping if window.size > 12 * SAMPLE_RATE else _spread(window)

    found = transcribe_recording(audio, ScriptedTranscriber(loops), "en")
    assert not any("ask not" in turn.text for turn in found.turns)
    assert [turn.channel for turn in found.turns] == [AGENT, PATIENT, PATIENT]


def test_what_stays_doubtful_is_left_out(audio: CallAudio) -> None:
    nobody = ScriptedTranscriber(lambda window: _text(*_spread(window).words, probability=-1.3, no_speech=0.9))
    assert transcribe_recording(audio, nobody, "en").turns == ()


def test_the_language_is_found_when_it_is_not_given_and_progress_is_told(audio: CallAudio) -> None:
    engine, told = ScriptedTranscriber(_spread, language="en"), list[Progress]()
    assert transcribe_recording(audio, engine, AUTO, told.append).language == "en"
    assert engine.languages == ["en"]
    assert told == [Progress(done=2, of=2, seconds=audio.seconds)]


def test_each_side_is_heard_in_its_own_language_and_what_is_hardly_believed_asked_for_its_own(
    audio: CallAudio,
) -> None:
    """The agent speaks Chinese; of what the patient says only the first stretch is."""

    class TwoTongues(ScriptedTranscriber):
        asked = 0

        def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
            assert windows
            self.asked += 1
            return among[0] if self.asked <= 2 else "en"

        def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
            heard = super().transcribe(windows, language)
            if language == "en":
                return heard
            doubted_from = 6.0 if len(self.languages) == 1 else 0.0
            return [_text(*(_in_chinese(word, doubted_from) for word in text.words)) for text in heard]

    def _in_chinese(word: Word, doubted_from: float) -> Word:
        sound = chr(0x4E00 + round(word.start * 2))
        return replace(word, text=sound, probability=0.3 if word.start >= doubted_from else 0.9)

    engine = TwoTongues(_spread)
    found = transcribe_recording(audio, engine, AUTO)
    assert found.language == "zh"
    said = [(turn.channel, "word" in turn.text) for turn in found.turns]
    assert said == [(AGENT, False), (PATIENT, False), (PATIENT, True)], found.turns


def test_a_long_call_is_heard_in_parts_and_every_word_keeps_its_second() -> None:
    """An utterance lies across the place where a part would end, another behind it."""
    names = [(AGENT, "en_lv_0880"), (PATIENT, "en_lv_0890"), (PATIENT, "en_lv_0870"), (AGENT, "en_lv_0880")]
    call = spoken_call(names, pauses=[PART_SECONDS - 9.0, 1.0, 3.0])
    assert any(said.start < PART_SECONDS < said.end for said in call.said), call.said
    engine, told = ScriptedTranscriber(_spread), list[Progress]()
    found = transcribe_recording(call_audio_from(call.stereo, RATE), engine, "en", told.append)
    assert {progress.begins > 0 for progress in told} == {False, True}
    assert [turn.channel for turn in found.turns] == [said.channel for said in call.said]
    for turn, said in zip(found.turns, call.said, strict=True):
        assert said.start - 0.1 <= turn.start <= said.start + 0.8
        assert said.end - 0.8 <= turn.end <= said.end + 0.1
        assert said.start - 0.6 <= turn.words[0].start <= turn.words[-1].end <= said.end + 0.6


def test_an_unknown_language_is_refused(audio: CallAudio) -> None:
    with pytest.raises(ValueError, match="'de' is not one of zh, en, auto"):
        transcribe_recording(audio, ScriptedTranscriber(_spread), "de")


def test_the_command_prints_json_on_stdout_and_progress_on_stderr(tmp_path: Path, call: SpokenCall) -> None:
    out, progress = StringIO(), StringIO()
    status = run(
        call.write(tmp_path / "call.flac"), as_json=True, language="en",
        load_engine=lambda: ScriptedTranscriber(_spread), out=out, progress=progress,
    )  # fmt: skip
    assert status == 0
    printed = json.loads(out.getvalue())
    assert [turn["channel"] for turn in printed] == ["agent", "patient", "patient"]
    assert list(printed[0]) == ["channel", "start", "end", "text", "confidence"]
    assert "2 of 2 windows done" in progress.getvalue()


def test_the_command_explains_a_file_that_is_no_call_and_loads_no_model(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "mono.wav", np.zeros(800), RATE)
    out, progress, loaded = StringIO(), StringIO(), list[bool]()

    def load() -> ScriptedTranscriber:
        loaded.append(True)
        return ScriptedTranscriber(_spread)

    status = run(tmp_path / "mono.wav", as_json=True, language="zh", load_engine=load, out=out, progress=progress)
    assert (status, out.getvalue(), loaded) == (2, "", [])
    assert "mono.wav has 1 channel" in progress.getvalue()
