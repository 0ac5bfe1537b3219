"""A hundred thousand patients by chance, each through his whole plan: nobody is wronged, nothing is forgotten."""

import os
import time
from datetime import timedelta

import pytest

from db.engine import make_engine
from tests.support.hospital_weeks import weeks_of_calls
from tests.support.many_walks import faults_among

MINUTES = float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
PATIENTS = int(100_000 * min(1.0, MINUTES / 10))


@pytest.mark.soak
def test_a_hundred_thousand_patients_are_called_rightly_and_none_is_forgotten(seed: int) -> None:
    began = time.monotonic()
    faults, seen = faults_among(range(PATIENTS), seed)
    print(f"soak: SUIFANG_TEST_SEED={seed}: {seen} in {time.monotonic() - began:.0f} s")
    assert not faults, "\n".join(faults[:5])


@pytest.mark.soak
def test_three_weeks_of_a_hospital_on_a_real_database(database_url: str, broker_url: str, seed: int) -> None:
    engine = make_engine(database_url)
    faults, seen = weeks_of_calls(
        engine, broker_url, patients=60, days=21, step=timedelta(minutes=55 if MINUTES >= 10 else 110), seed=seed
    )
    engine.dispose()
    print(f"soak: SUIFANG_TEST_SEED={seed}: {dict(seen)}")
    assert not faults, "\n".join(faults[:5])
