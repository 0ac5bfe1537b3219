"""The vault's Celery task: the shell around `recordings.ingest`."""

from dataclasses import dataclass
from typing import Any

from celery import Celery, signals

from db.unit_of_work import UnitsOfWork
from recordings.ingest import ingest, park
from recordings.object_store import SoundStore
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

INGEST = "recordings.ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingParts:
    """What these tasks work with."""

    units_of_work: UnitsOfWork
    store: SoundStore


def register(app: Celery) -> None:
    """Make the tasks known to a worker's application."""
    task = app.task(ingest_recording, name=INGEST, lazy=False, **TRIED_AGAIN)
    signals.task_failure.connect(_give_up, sender=task, weak=False)


def ingest_recording(recording_id: str) -> None:
    """Store a captured recording."""
    parts = provided(RecordingParts)
    ingest(parts.units_of_work, parts.store, recording_id)


def _give_up(args: tuple[str], exception: Exception, **_: Any) -> None:
    """The last try failed, hung, or took its process down: nobody tries by itself any more, and the spool stays."""
    park(provided(RecordingParts).units_of_work, args[0], f"every try to store it failed, at last with: {exception}")
