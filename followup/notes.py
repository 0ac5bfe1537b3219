"""The note of one attempt: drafted at hang-up, signed by an agent, then never changed; corrections are addenda."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from followup.events import DomainEvent, EventKind


class NoteState(StrEnum):
    """Whether the note may still be changed."""

    DRAFT = "draft"
    SIGNED = "signed"


class ProposalState(StrEnum):
    """What became of a proposal from the transcript."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"  # nobody had decided when a newer transcript said it otherwise


class NoteSection(StrEnum):
    """What a proposed line is about; the order is the outline's."""

    RED_FLAG = "red_flag"
    REACHED = "reached"
    CONDITION = "condition"
    SYMPTOM = "symptom"
    NUMBER = "number"
    MEDICINE = "medicine"
    QUESTION = "question"
    ADVICE = "advice"
    APPOINTMENT = "appointment"
    SUMMARY = "summary"  # a language model's sentences


class Drafter(StrEnum):
    """Who worded a proposal."""

    RULES = "rules"
    LANGUAGE_MODEL = "language-model"


class Clarity(StrEnum):
    """How well a call was understood."""

    CLEAR = "clear"
    PARTLY = "partly"  # some passages have to be listened to
    UNCLEAR = "unclear"  # noise or dialect: nothing is proposed, listen to the recording


class SummaryState(StrEnum):
    """What became of the language model's summary."""

    OFF = "off"  # none is configured, or there was nothing to sum up
    ASKED = "asked"
    READY = "ready"
    FAILED = "failed"


class SignedNoteError(ValueError):
    """Somebody tried to change a signed note."""

    def __init__(self) -> None:
        super().__init__("the note is signed and cannot be changed; write an addendum instead")


class ProposalDecidedError(ValueError):
    """Somebody wanted to take up a proposal that is decided."""

    def __init__(self, state: ProposalState) -> None:
        super().__init__(f"the proposal is {state.value} already; leave it out")


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
    kind: str  # a NoteSection
    text: str
    start: float
    end: float
    state: ProposalState = ProposalState.PROPOSED
    decided_by: str | None = None
    decided_at: datetime | None = None
    quote: str = ""  # the words it was made from
    turns: list[int] = field(default_factory=list)  # of the transcript, by their places
    transcript_id: str | None = None
    confidence: float | None = None
    drafted_by: Drafter = Drafter.RULES

    @property
    def line(self) -> str:
        """As it stands in a note: the second of the recording, then the text."""
        return f"[{self.start:.1f}s] {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Seconds of a recording that have to be listened to, and how sure the engine was of what it heard there."""

    start: float
    end: float
    confidence: float


@dataclass(kw_only=True, eq=False)
class NoteOutline:
    """How a call was understood for its note: by which transcript, how well, and what has to be listened to."""

    id: str
    note_id: str
    recording_id: str
    transcript_id: str
    language: str
    clarity: Clarity
    confidence: float  # of the patient's words, each by its length
    passages: list[Passage] = field(default_factory=list)
    words_version: int
    made_at: datetime
    summary: SummaryState = SummaryState.OFF
    summary_model: str = ""
    summary_reason: str = ""  # why there is none


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
    outline: NoteOutline | None = None

    def event(self, kind: EventKind) -> DomainEvent:
        """An event about this note."""
        ids = {"attempt": self.attempt_id, "task": self.task_id, "patient": self.patient_id}
        return DomainEvent(kind=kind, subject=self.id, ids=ids)

    def rewrite(self, text: str) -> None:
        """Change the draft's text."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        self.text = text

    def accept(self, proposal: Proposal, by: str, at: datetime) -> None:
        """Take a proposal into the draft, with the second it was heard at."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        if proposal.state is not ProposalState.ACCEPTED:
            _decide(proposal, ProposalState.ACCEPTED, by, at)
            self.text = f"{self.text}\n{proposal.line}"

    def dismiss(self, proposal: Proposal, by: str, at: datetime) -> None:
        """Leave a proposal out; one that was taken in stays in the text."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        if proposal.state is ProposalState.PROPOSED:
            _decide(proposal, ProposalState.DISMISSED, by, at)

    def append(self, addendum: Addendum, proposals: Sequence[Proposal]) -> None:
        """Add a later word to the signed note, with what was heard since: proposals that nobody had decided on."""
        lines = [addendum.text] if addendum.text else []
        for proposal in proposals:
            if proposal.state is not ProposalState.PROPOSED:
                raise ProposalDecidedError(proposal.state)
            _decide(proposal, ProposalState.ACCEPTED, addendum.author_id, addendum.written_at)
            lines.append(proposal.line)
        addendum.text = "\n".join(lines)
        self.addenda.append(addendum)

    def sign(self, by: str, at: datetime) -> None:
        """Sign; from here on only addenda."""
        if self.state is NoteState.SIGNED:
            raise SignedNoteError
        self.state = NoteState.SIGNED
        self.signed_by = by
        self.signed_at = at


def _decide(proposal: Proposal, state: ProposalState, by: str, at: datetime) -> None:
    proposal.state, proposal.decided_by, proposal.decided_at = state, by, at
