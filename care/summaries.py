"""A stage summary: gathered as a draft, signed by a doctor, then never changed; later words are addenda."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from care.patients import PatientId
from care.stage_facts import StageFacts


class SummaryState(StrEnum):
    """Where a summary is."""

    DRAFT = "draft"
    SIGNED = "signed"
    DISCARDED = "discarded"  # a draft that nobody wants: kept, and never printed again
    WITHDRAWN = "withdrawn"  # signed, and taken back by a doctor with a reason: whoever checks a print is told


class SummaryStateError(ValueError):
    """The summary cannot do that in its state; the sentence says what can be done instead."""


class SummaryChangedError(ValueError):
    """Somebody else has changed the summary since it was read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"somebody changed the draft meanwhile; it is version {version} now: read it again")


@dataclass(kw_only=True, eq=False)
class SummaryAddendum:
    """A later word to a signed summary."""

    id: str
    summary_id: str
    text: str
    author_id: str
    author_name: str
    written_at: datetime


@dataclass(kw_only=True, eq=False)
class StageSummary:
    """One patient, one period. What is signed is the facts, the conclusion and the next steps together."""

    id: str
    number: str  # of the document, on every page
    patient_id: PatientId
    since: date
    until: date
    state: SummaryState = SummaryState.DRAFT
    version: int = 1
    facts: StageFacts
    conclusion: str = ""
    next_steps: str = ""
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    signed_at: datetime | None = None
    signed_by: str | None = None
    signer_name: str = ""
    content_sha256: str = ""
    settled_at: datetime | None = None  # discarded or withdrawn
    settled_by: str | None = None
    settled_because: str = ""
    addenda: list[SummaryAddendum] = field(default_factory=list)

    def rewrite(self, *, conclusion: str, next_steps: str, version: int, by: str, at: datetime) -> None:
        """Change the doctor's words in a draft of this version."""
        self._same_draft(version)
        if (conclusion, next_steps) != (self.conclusion, self.next_steps):
            self.conclusion, self.next_steps = conclusion, next_steps
            self._changed(by, at)

    def gather_again(self, facts: StageFacts, *, version: int, by: str, at: datetime) -> None:
        """Put newer facts into a draft of this version."""
        self._same_draft(version)
        self.facts = facts
        self._changed(by, at)

    def sign(self, *, version: int, by: str, name: str, at: datetime) -> None:
        """A doctor answers for it as it stands in this version."""
        self._same_draft(version)
        if not self.conclusion.strip():
            raise SummaryStateError("the draft has no conclusion: write one, it is what the signature stands for")
        self.state = SummaryState.SIGNED
        self.signed_at, self.signed_by, self.signer_name = at, by, name
        self.changed_at, self.changed_by = at, by

    def discard(self, *, by: str, because: str, at: datetime) -> None:
        """Let a draft go."""
        if self.state is not SummaryState.DRAFT:
            raise SummaryStateError(f"the summary is {self.state.value}; only a draft is discarded")
        self._settle(SummaryState.DISCARDED, by, because, at)

    def withdraw(self, *, by: str, because: str, at: datetime) -> None:
        """Take a signed summary back; its text stays, and whoever checks a print is told."""
        if self.state is not SummaryState.SIGNED:
            raise SummaryStateError(f"the summary is {self.state.value}; only a signed one is withdrawn")
        self._settle(SummaryState.WITHDRAWN, by, because, at)

    def must_be_signed(self, doing: str) -> None:
        """Refuse what only a signed summary may do."""
        if self.state is not SummaryState.SIGNED:
            raise SummaryStateError(
                f"the summary is {self.state.value}; it is {doing} only once a doctor has signed it"
            )

    def _same_draft(self, version: int) -> None:
        if self.state is not SummaryState.DRAFT:
            raise SummaryStateError(
                f"the summary is {self.state.value} and cannot be changed; write an addendum to a signed one"
            )
        if version != self.version:
            raise SummaryChangedError(self.version)

    def _changed(self, by: str, at: datetime) -> None:
        self.version += 1
        self.changed_at, self.changed_by = at, by

    def _settle(self, state: SummaryState, by: str, because: str, at: datetime) -> None:
        self.state = state
        self.settled_at, self.settled_by, self.settled_because = at, by, because
