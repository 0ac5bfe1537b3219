"""Notes: the tray of drafts, their outlines and proposals from the transcript, the signature, addenda after it."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, field_validator, model_validator

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.permissions import AgentOnly, CareTeam, CareTeamCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.notes import (
    Addendum,
    Clarity,
    Drafter,
    Note,
    NoteSection,
    NoteState,
    Proposal,
    ProposalDecidedError,
    ProposalState,
    SignedNoteError,
    SummaryState,
)
from runtime.identifiers import new_id
from transcription.outline_words import SECTION_TITLES, ask_to_listen

router = APIRouter(tags=["notes"], route_class=Route)

_LOOKED_BACK = timedelta(days=30)


class NoteAsk(Ask):
    """The draft's whole text."""

    text: Words


class AddendumAsk(Ask):
    """A later word to a signed note: a text, lines that the transcript proposed since, or both."""

    text: Words | None = None
    proposals: Annotated[tuple[Id, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> "AddendumAsk":
        if self.text is None and not self.proposals:
            raise ValueError("is empty: send a text, proposals, or both")
        return self


class DecisionsAsk(Ask):
    """What is taken into a draft and what is left out, all at once."""

    accept: Annotated[tuple[Id, ...], Field(max_length=200)] = ()
    dismiss: Annotated[tuple[Id, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _once(self) -> "DecisionsAsk":
        if set(self.accept) & set(self.dismiss):
            raise ValueError("names a proposal twice: accept it or dismiss it")
        return self


class ProposalAnswer(Answer):
    """A line that the transcript would add: the seconds of the recording, the words quoted, and who worded it."""

    id: str
    kind: str
    text: str
    start: float
    end: float
    state: ProposalState
    decided_by: str | None
    decided_at: Instant | None
    quote: str
    turns: list[int]
    transcript_id: str | None
    confidence: float | None
    drafted_by: Drafter


class AddendumAnswer(Answer):
    """A later word."""

    id: str
    text: str
    author_id: str
    written_at: Instant


class NoteAnswer(Answer):
    """What the follow-up record says about one attempt."""

    id: str
    attempt_id: str
    task_id: str
    patient_id: str
    language: str
    text: str
    state: NoteState
    created_at: Instant
    signed_by: str | None
    signed_at: Instant | None
    proposals: list[ProposalAnswer]
    addenda: list[AddendumAnswer]

    @field_validator("proposals", mode="before")
    @classmethod
    def _standing(cls, value: Any) -> Any:
        return [each for each in value if each.state is not ProposalState.SUPERSEDED]


class WordingAnswer(Answer):
    """One wording in both languages."""

    zh: str
    en: str


class PassageAnswer(Answer):
    """Seconds that were not clearly heard: listen to them."""

    start: float
    end: float
    confidence: float


class SectionAnswer(Answer):
    """One section of an outline with its lines by time."""

    section: NoteSection
    title: WordingAnswer
    lines: list[ProposalAnswer]


class OutlineAnswer(Answer):
    """What a call adds to its note; nulls while there is no transcript."""

    note_id: str
    clarity: Clarity | None
    listen: WordingAnswer | None  # what to do where the call was not understood
    confidence: float | None
    transcript_id: str | None
    made_at: Instant | None
    sections: list[SectionAnswer]
    passages: list[PassageAnswer]
    summary: SummaryState
    summary_model: str
    summary_reason: str


class NotesAnswer(Answer):
    """Drafts of the caller's own attempts, oldest first."""

    notes: list[NoteAnswer]
    names: dict[str, str]  # of their patients, by id


class UnsignedAnswer(Answer):
    """A draft that waits for a signature, by its ids."""

    id: str
    attempt_id: str
    task_id: str
    patient_id: str
    created_at: Instant


class UnsignedNotesAnswer(Answer):
    """Drafts of calls that a machine made and somebody answered, newest first."""

    notes: list[UnsignedAnswer]


class OverdueNoteAnswer(Answer):
    """A draft that nobody has signed in time, by its ids; no agent: a machine's call."""

    id: str
    attempt_id: str
    patient_id: str
    agent_id: str | None
    queue_id: str
    created_at: Instant


class OverdueNotesAnswer(Answer):
    """Drafts of calls in which a person was reached, oldest first."""

    notes: list[OverdueNoteAnswer]


_CHANGING = (Kind.UNKNOWN_NOTE, Kind.NOT_YOURS, Kind.NOTE_SIGNED)


@router.get("/agents/me/notes")
def tray(caller: AgentOnly, uow: Work) -> NotesAnswer:
    """What the caller has still to sign."""
    drafts = uow.notes.unsigned_of_agent(caller.user_id)
    if drafts:
        uow.audit.note(
            user_id=caller.user_id,
            action="tray_viewed",
            subject_kind="user",
            subject=caller.user_id,
            detail={"notes": [note.id for note in drafts]},
        )
    patients = uow.patients.of_ids({note.patient_id for note in drafts})
    return NotesAnswer(
        notes=[NoteAnswer.model_validate(note) for note in drafts],
        names={patient.id: patient.name for patient in patients.values()},
    )


@router.get("/notes/unsigned")
def list_unsigned_notes(caller: CareTeam, uow: Work, limit: Limit = 50) -> UnsignedNotesAnswer:  # noqa: ARG001
    """What machines' calls of the last month have left to sign. Ids only: whoever opens one is asked for his ground."""
    drafts = uow.notes.unsigned_of_machines(since=uow.now - _LOOKED_BACK, limit=limit)
    return UnsignedNotesAnswer(notes=[UnsignedAnswer.model_validate(note) for note in drafts])


@router.get("/notes/overdue")
def list_overdue_notes(
    caller: SupervisorOnly,  # noqa: ARG001
    uow: Work,
    hours: Annotated[int, Query(ge=1, le=720)] = 24,
    agent_id: Id | None = None,
    limit: Limit = 50,
) -> OverdueNotesAnswer:
    """What has waited for a signature for longer than a day, whoever made the call. Ids only."""
    late = uow.notes.overdue(before=uow.now - timedelta(hours=hours), agent_id=agent_id, limit=limit)
    return OverdueNotesAnswer(notes=[OverdueNoteAnswer.model_validate(each) for each in late])


@router.get("/notes/{note_id}", responses=problems(Kind.UNKNOWN_NOTE))
def read_note(note_id: Id, caller: CareTeam, uow: Work) -> NoteAnswer:
    """One note."""
    note = found.note(uow, note_id)
    _audit(uow, caller, "note_viewed", note)
    return NoteAnswer.model_validate(note)


@router.get("/notes/{note_id}/outline", responses=problems(Kind.UNKNOWN_NOTE))
def read_outline(note_id: Id, caller: CareTeam, uow: Work) -> OutlineAnswer:
    """What was heard in the call, section by section, and which seconds have to be listened to."""
    note = found.note(uow, note_id)
    _audit(uow, caller, "note_outline_viewed", note)
    standing = [each for each in note.proposals if each.state is not ProposalState.SUPERSEDED]
    outline = note.outline
    listen = ask_to_listen(outline.clarity, outline.confidence) if outline else None
    return OutlineAnswer(
        note_id=note.id,
        clarity=outline.clarity if outline else None,
        listen=WordingAnswer(**listen) if listen else None,
        confidence=outline.confidence if outline else None,
        transcript_id=outline.transcript_id if outline else None,
        made_at=outline.made_at if outline else None,
        sections=[
            SectionAnswer(
                section=section,
                title=WordingAnswer(**SECTION_TITLES[section]),
                lines=[ProposalAnswer.model_validate(each) for each in standing if each.kind == section.value],
            )
            for section in NoteSection
        ],
        passages=[PassageAnswer.model_validate(each) for each in (outline.passages if outline else [])],
        summary=outline.summary if outline else SummaryState.OFF,
        summary_model=outline.summary_model if outline else "",
        summary_reason=outline.summary_reason if outline else "",
    )


@router.put("/notes/{note_id}", responses=problems(*_CHANGING))
def rewrite(note_id: Id, ask: NoteAsk, caller: CareTeam, uow: Work) -> NoteAnswer:
    """Change a draft's text."""
    note = _own_note(uow, note_id, caller)
    note.rewrite(ask.text)
    _audit(uow, caller, "note_rewritten", note)
    return NoteAnswer.model_validate(note)


@router.post("/notes/{note_id}/proposals/{proposal_id}/accept", responses=problems(*_CHANGING, Kind.UNKNOWN_PROPOSAL))
def accept(note_id: Id, proposal_id: Id, caller: CareTeamCommanding, uow: Work) -> NoteAnswer:
    """Take a proposal into the draft."""
    note = _own_note(uow, note_id, caller)
    note.accept(_proposal(note, proposal_id), caller.user_id, uow.now)
    _audit(uow, caller, "note_line_accepted", note)
    return NoteAnswer.model_validate(note)


@router.post("/notes/{note_id}/proposals/{proposal_id}/dismiss", responses=problems(*_CHANGING, Kind.UNKNOWN_PROPOSAL))
def dismiss(note_id: Id, proposal_id: Id, caller: CareTeamCommanding, uow: Work) -> NoteAnswer:
    """Leave a proposal out; one already taken in stays in the text until somebody rewrites it."""
    note = _own_note(uow, note_id, caller)
    note.dismiss(_proposal(note, proposal_id), caller.user_id, uow.now)
    _audit(uow, caller, "note_line_dismissed", note)
    return NoteAnswer.model_validate(note)


@router.post("/notes/{note_id}/decisions", responses=problems(*_CHANGING, Kind.UNKNOWN_PROPOSAL))
def decide_several(note_id: Id, ask: DecisionsAsk, caller: CareTeamCommanding, uow: Work) -> NoteAnswer:
    """Take several proposals into the draft and leave others out, all or none of it."""
    note = _own_note(uow, note_id, caller)
    for proposal_id in ask.accept:
        note.accept(_proposal(note, proposal_id), caller.user_id, uow.now)
    for proposal_id in ask.dismiss:
        note.dismiss(_proposal(note, proposal_id), caller.user_id, uow.now)
    _audit(uow, caller, "note_lines_decided", note)
    return NoteAnswer.model_validate(note)


@router.post("/notes/{note_id}/sign", responses=problems(*_CHANGING))
def sign(note_id: Id, caller: CareTeamCommanding, uow: Work) -> NoteAnswer:
    """Sign; from here on the text stays as it is."""
    note = _own_note(uow, note_id, caller)
    note.sign(caller.user_id, uow.now)
    _audit(uow, caller, "note_signed", note)
    uow.emit(
        DomainEvent(
            kind=EventKind.NOTE_SIGNED, subject=note.id, ids={"attempt": note.attempt_id, "patient": note.patient_id}
        )
    )
    return NoteAnswer.model_validate(note)


@router.post(
    "/notes/{note_id}/addenda",
    status_code=201,
    responses=problems(Kind.UNKNOWN_NOTE, Kind.NOT_POSSIBLE_NOW, Kind.UNKNOWN_PROPOSAL),
)
def add_addendum(note_id: Id, ask: AddendumAsk, caller: CareTeamCommanding, uow: Work) -> AddendumAnswer:
    """Add a later word to a signed note, with lines that were proposed after the signature."""
    note = found.note_for_update(uow, note_id)
    if note.state is not NoteState.SIGNED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "the note is a draft: change its text instead")
    addendum = Addendum(id=new_id(), note_id=note.id, text=ask.text or "", author_id=caller.user_id, written_at=uow.now)
    try:
        note.append(addendum, [_proposal(note, each) for each in ask.proposals])
    except ProposalDecidedError as error:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "proposals", str(error)) from error
    _audit(uow, caller, "addendum_added", note)
    return AddendumAnswer.model_validate(addendum)


def _own_note(uow: UnitOfWork, note_id: str, caller: Caller) -> Note:
    note = found.note_for_update(uow, note_id)
    attempt = found.attempt(uow, note.attempt_id)
    # What a machine's call left is nobody's own: whoever may open the record may sign it.
    if attempt.agent_id is not None:
        found.only_own(attempt.agent_id, caller, "note_id")
    if note.state is NoteState.SIGNED:
        raise SignedNoteError
    return note


def _proposal(note: Note, proposal_id: str) -> Proposal:
    proposal = next((each for each in note.proposals if each.id == proposal_id), None)
    if proposal is None or proposal.state is ProposalState.SUPERSEDED:
        raise Problem.of(Kind.UNKNOWN_PROPOSAL, "proposal_id", "the note has no such proposal")
    return proposal


def _audit(uow: UnitOfWork, caller: Caller, action: str, note: Note) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="note",
        subject=note.id,
        patient_id=note.patient_id,
    )
