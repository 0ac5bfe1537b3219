"""The Celery tasks of lists: writing an import, and taking one back."""

from dataclasses import dataclass

from celery import Celery

from db.unit_of_work import UnitsOfWork
from interop.lists.applying import apply_import
from interop.lists.checking import ListSurroundings
from interop.lists.undoing import undo_import
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

APPLY_IMPORT = "interop.apply_import"
UNDO_IMPORT = "interop.undo_import"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListParts:
    """What these tasks work with."""

    units_of_work: UnitsOfWork
    surroundings: ListSurroundings


def register(app: Celery) -> None:
    """Make the tasks known to a worker's application."""
    app.task(apply_list, name=APPLY_IMPORT, lazy=False, **TRIED_AGAIN)
    app.task(undo_list, name=UNDO_IMPORT, lazy=False, **TRIED_AGAIN)


def apply_list(import_id: str) -> None:
    """Write an import's rows from where the last try got to; one that fails for good is asked for again."""
    parts = provided(ListParts)
    apply_import(parts.units_of_work, import_id, parts.surroundings)


def undo_list(import_id: str) -> None:
    """Take an import back from where the last try got to."""
    undo_import(provided(ListParts).units_of_work, import_id)
