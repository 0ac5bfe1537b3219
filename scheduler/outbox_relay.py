"""The relay: every outbox row goes to its Celery tasks and the live stream, in order; none is lost with the broker.

What follows a changed record looks at what is there then, so that many changes want one look. It waits in a table of
its own, each patient once, while the workers have enough to do: a load of a hospital's past neither fills the broker
nor stands in front of what follows a call.
"""

import threading
from collections.abc import Sequence

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerOperationalError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from db.outbox import OutboxRow
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import EventKind
from runtime.live_events import LiveStream
from runtime.routing import tasks_for
from runtime.task_queue import waiting_tasks

log = structlog.get_logger(__name__)

BATCH = 200
ENOUGH_TO_DO = 200
"""While so many tasks wait for the workers, no look at a changed record is added to them."""


class BrokerAwayError(Exception):
    """The broker took no more; the rows that it did not take wait in the outbox."""


class OutboxRelay:
    """Publishes what the outbox holds. A row may go out twice (killed before the commit), so every task looks first."""

    def __init__(self, units_of_work: UnitsOfWork, task_queue: Celery, live: LiveStream) -> None:
        self._units_of_work = units_of_work
        self._task_queue = task_queue
        self._live = live

    def publish_waiting(self, stopping: threading.Event) -> int:
        """Publish everything that waits, for as long as it takes the broker to be there; how many rows."""
        published = 0
        again = Retrying(
            retry=retry_if_exception_type(BrokerAwayError),
            wait=wait_exponential(multiplier=0.1, max=5.0),
            stop=stop_when_event_set(stopping),
            sleep=sleep_using_event(stopping),
            before_sleep=_say_broker_away,
            reraise=True,
        )
        while not stopping.is_set():
            try:
                count = again(self.publish_batch)
            except BrokerAwayError:
                break
            published += count
            if count < BATCH:
                break
            self._follow_changes_or_wait()
        if not stopping.is_set():
            self._follow_changes_or_wait()
        return published

    def follow_changes(self) -> int:
        """Send the workers to records that changed, if they have little to do; to how many."""
        with self._units_of_work() as uow:
            sent: list[str] = []
            away: Exception | None = None
            try:
                names = tasks_for(EventKind.RECORD_CHANGED)
                room = (ENOUGH_TO_DO - waiting_tasks(self._task_queue)) // max(1, len(names))
                for patient_id in uow.outbox.changed(room) if room > 0 else ():
                    for name in names:
                        self._task_queue.send_task(name, args=[patient_id], retry=False)
                    sent.append(patient_id)
            except (BrokerOperationalError, redis.RedisError, OSError) as error:
                away = error
            if sent:
                uow.outbox.forget_changed(sent)
            uow.commit()
        if away is not None:
            raise BrokerAwayError(type(away).__name__) from away
        return len(sent)

    def _follow_changes_or_wait(self) -> None:
        try:
            self.follow_changes()
        except BrokerAwayError as error:
            # Nothing is lost: whoever waits does so in the database, and is looked at in the next round.
            log.warning("broker_away", error=str(error))

    def publish_batch(self) -> int:
        """Publish up to BATCH rows; BrokerAwayError, after keeping what was accepted, when the broker goes away."""
        with self._units_of_work() as uow:
            accepted: list[int] = []
            changed: set[str] = set()
            away: Exception | None = None
            for row in uow.outbox.unpublished(BATCH):
                try:
                    self._publish(row, _tasks_after(uow, row))
                    if row.kind == EventKind.RECORD_CHANGED:
                        changed.add(row.subject)
                except (BrokerOperationalError, redis.RedisError, OSError) as error:
                    away = error
                    break
                accepted.append(row.id)
            uow.outbox.note_changed(changed, uow.now)
            if accepted:
                uow.outbox.mark_published(accepted, uow.now)
            uow.commit()
        if away is not None:
            raise BrokerAwayError(type(away).__name__) from away
        return len(accepted)

    def _publish(self, row: OutboxRow, tasks: Sequence[tuple[str, str]]) -> None:
        for name, subject in tasks:
            self._task_queue.send_task(name, args=[subject], retry=False)
        try:
            self._live.publish(row.kind, {**row.ids, "subject": row.subject})
        except ValueError:
            # An event that says more than ids must not reach a screen, nor hold up the events behind it.
            log.exception("event_not_shown", kind=row.kind, outbox=row.id)


def _tasks_after(uow: UnitOfWork, row: OutboxRow) -> Sequence[tuple[str, str]]:
    """Names and subjects of the tasks that follow an event; a replayed one is what it was when it was parked."""
    if row.kind == EventKind.TASK_REPLAYED:
        parked = uow.parked.get(row.subject)
        return [(parked.name, parked.subject)] if parked else []
    if row.kind == EventKind.RECORD_CHANGED:
        return []  # see `follow_changes`
    return [(name, row.subject) for name in tasks_for(row.kind)]


def _say_broker_away(state: RetryCallState) -> None:
    log.warning("broker_away", tries=state.attempt_number)
