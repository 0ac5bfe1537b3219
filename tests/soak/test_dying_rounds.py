"""Two schedulers, three workers, broker and database, killed by the dice while forty follow-ups go on."""

import os
import random
import time
from pathlib import Path

import pytest

from tests.support.dying_round import dying_round, play
from tests.support.sipp import needs_sipp

MINUTES = 0.06 * float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
PATIENTS = 40
VICTIMS = [
    "leader",
    "broker",
    "database",
    "worker-0",
    "worker-1",
    "worker-2",
    "telephony",
    "broker",
    "database",
    "leader",
]


@pytest.mark.soak
@needs_sipp
def test_a_round_in_which_everything_dies_loses_nothing(tmp_path: Path, dice: random.Random) -> None:
    began = time.monotonic()
    victims = [*VICTIMS]
    dice.shuffle(victims)
    with dying_round(tmp_path, dice, schedulers=2, workers=3, patients=PATIENTS) as running:
        told = play(running, victims, patients=PATIENTS, apart=(0.5, max(1.0, 4 * MINUTES)), patience=300)
    print(f"soak: {told}; in {time.monotonic() - began:.0f} s")
