"""The Celery task of results: applying what the hospital has said about a code to what waited for it."""

from dataclasses import dataclass

from celery import Celery

from db.unit_of_work import UnitsOfWork
from interop.results import settle_all
from runtime.content.library import Content
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

SETTLE_RESULTS = "interop.settle_results"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultParts:
    """What results are settled with."""

    units_of_work: UnitsOfWork
    content: Content


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    app.task(settle_results, name=SETTLE_RESULTS, lazy=False, **TRIED_AGAIN)


def settle_results(position: str) -> None:
    """Apply the decision at this position."""
    parts = provided(ResultParts)
    settle_all(parts.units_of_work, parts.content, int(position))
