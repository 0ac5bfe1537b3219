"""Taking a history: what the record says is laid beside a question, and each word of it confirmed or corrected."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from care.conflicts import same_name
from care.forms import Prefill
from care.history import HistoryKind

HISTORY_OF = {
    Prefill.CONDITIONS: HistoryKind.CONDITION,
    Prefill.ALLERGIES: HistoryKind.ALLERGY,
    Prefill.PROCEDURES: HistoryKind.PROCEDURE,
    Prefill.FAMILY: HistoryKind.FAMILY,
}
LONGEST_NAME = 200

_BETWEEN = re.compile(r"[;；、,，\n/]+")


class Verdict(StrEnum):
    """What was said of an entry that the record had."""

    HOLDS = "holds"
    NOT_SO = "not_so"
    CHANGED = "changed"  # it is another: which, stands beside
    UNKNOWN = "unknown"  # asked, and whoever answered does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryReview:
    """One entry laid beside a question, and what was said of it; rows are only added."""

    id: str
    response_id: str
    link_id: str
    entry_id: str  # the version that was shown
    verdict: Verdict
    text: str = ""  # what it is instead
    result_id: str | None = None  # the version of the history that came of it
    by: str
    relative_id: str | None = None
    attempt_id: str | None = None
    at: datetime


def names_told(answer: str) -> tuple[str, ...]:
    """The single things of an answer in words, each once, in order: 青霉素、花生 are two."""
    told: dict[str, str] = {}
    for part in _BETWEEN.split(answer):
        name = part.strip(" 。.\t")[:LONGEST_NAME]
        if name:
            told.setdefault(same_name(name), name)
    return tuple(told.values())
