"""One scheduler leads, the others stand by: due tasks, dialing, outbox and timetable go on in the leader only."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from db.gate import Gate
from db.leadership import Leadership, LeadLostError
from db.unit_of_work import UnitsOfWork, database_is_away
from followup.events import EventKind
from scheduler.dialer import match_and_reserve
from scheduler.due import queue_due_tasks
from scheduler.outbox_relay import OutboxRelay
from scheduler.outcomes import AttemptPolicies
from scheduler.timetable import Timetable

log = structlog.get_logger(__name__)

NET = timedelta(milliseconds=500)
"""How long anything can go unnoticed that no notification told of."""

_STANDBY_SECONDS = 0.5
_DATABASE_AWAY_SECONDS = 1.0
_CHANGES_WHO_IS_CALLED = frozenset(
    {
        "",
        EventKind.TASK_QUEUED,
        EventKind.AGENT_CHANGED,
        EventKind.ATTEMPT_CLOSED,
        EventKind.NEXT_DECIDED,
        EventKind.CALL_ENDED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What the leader does."""

    units_of_work: UnitsOfWork
    gate: Gate
    relay: OutboxRelay
    timetable: Timetable
    policies: AttemptPolicies | None = None  # None: no call is announced


class Leader:
    """A candidate that leads whenever nobody else does, until `stop`."""

    def __init__(self, leadership: Leadership, duties: Duties) -> None:
        self._leadership = leadership
        self._duties = duties
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask `run` to return; it does so within about half a second and lets a spare take over at once."""
        self._stopping.set()

    def run(self) -> None:
        """Stand by and lead in turn. What is not the database being away is raised: a supervisor starts us anew."""
        with self._leadership as leadership:
            log.info("scheduler_standing_by")
            while not self._stopping.is_set():
                try:
                    if leadership.seize():
                        log.info("scheduler_leads")
                        _Lead(self._duties, self._stopping).hold(leadership)
                    else:
                        self._stopping.wait(_STANDBY_SECONDS)
                except LeadLostError as error:
                    log.warning("lead_lost", reason=str(error))
                    self._stopping.wait(_DATABASE_AWAY_SECONDS)
        log.info("scheduler_stopped")


class _Lead:
    """One time of leading: three threads work while this one listens on the connection that holds the lock."""

    def __init__(self, duties: Duties, stopping: threading.Event) -> None:
        self._duties = duties
        self._stopping = stopping
        self._over = threading.Event()
        self._dial = threading.Event()
        self._relay = threading.Event()
        self._failure: BaseException | None = None

    def hold(self, leadership: Leadership) -> None:
        threads = [
            threading.Thread(target=self._run, args=(work, wake), name=name, daemon=True)
            for name, work, wake in (
                ("dialer", self._call_whom_we_can, self._dial),
                ("relay", self._publish, self._relay),
                ("timetable", self._keep_time, self._over),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._stopping.is_set() and not self._over.is_set():
                heard = leadership.notifications(NET.total_seconds())
                if heard:
                    self._relay.set()
                if not _CHANGES_WHO_IS_CALLED.isdisjoint(heard):
                    self._dial.set()
        finally:
            self._over.set()
            self._dial.set()
            self._relay.set()
            for thread in threads:
                thread.join(timeout=10)
        if self._failure is not None:
            raise self._failure

    def _run(self, work: Callable[[], float], wake: threading.Event) -> None:
        """Do `work` again and again: when woken, or after the seconds it asks for."""
        try:
            while not self._over.is_set():
                # Cleared before the work, so that what changes during it is seen in the next turn.
                if wake is not self._over:
                    wake.clear()
                wake.wait(self._one_turn(work))
        except BaseException as error:
            log.exception("scheduler_failed", part=threading.current_thread().name)
            self._failure = error
            self._over.set()

    @staticmethod
    def _one_turn(work: Callable[[], float]) -> float:
        try:
            return work()
        except Exception as error:
            if not database_is_away(error):
                raise
            log.warning("database_away", part=threading.current_thread().name)
            return _DATABASE_AWAY_SECONDS

    def _call_whom_we_can(self) -> float:
        started = time.monotonic()
        moved = True
        while moved and not self._over.is_set():
            moved = bool(self._queue_due() + self._dial_some())
        with self._duties.units_of_work() as uow:
            next_moment = uow.plans.next_moment(uow.now, uow.now + NET)
            until_then = next_moment - uow.now if next_moment else NET
        return max(0.0, min(until_then.total_seconds(), NET.total_seconds() - (time.monotonic() - started)))

    def _queue_due(self) -> int:
        with self._duties.units_of_work() as uow:
            seen = queue_due_tasks(uow, gate=self._duties.gate, policies=self._duties.policies, now=uow.now)
            uow.commit()
            return seen

    def _dial_some(self) -> int:
        with self._duties.units_of_work() as uow:
            moved = match_and_reserve(uow, gate=self._duties.gate, now=uow.now)
            uow.commit()
            return moved

    def _publish(self) -> float:
        self._duties.relay.publish_waiting(self._over)
        return NET.total_seconds()

    def _keep_time(self) -> float:
        return self._duties.timetable.run_due()
