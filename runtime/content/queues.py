"""content/queues.yaml: the queues that the plans name, as they are made where there is none of that name yet."""

from typing import Literal

from pydantic import Field

from care.consent import Purpose
from followup.plans import TaskMode
from runtime.content.documents import Head, Strict, Wording


class QueueDocument(Strict):
    """One queue."""

    name: str = Field(min_length=1, max_length=100)
    title: Wording
    mode: TaskMode
    purpose: Purpose
    language: Literal["zh", "en"] | None = None
    policy: str = "default"
    ring_seconds: int = Field(default=30, ge=5, le=120)
    wrap_up_seconds: int = Field(default=60, ge=0, le=3600)
    lines: int = Field(default=1, ge=1, le=1000)


class QueuesDocument(Head):
    """Every queue of the installation's plans."""

    queues: tuple[QueueDocument, ...] = Field(min_length=1)
