"""Ten rounds, and in each of them every process killed once; stops early only when its time is over."""

import os
import random
import time

import pytest

from tests.support.demo_round import demo_round, dialed_twice
from tests.support.killing import VICTIMS, kill_on_the_way

ROUNDS = 10
MINUTES = float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
LONGEST_ROUND_SECONDS = 240.0


@pytest.mark.soak
def test_ten_kills_of_every_process_lose_nothing(dice: random.Random) -> None:
    deadline = time.monotonic() + MINUTES * 60
    done = 0
    for number in range(1, ROUNDS + 1):
        if time.monotonic() + LONGEST_ROUND_SECONDS > deadline:
            break
        with demo_round() as running:
            running.wait_for_line("follow-ups are due", timeout=180)
            kill_on_the_way(running, VICTIMS, dice)
            report = running.finish()
            assert dialed_twice(report, running.town()) == [], f"round {number}\n{running}"
            assert [f["outcome"] for f in report["follow_ups"]] == [f["expected"] for f in report["follow_ups"]]
        done = number
        print(f"soak: round {number} of {ROUNDS}: every process killed once, nothing lost, nobody dialed twice")
    assert done >= 1, "not one round fitted into SOAK_MINUTES"
    print(f"soak: {done} of {ROUNDS} rounds in {MINUTES:g} minutes")
