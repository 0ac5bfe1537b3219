"""The thread that applies what was kept, for as long as the process lives; woken when something came in."""

import threading

import structlog

from db.feeds import FEED_CHANNEL
from db.listen import Listener
from db.refusals import DatabaseUnavailableError
from db.unit_of_work import UnitsOfWork
from interop.hl7.applying import apply_waiting
from interop.hl7.desk import FeedDesk

log = structlog.get_logger(__name__)

_NET = 2.0
"""Seconds: another process may have been applying when we were woken, and ended since."""

_PAUSE = 1.0


class Applier:
    """Applies messages one after the other. Of several processes one is at it at a time."""

    def __init__(self, units: UnitsOfWork, desk: FeedDesk, database_url: str) -> None:
        self._units = units
        self._desk = desk
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._listener = Listener(database_url, FEED_CHANNEL, lambda _: self._woken.set())
        self._thread = threading.Thread(target=self._run, name="feeds-apply")

    def start(self) -> None:
        """Begin."""
        self._listener.start()
        self._thread.start()

    def stop(self) -> None:
        """End behind the messages under way."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()
        self._listener.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(_NET)
            self._woken.clear()
            try:
                while not self._stopping.is_set() and apply_waiting(self._units, self._desk):
                    pass
            except DatabaseUnavailableError as error:
                log.warning("feeds_wait_for_database", error=type(error).__name__)
                self._stopping.wait(_PAUSE)
            except Exception:
                # What failed is rolled back and stays waiting: it is tried again, and told of each time.
                log.exception("feeds_not_applied")
                self._stopping.wait(_PAUSE)
