"""Notes: the tray of drafts, proposals from the transcript, the signature, and addenda after it."""

from datetime import timedelta

from fastapi import APIRouter

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.permissions import AgentOnly, CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.notes import Addendum, Note, NoteState, Proposal, ProposalState, SignedNoteError
from runtime.identifiers import new_id

router = APIRouter(tags=["notes"], route_class=Route)

_LOOKED_BACK = timedelta(days=30)


class NoteAsk(Ask):
    """The draft's whole text."""

    text: Words


class AddendumAsk(Ask):
    """A later word to a signed note."""

    text: Words


class ProposalAnswer(Answer):
    """A sentence that the transcript would add, with the seconds of the recording it was heard in."""

    id: str
    kind: str
    text: str
    start: float
    end: float
    state: ProposalState
    decided_by: str | None


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


class NotesAnswer(Answer):
    """Drafts of the caller's own attempts, oldest first."""

    notes: list[NoteAnswer]


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
    return NotesAnswer(notes=[NoteAnswer.model_validate(note) for note in drafts])


@router.get("/notes/unsigned")
def list_unsigned_notes(caller: CareTeam, uow: Work, limit: Limit = 50) -> UnsignedNotesAnswer:  # noqa: ARG001
    """What machines' calls of the last month have left to sign. Ids only: whoever opens one is asked for his ground."""
    drafts = uow.notes.unsigned_of_machines(since=uow.now - _LOOKED_BACK, limit=limit)
    return UnsignedNotesAnswer(notes=[UnsignedAnswer.model_validate(note) for note in drafts])


@router.get("/notes/{note_id}", responses=problems(Kind.UNKNOWN_NOTE))
def read_note(note_id: Id, caller: CareTeam, uow: Work) -> NoteAnswer:
    """One note."""
    note = found.note(uow, note_id)
    _audit(uow, caller, "note_viewed", note)
    return NoteAnswer.model_validate(note)


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
    return NoteAnswer.model_validate(note)


@router.post("/notes/{note_id}/proposals/{proposal_id}/dismiss", responses=problems(*_CHANGING, Kind.UNKNOWN_PROPOSAL))
def dismiss(note_id: Id, proposal_id: Id, caller: CareTeamCommanding, uow: Work) -> NoteAnswer:
    """Leave a proposal out; one already taken in stays in the text until somebody rewrites it."""
    note = _own_note(uow, note_id, caller)
    note.dismiss(_proposal(note, proposal_id), caller.user_id, uow.now)
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


@router.post("/notes/{note_id}/addenda", status_code=201, responses=problems(Kind.UNKNOWN_NOTE, Kind.NOT_POSSIBLE_NOW))
def add_addendum(note_id: Id, ask: AddendumAsk, caller: CareTeamCommanding, uow: Work) -> AddendumAnswer:
    """Add a later word to a signed note."""
    note = found.note_for_update(uow, note_id)
    if note.state is not NoteState.SIGNED:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", "the note is a draft: change its text instead")
    addendum = Addendum(id=new_id(), note_id=note.id, text=ask.text, author_id=caller.user_id, written_at=uow.now)
    note.append(addendum, ())
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
    if proposal is None:
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
