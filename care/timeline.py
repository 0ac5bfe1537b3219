"""The one story of a patient: items of every kind, each with its instant and its source, newest first."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(-?\d{1,17})\.([a-z_]{1,40})\.([0-9a-f-]{36})")


class TimelineKind(StrEnum):
    """What an item is."""

    VISIT = "visit"
    CONDITION = "condition"
    ALLERGY = "allergy"
    PROCEDURE = "procedure"
    FAMILY = "family"
    RESULT = "result"
    MEDICINE = "medicine"
    DISPENSE = "dispense"
    RISK = "risk"
    TAG = "tag"
    GOAL = "goal"
    ADVICE = "advice"
    LESSON = "lesson"
    PROPOSAL = "proposal"
    SUMMARY = "summary"
    PERSON = "person"  # what a source says of name, birthday, sex, language
    CONSENT = "consent"
    PLAN = "plan"
    CALL = "call"
    NOTE = "note"
    FORM = "form"
    ALERT = "alert"
    REQUEST = "request"
    MESSAGE = "message"


class CursorError(ValueError):
    """What a caller sent as the place to go on from is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineItem:
    """One thing that happened or was said: when, by which source, and the facts of its kind."""

    at: datetime
    kind: TimelineKind
    id: str
    source: str
    facts: Mapping[str, object]

    @property
    def place(self) -> "TimelinePlace":
        """Where it stands in the story."""
        return TimelinePlace(at=self.at, kind=self.kind, id=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePlace:
    """A place in the story: what comes behind it is older. Items of the same instant have an order too."""

    at: datetime
    kind: TimelineKind
    id: str

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}.{self.kind.value}.{self.id}"

    @classmethod
    def parse(cls, written: str) -> "TimelinePlace":
        """The place as `str` writes it; CursorError if it is none."""
        found = _CURSOR.fullmatch(written)
        if found is None:
            raise CursorError("is no place in a record; send `next` of the page before as it came")
        try:
            return cls(
                at=_EPOCH + timedelta(microseconds=int(found[1])),
                kind=TimelineKind(found[2]),
                id=str(uuid.UUID(found[3])),
            )
        except (ValueError, OverflowError):
            raise CursorError("is no place in a record; send `next` of the page before as it came") from None
