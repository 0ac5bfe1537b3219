"""The roster of a pool: which workers there are, which leg is where, and the account of what each has told."""

import threading
from dataclasses import dataclass

from followup.calls import LegId
from telephony.call_control import RejectedError
from telephony.sip.pooled_worker import PooledWorker, WorkerPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSummary:
    """One worker as the pool sees it; `legs` are those that live."""

    worker_id: str
    phase: WorkerPhase
    pid: int
    sip_port: int
    calls_made: int
    legs: tuple[LegId, ...]


class Roster:
    """All workers not yet buried and forgotten. `changed` guards it and is notified whenever a worker may be free."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._workers: dict[str, PooledWorker] = {}

    def add(self, worker: PooledWorker) -> None:
        """One more."""
        with self.changed:
            self._workers[worker.worker_id] = worker

    def remove(self, worker: PooledWorker) -> None:
        """Forget it."""
        with self.changed:
            self._workers.pop(worker.worker_id, None)
            self.changed.notify_all()

    def get(self, worker_id: str) -> PooledWorker | None:
        """The worker of this id."""
        with self.changed:
            return self._workers.get(worker_id)

    def all(self) -> list[PooledWorker]:
        """Every worker, the oldest first."""
        with self.changed:
            return list(self._workers.values())

    def in_phase(self, *phases: WorkerPhase) -> list[PooledWorker]:
        """Those that have come so far."""
        return [worker for worker in self.all() if worker.phase in phases]

    def conversing(self) -> list[PooledWorker]:
        """Those that hold conversations, or may soon: all but the front workers."""
        living = self.in_phase(WorkerPhase.STARTING, WorkerPhase.READY)
        return [worker for worker in living if not worker.config.front]

    def fronts(self) -> list[PooledWorker]:
        """The living workers that take calls from outside."""
        living = self.in_phase(WorkerPhase.STARTING, WorkerPhase.READY)
        return [worker for worker in living if worker.config.front]

    def reserve_idle(self, leg_id: LegId) -> PooledWorker | None:
        """Reserve an idle worker for a new conversation that begins with this leg; None when all are engaged."""
        with self.changed:
            self._refuse_known(leg_id)
            idle = [worker for worker in self.in_phase(WorkerPhase.READY) if worker.takes_calls]
            if not idle:
                return None
            idle[0].legs[leg_id] = True
            return idle[0]

    def reserve_beside(self, leg_id: LegId, other: LegId) -> PooledWorker | None:
        """Reserve room for a new leg in the worker where `other` is up; None when it is nowhere up."""
        with self.changed:
            self._refuse_known(leg_id)
            worker = self.living_worker_of(other)
            if worker is not None:
                worker.legs[leg_id] = True
            return worker

    def release(self, leg_id: LegId) -> None:
        """Give back the room reserved for a leg that was refused."""
        with self.changed:
            for worker in self._workers.values():
                worker.legs.pop(leg_id, None)
            self.changed.notify_all()

    def living_worker_of(self, leg_id: LegId) -> PooledWorker | None:
        """The living worker where this leg is up or on its way."""
        return next((worker for worker in self.in_phase(WorkerPhase.READY) if worker.legs.get(leg_id)), None)

    def knew(self, leg_id: LegId) -> bool:
        """Whether one of these workers has or had this leg."""
        return any(leg_id in worker.legs for worker in self.all())

    def summaries(self) -> list[WorkerSummary]:
        """All of them, for those who only look."""
        with self.changed:
            return [
                WorkerSummary(
                    worker_id=worker.worker_id,
                    phase=worker.phase,
                    pid=worker.pid,
                    sip_port=worker.config.sip_port,
                    calls_made=worker.calls_made,
                    legs=tuple(leg_id for leg_id, living in worker.legs.items() if living),
                )
                for worker in self._workers.values()
            ]

    def _refuse_known(self, leg_id: LegId) -> None:
        if self.knew(leg_id):
            raise RejectedError(f"leg {leg_id} exists already: every leg is dialed once")
