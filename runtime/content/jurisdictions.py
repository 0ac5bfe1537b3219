"""content/jurisdictions: when one may call, as a hospital's law and custom have it."""

from datetime import time

from pydantic import Field

from followup.dialing_rules import CallingHours, Profile
from runtime.content.documents import Head, Strict


class HoursDocument(Strict):
    weekdays: frozenset[int]
    start: time
    end: time


class JurisdictionDocument(Head):
    attempts_per_day: int = Field(ge=1)
    completed_per_day: int = Field(ge=1)
    hours: tuple[HoursDocument, ...]
    holidays: frozenset[str] = frozenset()

    def value(self) -> Profile:
        return Profile(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            hours=tuple(CallingHours(start=h.start, end=h.end, weekdays=h.weekdays) for h in self.hours),
            attempts_per_day=self.attempts_per_day,
            completed_per_day=self.completed_per_day,
            holidays=self.holidays,
        )
