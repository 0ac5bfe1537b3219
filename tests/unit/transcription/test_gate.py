"""The gate's promises, for any sound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.gate import FRAME, HOLD_FRAMES, MARGIN_DB, gate
from transcription.transcriber import Samples

_LEVELS = st.lists(st.floats(-90, 0), min_size=1, max_size=40)


def _sound(levels_db: list[float], seed: int) -> Samples:
    """Noise whose frames have the given levels."""
    noise = np.random.default_rng(seed).standard_normal((len(levels_db), FRAME))
    noise /= np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    return (noise * 10 ** (np.array(levels_db)[:, None] / 20)).astype(np.float32).reshape(-1)


def _muted_frames(before: Samples, after: Samples) -> list[bool]:
    return [not frame.any() for frame in after.reshape(-1, FRAME)[: before.size // FRAME]]


@given(agent=_LEVELS, patient=_LEVELS)
def test_a_sample_is_kept_or_silenced_never_changed(agent: list[float], patient: list[float]) -> None:
    frames = min(len(agent), len(patient))
    left, right = _sound(agent[:frames], 1), _sound(patient[:frames], 2)
    for before, after in zip((left, right), gate(left, right), strict=True):
        assert np.all((after == before) | (after == 0))


@given(agent=_LEVELS, patient=_LEVELS)
def test_a_frame_is_muted_just_when_the_other_side_is_or_was_far_louder(
    agent: list[float], patient: list[float]
) -> None:
    frames = min(len(agent), len(patient))
    left, right = _sound(agent[:frames], 1), _sound(patient[:frames], 2)
    muted = _muted_frames(right, gate(left, right)[1])
    for index in range(frames):
        loudest = max(agent[max(index - HOLD_FRAMES, 0) : index + 1])
        margin = loudest - patient[index]
        if abs(margin - MARGIN_DB) > 0.1:
            assert muted[index] == (margin > MARGIN_DB)


@given(levels=_LEVELS, gain=st.floats(0.01, 1.0))
def test_the_level_of_the_line_makes_no_difference(levels: list[float], gain: float) -> None:
    left, right = _sound(levels, 1), _sound(levels[::-1], 2)
    plain = gate(left, right)
    quiet = gate(left * np.float32(gain), right * np.float32(gain))
    for one, two in zip(plain, quiet, strict=True):
        borderline = np.count_nonzero((one == 0) != (two == 0))
        assert borderline <= FRAME * 2


def test_silence_on_one_side_mutes_nothing() -> None:
    speech = _sound([-20.0] * 30, 3)
    left, right = gate(np.zeros_like(speech), speech)
    assert not left.any()
    assert np.array_equal(right, speech)


def test_crosstalk_goes_and_the_answer_that_follows_stays() -> None:
    agent = _sound([-20.0] * 20 + [-90.0] * 20, 1)
    patient = _sound([-60.0] * 20 + [-22.0] * 20, 2)
    _, heard = gate(agent, patient)
    assert not heard[: 20 * FRAME].any()
    assert np.array_equal(heard[20 * FRAME :], patient[20 * FRAME :])


def test_channels_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        gate(np.zeros(10, np.float32), np.zeros(11, np.float32))
