"""The waveform's lanes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recordings.peaks import MOST_VALUES, PeakMeter


def peaks_of(*blocks: np.ndarray) -> dict[str, object]:
    meter = PeakMeter()
    for block in blocks:
        meter.hear(block)
    return meter.peaks()


def test_each_tenth_of_a_second_shows_its_loudest_sample_in_its_own_lane() -> None:
    stereo = np.zeros((1700, 2), np.int16)
    stereo[100, 0], stereo[900, 0], stereo[1699, 1] = 32767, -16384, -32768
    assert peaks_of(stereo) == {"per_second": 10, "agent": [100, 50, 0], "patient": [0, 0, 100]}


def test_the_faintest_sound_is_not_drawn_as_silence() -> None:
    stereo = np.zeros((800, 2), np.int16)
    stereo[:, 0] = 1
    lanes = peaks_of(stereo)
    assert (lanes["agent"], lanes["patient"]) == ([1], [0])


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=60), st.integers(1, 8))
def test_blocks_give_the_same_lanes_as_the_whole(levels: list[int], tenths: int) -> None:
    stereo = np.repeat(np.array(levels, np.int16), 400)[:, None].repeat(2, axis=1)
    size = tenths * 800
    parts = [stereo[at : at + size] for at in range(0, len(stereo), size)]
    assert peaks_of(*parts) == peaks_of(stereo)


def test_four_hours_are_kept_coarser_and_no_loud_moment_is_lost() -> None:
    meter = PeakMeter()
    minute = np.zeros((60 * 8000, 2), np.int16)
    loud = minute.copy()
    loud[8000 * 30 + 5, 1] = 32767
    for number in range(240):
        meter.hear(loud if number == 200 else minute)
    lanes = meter.peaks()
    patient = lanes["patient"]
    assert isinstance(patient, list)
    assert (lanes["per_second"], len(patient)) == (2, 4 * 3600 * 2)
    assert len(patient) <= MOST_VALUES
    assert [place / 2 for place, level in enumerate(patient) if level] == [200 * 60 + 30]


def test_a_fifth_of_a_second_has_two_values() -> None:
    assert peaks_of(np.zeros((1600, 2), np.int16)) == {"per_second": 10, "agent": [0, 0], "patient": [0, 0]}
