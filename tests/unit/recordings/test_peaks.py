"""The waveform's lanes."""

import numpy as np

from recordings.audio import aligned
from recordings.peaks import peaks


def test_each_tenth_of_a_second_shows_its_loudest_sample_in_its_own_lane() -> None:
    agent, patient = np.zeros(1700, np.int16), np.zeros(1700, np.int16)
    agent[100], agent[900], patient[1699] = 32767, -16384, -32768
    assert peaks(aligned(agent, patient, agent_offset=0, patient_offset=0)) == {
        "per_second": 10,
        "agent": [100, 50, 0],
        "patient": [0, 0, 100],
    }


def test_the_faintest_sound_is_not_drawn_as_silence() -> None:
    lanes = peaks(aligned(np.ones(800, np.int16), np.zeros(800, np.int16), agent_offset=0, patient_offset=0))
    assert (lanes["agent"], lanes["patient"]) == ([1], [0])
