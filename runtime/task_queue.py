"""The Celery application: how tasks travel, and how a killed worker's task comes back within a minute.

Redis has no acknowledgements; kombu emulates them with a deadline (the visibility timeout) after which an
unacknowledged message is delivered again. A long one would leave a killed worker's task waiting for hours, a short one
would run every long transcription twice. So the deadline is short and a living worker moves it ahead for whatever it
holds. A task can still run twice (a worker that hangs, a broker that is restarted): every task begins by looking
whether its work is done.
"""

import os
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import psutil
import redis
import structlog
from celery import Celery, Task, bootsteps, signals

log = structlog.get_logger(__name__)

QUEUE = "suifang"
SPEECH_QUEUE = "suifang.speech"
"""Speech to text takes minutes: it waits in a queue of its own, so that what decides the next call never does."""

OPENINGS_QUEUE = "suifang.openings"
"""The first seconds of calls that are up: seconds count, so they never stand behind a whole recording that waits."""

VISIBILITY = timedelta(seconds=45)
HOLD_INTERVAL = timedelta(seconds=10)
SWEEP_INTERVAL = timedelta(seconds=5)

TRIED_AGAIN: Mapping[str, Any] = {
    "autoretry_for": (Exception,),
    "max_retries": 4,
    "retry_backoff": 5,
    "retry_backoff_max": 120,
    "retry_jitter": False,
    # A task that takes its process down with it is counted like one that fails, or it would do so for ever.
    "retry_on_worker_lost": True,
    "default_retry_delay": 5,
    # One that hangs is not: it would keep its worker from everything else five times over.
    "time_limit": 600,
}
"""Options of a task that is tried five times within about a minute; its module says what happens then."""


class BoundTask(Task):  # type: ignore[misc] # Celery has no types
    """A task whose log lines carry its name and id, and which says how long it took."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run with the log context bound."""
        with structlog.contextvars.bound_contextvars(celery_task=self.name, celery_id=self.request.id):
            started = time.monotonic()
            log.info("task_started", redelivered=bool((self.request.delivery_info or {}).get("redelivered")))
            answer = super().__call__(*args, **kwargs)
            log.info("task_finished", seconds=round(time.monotonic() - started, 3))
            return answer


class HoldDeliveries(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
    """In a worker: a thread that keeps moving ahead the deadlines of the messages this worker holds.

    A thread and not a timer of the worker's loop, so that it also beats while a task blocks the loop (solo pool).
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **_options: Any) -> None:
        super().__init__(parent)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, parent: Any) -> None:
        """The consumer has connected (again)."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=_hold, args=(parent.task_consumer.channel, self._stopped), name="hold-deliveries", daemon=True
        )
        self._thread.start()

    def stop(self, _parent: Any) -> None:
        """The consumer lost its connection or ends."""
        self._stopped.set()

    def terminate(self, parent: Any) -> None:
        """As `stop`."""
        self.stop(parent)


def make_task_queue(broker_url: str) -> Celery:
    """The application for senders and workers; who runs tasks registers them on it by name."""
    app = Celery("suifang", broker=broker_url, task_cls=BoundTask, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_routes={
            "transcription.transcribe": {"queue": SPEECH_QUEUE},
            "transcription.hear_opening": {"queue": OPENINGS_QUEUE},
            "transcription.hear_early": {"queue": OPENINGS_QUEUE},
        },
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        enable_utc=True,
        timezone="UTC",
        broker_transport_options={
            "visibility_timeout": VISIBILITY.total_seconds(),
            "unacked_restore_interval": SWEEP_INTERVAL.total_seconds(),
            "unacked_restore_throttle": 1,
            # A worker killed inside the sweep leaves its lock behind for so long.
            "unacked_mutex_expire": int(VISIBILITY.total_seconds()),
            "health_check_interval": 10,
        },
    )
    app.steps["consumer"].add(HoldDeliveries)
    # Before everything else that a child does when it starts: whoever builds on this application connects later.
    signals.worker_process_init.connect(_let_go_of_the_parents, dispatch_uid="let-go-of-the-parents")
    return app


def waiting_tasks(app: Celery) -> int:
    """How many tasks wait in the common queue and no worker has taken; the broker's own error if it is away."""
    with app.pool.acquire(block=True) as connection:
        return int(connection.default_channel.client.llen(QUEUE))


def _let_go_of_the_parents(**_: object) -> None:
    """In a worker's new child: leave the connections to the parent that were made before it was forked.

    A child that replaces another inherits the connection on which its parent waits for messages. If the parent is
    killed, the broker holds it for open until the last such child is dead too, which takes a while on a busy machine,
    and gives it the next message: nobody reads it, and it is lost.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for connection in psutil.Process().net_connections(kind="tcp"):
        if connection.raddr:
            # Not closed: the object that knows the number would close it once more, when it is another file's.
            os.dup2(nowhere, connection.fd, inheritable=False)
    os.close(nowhere)


def _hold(channel: Any, stopped: threading.Event) -> None:
    with redis.Redis.from_url(channel.connection.client.as_uri(include_password=True), socket_timeout=5) as broker:
        while not stopped.wait(HOLD_INTERVAL.total_seconds()):
            held = list(channel.qos._delivered)  # noqa: SLF001 kombu offers no other list of what is unacknowledged
            if not held:
                continue
            try:
                broker.zadd(channel.unacked_index_key, dict.fromkeys(held, time.time()), xx=True)
            except redis.RedisError as error:
                log.warning("deliveries_not_held", count=len(held), reason=str(error))
