"""What a node has to know of the processes that hold its calls."""

from typing import Protocol

from followup.calls import LegId
from telephony.call_control import LegEvent


class Lines(Protocol):
    """The call workers of a node, seen from its transactions."""

    def acknowledge(self, event: LegEvent) -> None:
        """The event is stored; it need not be told again."""

    def knows(self, leg_id: LegId) -> bool:
        """True if a living worker holds the leg."""

    def was_anything_sent(self, attempt_id: str) -> bool:
        """True if an INVITE of this attempt may have left."""

    def free(self) -> int:
        """How many more conversations could be begun."""
