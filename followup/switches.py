"""Stop switches: who stopped the dialing of a queue or campaign, or let it go on, when and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SwitchOf(StrEnum):
    """What a switch stops."""

    QUEUE = "queue"
    CAMPAIGN = "campaign"


@dataclass(kw_only=True, eq=False)
class Switch:
    """One press; the latest of a subject holds."""

    id: str
    kind: SwitchOf
    subject: str
    stopped: bool
    reason: str
    pressed_by: str
    pressed_at: datetime
