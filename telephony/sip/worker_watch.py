"""The watch over a pool's workers: one thread hears all of them and notices at once when one dies."""

import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from telephony.call_control import LegEventKind, LegState
from telephony.sip.event_delivery import EventDelivery
from telephony.sip.pooled_worker import PooledWorker, WorkerPhase
from telephony.sip.roster import Roster
from telephony.sip.wire import Event, Hello, WireError
from telephony.sip.worker_link import WorkerLink

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0


class WorkerWatch:
    """Hears hellos and events, and death by socket and pidfd.

    `on_death` and `on_turn` (after whatever was heard, at least once a second) are called with the roster's lock held.
    """

    def __init__(
        self,
        roster: Roster,
        delivery: EventDelivery,
        *,
        on_death: Callable[[PooledWorker], None],
        on_turn: Callable[[], None],
    ) -> None:
        self._roster = roster
        self._delivery = delivery
        self._on_death = on_death
        self._on_turn = on_turn
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._new: list[PooledWorker] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="worker-watch", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def add(self, worker: PooledWorker, line: socket.socket) -> None:
        """Listen to this worker too."""
        with self._roster.changed:
            worker.link = WorkerLink(line)
            worker.connected_at = time.monotonic()
            self._new.append(worker)
        self.wake()

    def drop(self, worker: PooledWorker) -> None:
        """Listen to this worker no more; called with the lock held."""
        if worker.link is not None:
            with suppress(KeyError):  # it may have died before it was listened to
                self._selector.unregister(worker.link)
        if worker.pidfd is not None:
            self._selector.unregister(worker.pidfd)
        worker.let_go()

    def wake(self) -> None:
        """Take a turn now."""
        self._waker.send(b"w")

    def stop(self) -> None:
        """Listen to nobody any more and let go of every worker."""
        with self._roster.changed:
            self._stopped = True
        self.wake()
        self._thread.join()
        for worker in self._roster.all():
            worker.let_go()
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def bury(self, worker: PooledWorker) -> None:
        """Called with the lock held, from the moment on that the process cannot say anything any more."""
        worker.phase = WorkerPhase.DEAD
        self.drop(worker)
        log.info("worker_ended", worker=worker.worker_id, pid=worker.pid)
        self._on_death(worker)
        self._roster.changed.notify_all()

    def _run(self) -> None:
        while True:
            ready = self._selector.select(TICK_SECONDS)
            with self._roster.changed:
                if self._stopped:
                    return
                for key, _ in ready:
                    if key.data is None:
                        self._woken.recv(4096)
                    else:
                        self._heed(key.data, from_link=key.fd != key.data.pidfd)
                for worker in self._new:
                    if worker.link is not None:
                        self._selector.register(worker.link, selectors.EVENT_READ, worker)
                self._new.clear()
                self._on_turn()

    def _heed(self, worker: PooledWorker, *, from_link: bool) -> None:
        if worker.phase in (WorkerPhase.DEAD, WorkerPhase.PARTED):
            return
        if not from_link:
            self.bury(worker)
            return
        if worker.link is None:
            return
        try:
            heard = worker.link.read()
        except WireError:
            log.exception("worker_not_understood", worker=worker.worker_id)
            heard = None
        if heard is None:
            self._link_ended(worker)
            return
        for message in heard:
            if isinstance(message, Hello):
                self._greeted(worker, message)
            else:
                self._happened(worker, message)

    def _greeted(self, worker: PooledWorker, hello: Hello) -> None:
        worker.pid, worker.calls_made = hello.pid, hello.calls_made
        worker.legs.update(dict.fromkeys(hello.legs, True))
        try:
            worker.pidfd = os.pidfd_open(hello.pid)
        except ProcessLookupError:
            self.bury(worker)
            return
        self._selector.register(worker.pidfd, selectors.EVENT_READ, worker)
        worker.phase = WorkerPhase.READY
        log.info(
            "worker_adopted" if worker.adopted else "worker_ready",
            worker=worker.worker_id,
            pid=hello.pid,
            legs=[leg_id for leg_id, state in hello.legs.items() if state is not LegState.ENDING],
        )
        self._roster.changed.notify_all()

    def _happened(self, worker: PooledWorker, event: Event) -> None:
        if event.kind is LegEventKind.ENDED:
            worker.legs[event.leg_id] = False
            self._roster.changed.notify_all()
        else:
            worker.legs.setdefault(event.leg_id, True)
        if worker.ledger.hand_on(event.event):
            self._delivery.put(event.leg_event(worker.worker_id))

    def _link_ended(self, worker: PooledWorker) -> None:
        """A connection ends a moment before its process does; a process that stays has taken another node."""
        if worker.pidfd is None:
            self.bury(worker)
            return
        if worker.link is not None:
            self._selector.unregister(worker.link)
            worker.link.close()
            worker.link = None
        worker.parting_since = time.monotonic()
