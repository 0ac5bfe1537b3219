"""A link by which one patient reads one signed report himself, once: his birthday, then half an hour to read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(days=7)
VISIT = timedelta(minutes=30)
"""So long the browser that was let in may read; nobody is let in a second time."""
WRONG_ANSWERS_LIMIT = 5
ASKED_LIMIT = 60
ASKED_WITHIN = timedelta(minutes=1)


@dataclass(kw_only=True, eq=False)
class ReportLink:
    """One patient, one print. Token and visit are kept as SHA-256 only: whoever reads the database cannot open it."""

    id: str
    summary_id: str
    print_id: str
    patient_id: str
    token_hash: str
    language: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    wrong_answers: int = 0
    visit_hash: str | None = None
    visit_until: datetime | None = None
    opened_at: datetime | None = None
    asked: int = 0
    asked_since: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = ""

    def lives(self, now: datetime) -> bool:
        """True until it expires or is ended, or the one visit is over."""
        used = self.visit_until is not None and now >= self.visit_until
        return self.ended_at is None and now < self.expires_at and not used

    def visited(self, visit_hash: str | None, now: datetime) -> bool:
        """True for the browser that has given the birthday, while its visit goes on."""
        return (
            visit_hash is not None
            and visit_hash == self.visit_hash
            and self.visit_until is not None
            and now < self.visit_until
        )

    def may_ask(self, now: datetime) -> bool:
        """Count a request; False when there were too many within a minute."""
        if self.asked_since is None or now - self.asked_since > ASKED_WITHIN:
            self.asked_since, self.asked = now, 0
        self.asked += 1
        return self.asked <= ASKED_LIMIT

    def admit(self, visit_hash: str, now: datetime) -> None:
        """Let this browser in; it is the only one."""
        self.opened_at = now
        self.visit_hash, self.visit_until = visit_hash, now + VISIT

    def turn_away(self, now: datetime) -> None:
        """Note a wrong birthday."""
        self.wrong_answers += 1
        if self.wrong_answers >= WRONG_ANSWERS_LIMIT:
            self.end("identity-failed", now)

    def end(self, reason: str, now: datetime) -> None:
        """Close it for good."""
        if self.ended_at is None:
            self.ended_at, self.end_reason = now, reason
