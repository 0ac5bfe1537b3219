"""What a check of an installation found, and how it is said."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    NOTE = "note"  # works, but somebody should know
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at: what was seen, and what mends it where that is needed."""

    subject: str
    verdict: Verdict
    seen: str
    mend: str = ""


def good(subject: str, seen: str) -> Finding:
    """As it should be."""
    return Finding(subject=subject, verdict=Verdict.GOOD, seen=seen)


def note(subject: str, seen: str, mend: str = "") -> Finding:
    """Not wrong, but worth knowing."""
    return Finding(subject=subject, verdict=Verdict.NOTE, seen=seen, mend=mend)


def wrong(subject: str, seen: str, mend: str) -> Finding:
    """Has to be mended."""
    return Finding(subject=subject, verdict=Verdict.WRONG, seen=seen, mend=mend)
