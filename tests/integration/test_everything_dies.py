"""A round in which the leading scheduler is killed, and broker and database are stopped and started: nothing lost."""

import random
from pathlib import Path

import pytest

from tests.support.dying_round import dying_round, play
from tests.support.sipp import needs_sipp

PATIENTS = 10


@pytest.mark.soak  # many processes that want both processors to themselves
@pytest.mark.slow
@needs_sipp
def test_nothing_is_lost_and_nothing_done_twice_when_everything_dies_once(tmp_path: Path, dice: random.Random) -> None:
    with dying_round(tmp_path, dice, schedulers=2, workers=1, patients=PATIENTS) as running:
        victims = ["leader", "broker", "database"]
        dice.shuffle(victims)
        print(play(running, victims, patients=PATIENTS, apart=(0.5, 2.0), patience=150))
