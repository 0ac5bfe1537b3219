"""Both channels of a long recording stay aligned to the sample, whatever was held, muted and paused on the way."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parents[2]
RATE = 8000
MINUTES = min(10.0, 0.05 * float(os.environ.get("SUIFANG_SOAK_MINUTES", "30")))
WINDOWS = 10
FARTHEST = 800  # samples to either side that are tried


def lag_of(patient: NDArray[np.int16], agent: NDArray[np.int16]) -> int:
    """By how many samples the one is behind the other, where they are most alike."""
    size = 2 * len(patient)
    spectra = [np.fft.rfft(side.astype(np.float64), size) for side in (patient, agent)]
    likeness = np.fft.irfft(spectra[0] * np.conj(spectra[1]), size)
    lags = np.concatenate([np.arange(FARTHEST + 1), np.arange(-FARTHEST, 0)])
    return int(lags[np.argmax(likeness[lags])])


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 180)
def test_left_and_right_are_aligned_to_the_sample_over_a_long_call(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.alignment_probe", str(tmp_path), str(MINUTES)]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=MINUTES * 60 + 120, check=False
    )
    assert done.returncode == 0, done.stderr
    patient, agent = (np.load(tmp_path / "long" / f"{name}.npy") for name in ("patient", "agent"))
    assert len(patient) == len(agent)
    lags = [
        lag_of(one, other)
        for one, other in zip(np.array_split(patient, WINDOWS), np.array_split(agent, WINDOWS), strict=True)
    ]
    both = (patient != 0) & (agent != 0)
    alike = float(np.mean(patient[both] == agent[both]))
    print(f"soak: {len(patient) / RATE:.1f} s recorded; lags of ten windows in samples: {lags}; alike: {alike:.4%}")
    assert lags == [0] * WINDOWS
    assert alike > 0.99  # while the patient's music plays, the other side has other bursts
