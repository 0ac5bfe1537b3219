"""A hospital's past comes in over the wire: nothing of it is lost, and whoever takes it in does not grow with it."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedState
from interop.hl7.applying import apply_waiting
from tests.support.feeds import DESK, connect, open_server
from tests.support.hospital_years import MESSAGES, messages_of, numbers_of_results

CONNECTIONS = 4
FIRST, LATER = range(50), range(50, 250)
GROWTH = 60_000_000
"""Bytes that four times as many messages may add to this process: caches that fill, not messages that stay."""

pytestmark = pytest.mark.soak


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    """An empty hospital."""
    engine = make_engine(database_url, pool_size=10)
    yield UnitsOfWork(engine)
    engine.dispose()


def send(port: int, people: range) -> int:
    """Send everything of these people on one connection, waiting for each answer; how many were accepted."""
    with connect(port) as sender:
        return sum(sender.ask(told).startswith("AA") for told in messages_of(people))


def load(units: UnitsOfWork, people: range) -> None:
    """Send it on several connections, and apply what came."""
    with open_server(units) as port, ThreadPoolExecutor(CONNECTIONS) as senders:
        accepted = senders.map(lambda place: send(port, people[place::CONNECTIONS]), range(CONNECTIONS))
        assert sum(accepted) == len(people) * MESSAGES
    while apply_waiting(units, DESK):
        pass


def count(units: UnitsOfWork, statement: str) -> int:
    """One number."""
    with units.engine.connect() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def test_what_was_sent_is_applied_or_parked_and_memory_does_not_grow_with_it(units: UnitsOfWork) -> None:
    load(units, FIRST)
    gc.collect()
    before = psutil.Process().memory_info().rss
    load(units, LATER)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    assert grown < GROWTH, f"{grown / 1e6:.0f} MB for {len(LATER) * MESSAGES} messages"

    everybody = range(FIRST.start, LATER.stop)
    placed, waiting = numbers_of_results(everybody)
    with units() as uow:
        assert uow.feeds.count(FeedState.APPLIED) == len(everybody) * MESSAGES
        assert uow.unmapped_results.count_waiting() == waiting
    assert count(units, "SELECT count(*) FROM results WHERE superseded_at IS NULL") == placed
    assert count(units, "SELECT count(*) FROM patients") == len(everybody)
    # Sent again it is known, and changes nothing.
    load(units, FIRST)
    assert count(units, "SELECT count(*) FROM results") == placed
    assert count(units, "SELECT count(*) FROM feed_messages") == len(everybody) * MESSAGES
