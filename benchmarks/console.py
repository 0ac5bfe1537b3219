"""The console in a browser: `python -m benchmarks.console --json`. Needs a built console and Chromium.

`console.wall_longest_task_ms`: the wall with 200 agents of whom 20 change each second, told by a live event; the
longest piece of work that kept the page from answering, as the browser's own long-task observer tells it. It tells of
none under 50 ms: 0 says that there was none. `bound` is the goal. A busy machine lengthens it.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle
from os import cpu_count, getloadavg
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.row import Row, print_rows
from db.migrate import upgrade
from db.users import Role
from followup.queues import AgentState
from runtime.live_events import LiveStream
from runtime.settings import REPOSITORY
from tests.console.browser import chromium, page_of
from tests.console.seeds.wall import seed_floor
from tests.integration.api.house import House, open_house
from tests.support.engines import cloned_database, running_engines
from tests.support.served_house import served

AGENTS, CHANGED = 200, 20
GOAL_MS = 50.0
_OBSERVE = """
window.longTasks = [];
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(each => each.duration)))
  .observe({type: 'longtask'});
"""
_UPDATES = "performance.getEntriesByType('resource').filter(each => each.name.endsWith('/api/v1/wall')).length"


def rows(seconds: int, console: Path) -> list[Row]:
    """Measure."""
    with (
        running_engines() as (_, engines),
        cloned_database(engines, "template1") as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        upgrade(url)
        with open_house(url, engines.broker_url, Path(folder), console_dir=console) as house:
            with house.rows() as uow:
                ids = [agent.id for agent in seed_floor(uow, agents=AGENTS)]
            supervisor = house.person(Role.SUPERVISOR)
            with served(house) as address, chromium() as browser, LiveStream(engines.broker_url) as live:
                page = page_of(browser, address, supervisor)
                page.goto("/live")
                page.get_by_role("table").first.wait_for()
                return [_measured(house, page, live, ids, seconds)]


def _measured(house: House, page: Page, live: LiveStream, ids: Sequence[str], seconds: int) -> Row:
    page.wait_for_timeout(3000)
    page.evaluate(_OBSERVE)
    before = int(page.evaluate(_UPDATES))
    turn = cycle(ids)
    for second in range(seconds):
        state = AgentState.BREAK if second % 2 else AgentState.TRAINING
        with house.rows() as uow:
            for _ in range(CHANGED):
                agent = uow.queues.agent(next(turn))
                if agent is not None and agent.state in (AgentState.AVAILABLE, AgentState.BREAK, AgentState.TRAINING):
                    agent.state, agent.state_since = state, uow.now - timedelta(seconds=second)
        live.publish("agent_changed", {"agent": ids[0]})
        page.wait_for_timeout(1000)
    tasks: list[float] = page.evaluate("window.longTasks")
    updates = int(page.evaluate(_UPDATES)) - before
    return Row(
        name="console.wall_longest_task_ms",
        unit="ms",
        ours=round(max(tasks, default=0.0), 1),
        peer="none",
        peer_value=None,
        ratio=None,
        bound=GOAL_MS,
        n=updates,
        spread=None,
        conditions=f"{AGENTS} agents, {CHANGED} changed each second for {seconds} s, {updates} updates, {len(tasks)} "
        f"tasks of 50 ms or more, load {getloadavg()[0]:.0f} on {cpu_count()} cores, "
        f"headless Chromium at 1366x768; no peer's wall can be run here",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--console", type=Path, default=REPOSITORY / "console" / "dist")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    asked = parser.parse_args()
    print_rows(rows(asked.seconds, asked.console), as_json=asked.json)


if __name__ == "__main__":
    main()
