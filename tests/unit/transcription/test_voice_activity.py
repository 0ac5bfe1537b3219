"""Where speech is found, and that what is not speech is not."""

import numpy as np
import pytest

from tests.support.spoken_calls import RATE, utterance
from transcription.audio import call_audio_from
from transcription.transcriber import SAMPLE_RATE, Samples
from transcription.voice_activity import loudness_dbfs, speech_spans

_TIME = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE


def _cadence(*frequencies: float, on: float, off: float) -> Samples:
    tone = sum(0.2 * np.sin(2 * np.pi * frequency * _TIME) for frequency in frequencies)
    return (tone * (_TIME % (on + off) < on)).astype(np.float32)


_NOT_SPEECH = {
    "digital silence": np.zeros(_TIME.size, np.float32),
    "noise at -60 dB": np.random.default_rng(4).normal(0, 10 ** (-60 / 20), _TIME.size).astype(np.float32),
    "noise at -30 dB": np.random.default_rng(4).normal(0, 10 ** (-30 / 20), _TIME.size).astype(np.float32),
    "Chinese ringback": _cadence(450, on=1, off=4),
    "American ringback": _cadence(440, 480, on=2, off=4),
    "busy tone": _cadence(450, on=0.35, off=0.35),
    "keys": _cadence(770, 1336, on=0.2, off=0.3),
    "nothing at all": np.zeros(0, np.float32),
}


@pytest.mark.parametrize("name", _NOT_SPEECH)
def test_nobody_speaks_in(name: str) -> None:
    assert speech_spans(_NOT_SPEECH[name]) == []


def _utterance(name: str) -> Samples:
    sound = utterance(name)
    return call_audio_from(np.stack([sound, sound], axis=1), RATE).patient


def test_two_utterances_far_apart_are_found_where_they_are() -> None:
    speech = _utterance("en_lv_0880")
    sound = np.concatenate(
        [np.zeros(SAMPLE_RATE * 3, np.float32), speech, np.zeros(SAMPLE_RATE * 10, np.float32), speech]
    )
    first, second = speech_spans(sound)
    assert 3.0 <= first.start <= 3.7
    assert first.end <= 3 + speech.size / SAMPLE_RATE + 0.1
    assert second.start - first.start == pytest.approx(13 - 3 + speech.size / SAMPLE_RATE, abs=0.1)


def test_stretches_lie_where_they_lay_though_the_silence_between_is_not_listened_to() -> None:
    speech, noise = _utterance("en_lv_0880"), np.random.default_rng(5).normal(0, 10 ** (-64 / 20), SAMPLE_RATE * 90)
    starts = (SAMPLE_RATE * 11, SAMPLE_RATE * 40 + 7, noise.size - speech.size)
    sound = noise.astype(np.float32)
    for start in starts:
        sound[start : start + speech.size] += speech
    (only,) = speech_spans(speech)
    found = speech_spans(sound)
    assert [span.start for span in found] == pytest.approx(
        [start / SAMPLE_RATE + only.start for start in starts], abs=0.1
    )
    assert [span.end for span in found] == pytest.approx([start / SAMPLE_RATE + only.end for start in starts], abs=0.2)


def test_a_voice_leaking_from_the_other_side_of_a_quiet_line_is_not_the_patients() -> None:
    assert speech_spans(_utterance("en_lv_0880") * np.float32(10 ** (-40 / 20))) == []


def test_a_patient_who_says_little_in_a_long_call_is_heard() -> None:
    sound = np.concatenate([np.zeros(SAMPLE_RATE * 120, np.float32), _utterance("en_az_weather")])
    assert len(speech_spans(sound)) == 1


def test_loudness_is_that_of_the_loudest_tenth() -> None:
    quiet, loud = np.full(9 * 320 * 10, 0.001, np.float32), np.full(2 * 320 * 10, 0.1, np.float32)
    assert loudness_dbfs(np.concatenate([quiet, loud])) == pytest.approx(-20, abs=0.1)
    assert loudness_dbfs(np.zeros(1000, np.float32)) == -np.inf
