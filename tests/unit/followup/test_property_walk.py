"""Fifteen hundred patients by chance, each through his whole plan (make soak walks a hundred thousand)."""

from tests.support.many_walks import faults_among

PATIENTS = 1500


def test_patients_are_called_rightly_and_none_is_forgotten(seed: int) -> None:
    faults, seen = faults_among(range(PATIENTS), seed)
    print(f"SUIFANG_TEST_SEED={seed}: {seen}")
    assert not faults, "\n".join(faults[:5])
    # The walk is worth something only where much happens in it.
    assert seen["dials"] > 2 * PATIENTS
    assert seen["stopped at the last moment"] > PATIENTS // 50
    assert seen["ended completed"] > PATIENTS // 5
