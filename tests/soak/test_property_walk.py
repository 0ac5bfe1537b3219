"""A hundred thousand patients by chance, each through his whole plan: nobody is wronged, nothing is forgotten."""

import os
import time

import pytest

from tests.support.many_walks import faults_among

MINUTES = float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
PATIENTS = int(100_000 * min(1.0, MINUTES / 10))


@pytest.mark.soak
def test_a_hundred_thousand_patients_are_called_rightly_and_none_is_forgotten(seed: int) -> None:
    began = time.monotonic()
    faults, seen = faults_among(range(PATIENTS), seed)
    print(f"soak: SUIFANG_TEST_SEED={seed}: {seen} in {time.monotonic() - began:.0f} s")
    assert not faults, "\n".join(faults[:5])
