"""Ten rounds, and in each of them every process killed once; stops early only when its time is over."""

import os
import random
import time

import pytest

from tests.support.demo_round import demo_round, dialed_twice
from tests.support.killing import VICTIMS, kill_on_the_way

ROUNDS = 10
MINUTES = 0.45 * float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
"""The rest of the time belongs to test_endurance.py and to the kills of call workers at every moment."""

A_ROUND_SECONDS = 120.0


@pytest.mark.soak
def test_ten_kills_of_every_process_lose_nothing(dice: random.Random) -> None:
    deadline = time.monotonic() + MINUTES * 60
    done, longest = 0, A_ROUND_SECONDS
    for number in range(1, ROUNDS + 1):
        began = time.monotonic()
        if done and began + longest > deadline:
            break
        with demo_round() as running:
            running.wait_for_line("follow-ups are due", timeout=180)
            kill_on_the_way(running, VICTIMS, dice)
            report = running.finish()
            assert dialed_twice(report, running.town()) == [], f"round {number}\n{running}"
            assert [f["outcome"] for f in report["follow_ups"]] == [f["expected"] for f in report["follow_ups"]]
        done, longest = number, max(longest, time.monotonic() - began)
        print(f"soak: round {number} of {ROUNDS}: every process killed once, nothing lost, nobody dialed twice")
    print(f"soak: {done} of {ROUNDS} rounds in {MINUTES:g} minutes")
