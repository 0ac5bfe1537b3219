"""A preview: the agent sees whom she would ring and why, and dials or says why not."""

from datetime import timedelta
from enum import StrEnum


class SkipReason(StrEnum):
    """Why an agent did not dial."""

    LATER = "later"  # at an hour she names
    NEEDS_ANOTHER_AGENT = "needs_another_agent"
    RECORD_INCOMPLETE = "record_incomplete"
    NOT_NOW = "not_now"
    EXPIRED = "expired"  # nobody said anything in time; set by the system
    NOT_ALLOWED = "not_allowed"  # the gate said no when she pressed dial; set by the system


SYSTEMS_OWN = frozenset({SkipReason.EXPIRED, SkipReason.NOT_ALLOWED})

REST_AFTER_SKIP = {
    SkipReason.LATER: timedelta(hours=1),
    SkipReason.NEEDS_ANOTHER_AGENT: timedelta(minutes=5),
    SkipReason.RECORD_INCOMPLETE: timedelta(hours=4),
    SkipReason.NOT_NOW: timedelta(minutes=15),
    SkipReason.EXPIRED: timedelta(0),
    SkipReason.NOT_ALLOWED: timedelta(0),
}
"""Until a skipped task is shown again, unless the agent names an hour."""
