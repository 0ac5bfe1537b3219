"""The note of one attempt: drafted at hang-up, signed by an agent, then never changed; corrections are addenda."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class NoteState(StrEnum):
    """Whether the note may still be changed."""

    DRAFT = "draft"
    SIGNED = "signed"


class ProposalState(StrEnum):
    """What became of a proposal from the transcript."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class SignedNoteError(ValueError):
    """Somebody tried to change a signed note."""

    def __init__(self) -> None:
        super().__init__("the note is signed and cannot be changed; write an addendum instead")


@dataclass(kw_only=True, eq=False)
class Addendum:
    """A later word to a signed note."""

    id: str
    note_id: str
    text: str
    author_id: str
    written_at: datetime


@dataclass(kw_only=True, eq=False)
class Proposal:
    """A sentence proposed from the transcript, with the seconds of the recording it came from."""

    id: str
    note_id: str
    kind: str  # symptom, medicine, number, red_flag
    text: str
    start: float
    end: float
    state: ProposalState = ProposalState.PROPOSED
    decided_by: str | None = None


@dataclass(kw_only=True, eq=False)
class Note:
    """What the follow-up record says about one attempt."""

    id: str
    attempt_id: str
    task_id: str
    patient_id: str
    language: str
    text: str
    state: NoteState = NoteState.DRAFT
    created_at: datetime
    signed_by: str | None = None
    signed_at: datetime | None = None
    proposals: list[Proposal] = field(default_factory=list)
    addenda: list[Addendum] = field(default_factory=list)

    def rewrite(self, text: str) -> None:
        """Change the draft's text."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        self.text = text

    def accept(self, proposal: Proposal, by: str) -> None:
        """Take a proposal into the draft, with the second it was heard at."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        if proposal.state is not ProposalState.ACCEPTED:
            proposal.state = ProposalState.ACCEPTED
            proposal.decided_by = by
            self.text = f"{self.text}\n[{proposal.start:.1f}s] {proposal.text}"

    def dismiss(self, proposal: Proposal, by: str) -> None:
        """Leave a proposal out; one that was taken in stays in the text."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        if proposal.state is ProposalState.PROPOSED:
            proposal.state = ProposalState.DISMISSED
            proposal.decided_by = by

    def sign(self, by: str, at: datetime) -> None:
        """Sign; from here on only addenda."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        self.state = NoteState.SIGNED
        self.signed_by = by
        self.signed_at = at
