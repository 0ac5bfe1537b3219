"""Tasks of the workers that failed for good: kept with why until somebody runs them again or lets them go."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ParkedTaskState(StrEnum):
    """What became of a parked task."""

    PARKED = "parked"
    REPLAYED = "replayed"  # sent again by a person; should it fail once more, it is parked anew
    DISMISSED = "dismissed"  # a person says that it need not be done


@dataclass(kw_only=True, eq=False)
class ParkedTask:
    """A Celery task whose every try failed, which hung, or which took its process down."""

    id: str
    name: str
    subject: str  # its only argument, an id
    reason: str
    times: int = 1  # how often it was parked since it was last replayed or dismissed
    state: ParkedTaskState = ParkedTaskState.PARKED
    first_parked_at: datetime
    parked_at: datetime
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_because: str = ""
