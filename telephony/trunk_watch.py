"""Looks at each trunk every so often, from a thread of its own, and tells what it saw."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from telephony.call_control import Trunk
from telephony.trunk_ping import TrunkAnswer, look_at
from telephony.trunks import TrunkTerms

LOOK_SECONDS = timedelta(seconds=2)

Saw = Callable[[str, TrunkAnswer], None]


class TrunkWatch:
    """Watches the trunks that are to be asked; the others are left alone."""

    def __init__(
        self,
        trunks: Sequence[TrunkTerms],
        saw: Saw,
        *,
        look: Callable[[Trunk, timedelta], TrunkAnswer] = look_at,
    ) -> None:
        self._saw = saw
        self._look = look
        self._terms = {terms.name: terms for terms in trunks if terms.ping_seconds}
        self._due = dict.fromkeys(self._terms, time.monotonic())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trunk-watch", daemon=True)

    def start(self) -> None:
        """Begin, if there is anything to look at."""
        if self._due:
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * LOOK_SECONDS.total_seconds())

    def _run(self) -> None:
        while not self._stopping.wait(max(0.0, min(self._due.values()) - time.monotonic())):
            terms = self._terms[min(self._due, key=lambda name: self._due[name])]
            self._due[terms.name] = time.monotonic() + terms.ping_seconds
            answer = self._look(terms.trunk, LOOK_SECONDS)
            if not self._stopping.is_set():
                self._saw(terms.name, answer)
