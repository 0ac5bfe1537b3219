"""A week and more of a hospital on a real database, the clock moved from hour to hour, telephones by chance."""

from datetime import timedelta

from db.engine import make_engine
from tests.support.hospital_weeks import weeks_of_calls

PATIENTS = 20


def test_everybody_is_called_rightly_and_every_contact_ends_in_words(
    database_url: str, broker_url: str, seed: int
) -> None:
    engine = make_engine(database_url)
    faults, seen = weeks_of_calls(engine, broker_url, patients=PATIENTS, days=6, step=timedelta(minutes=110), seed=seed)
    engine.dispose()
    print(f"SUIFANG_TEST_SEED={seed}: {dict(seen)}")
    assert not faults, "\n".join(faults[:5])
    assert seen["attempts"] > PATIENTS // 4
