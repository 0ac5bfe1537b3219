"""Celery tasks of a recording's later life: a copy for listening, and its end."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from recordings.opus import make_copy
from recordings.purging import PurgeDesk, purge
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

PURGE = "recordings.purge"
COPY = "recordings.copy"
_NICE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingParts:
    """What these tasks work with."""

    desk: PurgeDesk
    work: Path  # where copies are made before they go into the store


def register(app: Celery) -> None:
    """Make the tasks known to a worker's application."""
    app.task(purge_recording, name=PURGE, lazy=False, **TRIED_AGAIN)
    app.task(copy_recording, name=COPY, lazy=False, **TRIED_AGAIN)


def purge_recording(recording_id: str) -> None:
    """Destroy a recording whose time is over."""
    purge(provided(KeepingParts).desk, recording_id)


def copy_recording(recording_id: str) -> None:
    """Make the smaller copy of a recording, after everything else that wants the processor."""
    # In a thread of its own: only root may take back a lower priority, and a thread takes it along when it ends.
    with ThreadPoolExecutor(max_workers=1, initializer=_step_back) as apart:
        apart.submit(_copy, provided(KeepingParts), recording_id).result()


def _step_back() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _copy(parts: KeepingParts, recording_id: str) -> None:
    make_copy(parts.desk.units_of_work, parts.desk.store, recording_id, work=parts.work)
