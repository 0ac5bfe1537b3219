"""A print of a report: asked for, set by a worker, fetched; every one is counted and kept for the audit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

KEPT_FOR = timedelta(days=1)
"""So long the file of a print is kept; after that it is printed anew, with the same numbers."""


class PrintKind(StrEnum):
    """What a print is, and so which watermark it bears."""

    DRAFT = "draft"  # not signed: says so across every page
    ORIGINAL = "original"  # the first on paper
    COPY = "copy"  # every later one
    ELECTRONIC = "electronic"  # for the patient's link
    WITHDRAWN = "withdrawn"  # of a summary that was taken back


class PrintSize(StrEnum):
    """How large the letters are."""

    NORMAL = "normal"
    LARGE = "large"


class PrintState(StrEnum):
    """Where a print is."""

    WAITING = "waiting"
    SETTING = "setting"
    READY = "ready"
    FAILED = "failed"


@dataclass(kw_only=True, eq=False)
class ReportPrint:
    """One print of one summary in one language and size."""

    id: str
    summary_id: str
    ordinal: int  # the how-manieth print of this summary
    kind: PrintKind
    language: str
    size: PrintSize
    state: PrintState = PrintState.WAITING
    asked_at: datetime
    asked_by: str
    asked_name: str
    began_at: datetime | None = None
    ended_at: datetime | None = None
    pages: int = 0
    size_bytes: int = 0
    sha256: str = ""
    reason: str = ""  # why it failed, and what to do
    keep_until: datetime

    def begin(self, at: datetime) -> None:
        """A worker has it; asked again after a crash, it begins anew."""
        self.state, self.began_at, self.reason = PrintState.SETTING, at, ""

    def finish(self, *, pages: int, size_bytes: int, sha256: str, at: datetime) -> None:
        """It can be fetched."""
        self.state, self.ended_at = PrintState.READY, at
        self.pages, self.size_bytes, self.sha256 = pages, size_bytes, sha256

    def fail(self, reason: str, at: datetime) -> None:
        """It cannot be set; the reason says what to mend."""
        self.state, self.ended_at, self.reason = PrintState.FAILED, at, reason[:500]

    @property
    def over(self) -> bool:
        """True once nothing more happens to it."""
        return self.state in (PrintState.READY, PrintState.FAILED)
