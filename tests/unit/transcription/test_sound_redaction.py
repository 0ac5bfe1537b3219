"""The seconds in which somebody is named are a tone, whatever part of the sound is asked for."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from followup.recordings import Channel, Turn, WordTime
from transcription.redaction import Finding, Hidden, RedactedTurn
from transcription.sound_redaction import HEADER_BYTES, HiddenSeconds, RedactedSound, hidden_seconds

RATE = 8000
_NOISE = np.random.default_rng(7).integers(-20_000, 20_000, (20 * RATE, 2), dtype=np.int16)
HIDDEN = [
    HiddenSeconds(channel=Channel.PATIENT, start=2.0, end=3.5),
    HiddenSeconds(channel=Channel.AGENT, start=9.25, end=9.75),
    HiddenSeconds(channel=Channel.PATIENT, start=19.0, end=30.0),
]


def _sound() -> RedactedSound:
    flac = io.BytesIO()
    soundfile.write(flac, _NOISE, RATE, format="FLAC", subtype="PCM_16")
    flac.seek(0)
    return RedactedSound(flac, HIDDEN)


WHOLE = b"".join(_sound().between(0, _sound().size))


def test_the_hidden_seconds_are_a_tone_on_the_speakers_channel_and_everything_else_is_as_it_was() -> None:
    heard, rate = soundfile.read(io.BytesIO(WHOLE), dtype="int16")
    assert (rate, heard.shape) == (RATE, _NOISE.shape)
    changed = (heard != _NOISE).any(axis=1)
    for each in HIDDEN:
        start, end = round(each.start * RATE), round(each.end * RATE)
        own, other = (0, 1) if each.channel is Channel.AGENT else (1, 0)
        assert not heard[start:end, other].any()
        assert 500 < np.abs(heard[start:end, own]).max() < 1100
        changed[start : end + 1] = False
    assert not changed.any()


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 200_000))
def test_any_range_is_that_part_of_the_whole(start: int, length: int) -> None:
    end = min(start + length, len(WHOLE))
    assert b"".join(_sound().between(start, end)) == WHOLE[start:end]


def test_a_recording_of_one_channel_is_refused() -> None:
    mono = io.BytesIO()
    soundfile.write(mono, _NOISE[:, 0], RATE, format="FLAC", subtype="PCM_16")
    mono.seek(0)
    with pytest.raises(ValueError, match="1 channel"):
        RedactedSound(mono, [])
    assert HEADER_BYTES == 44


def _hidden(turn: Turn, *places: tuple[int, int]) -> list[tuple[float, float]]:
    findings = tuple(Finding(kind=Hidden.NAME, start=start, end=end) for start, end in places)
    return [
        (round(each.start, 2), round(each.end, 2))
        for each in hidden_seconds([turn], [RedactedTurn(turn=turn, hidden=findings)])
    ]


def test_timed_words_are_hidden_by_their_own_seconds_and_neighbors_as_one() -> None:
    words = tuple(WordTime(at=at, start=10 + at, end=10 + at + 0.8) for at in range(6))
    turn = Turn(channel=Channel.PATIENT, start=10, end=16, text="我叫王建国啊", confidence=0.9, words=words)
    assert _hidden(turn, (2, 5)) == [(11.85, 14.95)]
    assert _hidden(turn, (0, 1), (1, 2)) == [(9.85, 11.95)]
    assert _hidden(turn, (0, 1), (4, 5)) == [(9.85, 10.95), (13.85, 14.95)]


def test_without_times_the_share_of_the_turn_is_hidden_generously_and_a_short_turn_whole() -> None:
    long = Turn(channel=Channel.PATIENT, start=10, end=20, text="我叫王建国，你们好吗", confidence=0.9)
    assert _hidden(long, (2, 5)) == [(11.4, 15.6)]
    short = Turn(channel=Channel.PATIENT, start=10, end=12, text="我叫王建国", confidence=0.9)
    assert _hidden(short, (2, 5)) == [(9.4, 12.6)]
