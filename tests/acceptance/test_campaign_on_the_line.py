"""A campaign of twenty people on real lines, paused and resumed on the way; its counts add up at every moment."""

from pathlib import Path

from tests.acceptance.test_strange_answers import needs_raw_sockets
from tests.support.campaign_town import campaign_town, expected
from tests.support.sipp import needs_sipp
from tests.support.waiting import until

TWENTY = {"key_1": 10, "key_2": 3, "key_3": 2, "machine": 1, "busy": 1, "rejects": 1, "invalid": 2}


@needs_sipp
@needs_raw_sockets
def test_a_campaign_of_twenty_is_paused_resumed_and_comes_to_its_end(
    database_url: str, broker_url: str, tmp_path: Path
) -> None:
    with campaign_town(database_url, broker_url, tmp_path, TWENTY, lines=8, seconds=240) as town:
        town.command("start", "提醒复诊")
        until(lambda: town.counts["still_open"] < 18, timeout=60, every=0.3, what="the first have answered")
        town.command("pause", "等待核对")
        until(lambda: town.unplaced_or_up() == (0, 0), timeout=60, every=0.3, what="calls that are up have ended")
        so_far, dialed = town.counts, town.invites()
        assert so_far["still_open"] > 0, "it was paused on the way"
        town.command("resume", "核对完毕")
        until(lambda: town.told["state"] == "finished", timeout=200, every=0.3, what="the campaign is finished")
        assert town.counts == expected(TWENTY)
        assert town.invites() > dialed
