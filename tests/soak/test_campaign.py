"""Two hundred simulated patients on real lines: paused and resumed on the way, to the end, and the counts add up."""

import time
from pathlib import Path

import pytest

from tests.acceptance.test_strange_answers import needs_raw_sockets
from tests.support.campaign_town import campaign_town, expected
from tests.support.sipp import needs_sipp
from tests.support.waiting import until

MIXTURE = {
    "key_1": 100,
    "key_2": 30,
    "key_3": 16,
    "no_key": 5,
    "machine": 10,
    "busy": 13,
    "no_answer": 8,
    "rejects": 10,
    "invalid": 8,
}
LINES = 10
MINUTES = 15


@pytest.mark.soak
@needs_sipp
@needs_raw_sockets
def test_a_campaign_of_two_hundred_comes_to_its_end(database_url: str, broker_url: str, tmp_path: Path) -> None:
    assert sum(MIXTURE.values()) == 200
    with campaign_town(database_url, broker_url, tmp_path, MIXTURE, lines=LINES, seconds=60 * (MINUTES + 5)) as town:
        began = time.monotonic()
        town.command("start", "提醒复诊")
        until(lambda: town.counts["still_open"] < 140, timeout=60 * MINUTES, every=1.0, what="sixty are over")
        town.command("pause", "等待核对")
        until(lambda: town.unplaced_or_up() == (0, 0), timeout=120, every=0.5, what="calls that are up have ended")
        until(town.all_decided, timeout=60, what="what follows is decided for each of them")
        dialed = town.invites()
        so_far = town.counts
        looked = len(town.turns)
        until(lambda: len(town.turns) >= looked + 20, timeout=60, what="the scheduler has looked twenty times since")
        assert town.invites() == dialed, "paused: nobody is rung"
        assert town.counts == so_far
        town.command("resume", "核对完毕")
        until(lambda: town.told["state"] == "finished", timeout=60 * MINUTES, every=1.0, what="it is finished")
        told = town.told["counts"]
        print(f"soak: {told['size']} people in {time.monotonic() - began:.0f} s, {town.invites()} calls: {town.counts}")
        assert told["size"] == sum(told["groups"].values()) == 200
        assert town.counts == expected(MIXTURE)
