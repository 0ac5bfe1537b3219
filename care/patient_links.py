"""A link by which a patient, or who may hear for him, comes to one page of ours: how long it lives, who is let in."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

LIFETIME = timedelta(days=7)
VISIT = timedelta(minutes=30)
"""So long after the birthday was given the browser may stay."""
WRONG_ANSWERS_LIMIT = 5
"""There are 366 birthdays: after so many wrong ones the link is closed for good."""
ASKED_LIMIT = 60
ASKED_WITHIN = timedelta(minutes=1)


class LinkKind(StrEnum):
    """What the link leads to."""

    FORM = "form"  # one form to answer
    REPORT = "report"  # one signed report to read
    RECORD = "record"  # the patient's own page

    @property
    def once(self) -> bool:
        """True if one browser is let in, once. A form can be gone on with from any device, until it is sent."""
        return self is not LinkKind.FORM


@dataclass(kw_only=True, eq=False)
class PatientLink:
    """One patient, one matter. Token and visit are kept as SHA-256 only: whoever reads the database cannot open it."""

    id: str
    kind: LinkKind
    patient_id: str
    response_id: str | None = None  # of a form
    summary_id: str | None = None  # of a report
    print_id: str | None = None
    relative_id: str | None = None  # who reads in the patient's stead; None: the patient himself
    token_hash: str
    language: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime
    wrong_answers: int = 0
    opened_at: datetime | None = None  # the birthday was given for the first time
    visit_hash: str | None = None
    visit_until: datetime | None = None
    asked: int = 0
    asked_since: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = ""

    def lives(self, now: datetime) -> bool:
        """True until it expires or is ended, or its only visit is over."""
        used = self.kind.once and self.visit_until is not None and now >= self.visit_until
        return self.ended_at is None and now < self.expires_at and not used

    def visited(self, visit_hash: str | None, now: datetime) -> bool:
        """True for the browser that has given the birthday, while it goes on."""
        return (
            visit_hash is not None
            and visit_hash == self.visit_hash
            and self.visit_until is not None
            and now < self.visit_until
        )

    def taken(self, visit_hash: str | None, now: datetime) -> bool:
        """True if another browser was let in and nobody else is."""
        return self.kind.once and self.opened_at is not None and not self.visited(visit_hash, now)

    def may_ask(self, now: datetime) -> bool:
        """Count a request; False when there were too many within a minute."""
        if self.asked_since is None or now - self.asked_since > ASKED_WITHIN:
            self.asked_since, self.asked = now, 0
        self.asked += 1
        return self.asked <= ASKED_LIMIT

    def admit(self, visit_hash: str, now: datetime) -> None:
        """Let this browser in."""
        self.opened_at = self.opened_at or now
        self.visit_hash = visit_hash
        self.visit_until = now + VISIT

    def turn_away(self, now: datetime) -> None:
        """Note a wrong birthday."""
        self.wrong_answers += 1
        if self.wrong_answers >= WRONG_ANSWERS_LIMIT:
            self.end("identity-failed", now)

    def end(self, reason: str, now: datetime) -> None:
        """Close it for good."""
        if self.ended_at is None:
            self.ended_at, self.end_reason = now, reason


def is_birthday(born: date | None, month: int, day: int) -> bool:
    """True if month and day are those of the birthday; nobody without a known birthday is let in."""
    return born is not None and (born.month, born.day) == (month, day)
