"""A redacted copy of a call: its words and sound without who is spoken of, released by a person for a purpose."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from followup.recordings import Turn


class CopyPurpose(StrEnum):
    """What a copy is released for."""

    QUALITY = "quality"
    TEACHING = "teaching"
    RESEARCH = "research"
    COMPLAINT = "complaint"
    OTHER = "other"


@dataclass(kw_only=True, eq=False)
class RedactedCopy:
    """What was released, as it was then: later names, rules or transcripts change nothing in it."""

    id: str
    recording_id: str
    patient_id: str
    transcript_id: str
    language: str
    purpose: CopyPurpose
    reason: str
    turns: list[Turn]
    hidden: list[dict[str, object]]  # {"channel": "agent", "start": second, "end": second}
    found: dict[str, int]  # how many of each kind were hidden
    released_by: str
    released_at: datetime
    until: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    turns_purged: bool = field(default=False)

    def is_open(self, now: datetime) -> bool:
        """Whether it may still be read and heard."""
        return self.withdrawn_at is None and not self.turns_purged and (self.until is None or now < self.until)
