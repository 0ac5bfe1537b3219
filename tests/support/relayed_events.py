"""The outbox relay in a thread, so that a page hears of what happens in the house as it would at work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from db.unit_of_work import UnitsOfWork
from runtime.live_events import LiveStream
from runtime.task_queue import make_task_queue
from scheduler.outbox_relay import OutboxRelay

LOOK_SECONDS = 0.05


@contextmanager
def relayed_events(units: UnitsOfWork, broker_url: str) -> Iterator[None]:
    """Every event is published within a moment."""
    stopping = threading.Event()
    with LiveStream(broker_url) as live:
        relay = OutboxRelay(units, make_task_queue(broker_url), live)

        def publish() -> None:
            while not stopping.wait(LOOK_SECONDS):
                relay.publish_waiting(stopping)

        thread = threading.Thread(target=publish, name="relay")
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(10)
