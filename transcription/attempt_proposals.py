"""What a transcript proposes, as rows: lines beside the attempt's note, and answers beside its forms.

The note's text, the answers and what somebody decided on stay as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.events import DomainEvent, EventKind
from followup.heard_answers import HeardAnswer
from followup.notes import Clarity, Drafter, Note, NoteOutline, Proposal, ProposalState
from followup.outcomes import NOT_THE_PATIENT
from followup.recordings import Recording, Transcript
from runtime.identifiers import new_id
from transcription.heard_alerts import listened_for, relative_on_the_line
from transcription.heard_answers import AnswerHeard, answers_heard
from transcription.note_material import NoteMaterial
from transcription.outline import Outline, clarity_of, outline_of
from transcription.outline_lines import OutlineLine
from transcription.red_flags import alerts_in


def propose_from_recording(units_of_work: Callable[[], UnitOfWork], material: NoteMaterial, recording_id: str) -> None:
    """Put what a new transcript proposes beside the attempt's note; where there is none yet, its draft will ask."""
    with units_of_work() as uow:
        recording = uow.recordings.get(recording_id)
        call = uow.calls.get(recording.call_id) if recording else None
        # Whoever writes the note holds the attempt: either the note is there afterwards, or its writer sees the
        # transcript.
        attempt = uow.attempts.for_update(call.attempt_id) if call else None
        if attempt is not None:
            add_proposals(uow, material, attempt)
        uow.commit()


def add_proposals(uow: UnitOfWork, material: NoteMaterial, attempt: Attempt) -> None:
    """Add what the newest transcript proposes: answers at once, lines as soon as there is a note.

    Where somebody decided on something, it is not proposed again; what nobody decided on gives way to what a newer
    transcript says. Beside a signed note a line waits for an addendum.
    """
    call = uow.calls.of_attempt(attempt.id)
    recording = uow.recordings.of_call(call.id) if call else None
    transcript = uow.recordings.latest_transcript(recording.id) if recording else None
    if recording is None or transcript is None or attempt.outcome in NOT_THE_PATIENT:
        return
    _propose_answers(uow, material, attempt, recording, transcript)
    found = uow.notes.of_attempt(attempt.id)
    note = uow.notes.for_update(found.id) if found else None
    if note is not None and (note.outline is None or note.outline.transcript_id != transcript.id):
        _propose_lines(uow, material, attempt, note, recording, transcript)


def _propose_lines(
    uow: UnitOfWork,
    material: NoteMaterial,
    attempt: Attempt,
    note: Note,
    recording: Recording,
    transcript: Transcript,
) -> None:
    flags = listened_for(uow, material.red_flags, attempt.id, attempt.patient_id)
    by_relative = relative_on_the_line(uow, attempt.id)
    outline = outline_of(
        transcript.turns,
        alerts_in(transcript.turns, flags, transcript.language, by_relative=by_relative),
        note.text,
        material.words,
        transcript.language,
        by_relative=by_relative,
    )
    _keep_outline(note, material, recording, transcript, outline, uow.now)
    for old in note.proposals:
        if old.drafted_by is Drafter.LANGUAGE_MODEL and old.state is ProposalState.PROPOSED:
            old.state = ProposalState.SUPERSEDED
    new = _add_lines(uow, note, transcript, outline.lines)
    if new:
        uow.emit(note.event(EventKind.NOTE_PROPOSALS_READY))
    uow.emit(note.event(EventKind.NOTE_OUTLINED))


def _keep_outline(
    note: Note, material: NoteMaterial, recording: Recording, transcript: Transcript, outline: Outline, now: datetime
) -> None:
    made = NoteOutline(
        id=note.outline.id if note.outline else new_id(),
        note_id=note.id,
        recording_id=recording.id,
        transcript_id=transcript.id,
        language=transcript.language,
        clarity=outline.clarity,
        confidence=outline.confidence,
        passages=list(outline.passages),
        words_version=material.words.version,
        made_at=now,
    )
    if note.outline is None:
        note.outline = made
        return
    for each in fields(made):
        setattr(note.outline, each.name, getattr(made, each.name))


def _add_lines(uow: UnitOfWork, note: Note, transcript: Transcript, lines: Sequence[OutlineLine]) -> list[OutlineLine]:
    new = []
    for line in lines:
        same = [old for old in note.proposals if _same_place(line, old) and old.state is not ProposalState.SUPERSEDED]
        if any(old.state is not ProposalState.PROPOSED or old.text == line.text for old in same):
            continue
        for old in same:
            if old.transcript_id != transcript.id:
                old.state = ProposalState.SUPERSEDED
        note.proposals.append(
            Proposal(
                id=new_id(),
                note_id=note.id,
                kind=line.section.value,
                text=line.text,
                start=line.start,
                end=line.end,
                quote=line.quote,
                turns=list(line.turns),
                transcript_id=transcript.id,
                confidence=line.confidence,
            )
        )
        new.append(line)
    uow.flush()
    return new


def _same_place(line: OutlineLine, old: Proposal) -> bool:
    return line.section.value == old.kind and line.start < old.end and old.start < line.end


def _propose_answers(
    uow: UnitOfWork, material: NoteMaterial, attempt: Attempt, recording: Recording, transcript: Transcript
) -> None:
    if clarity_of(transcript.turns, material.words) is Clarity.UNCLEAR:
        return
    before = list(uow.heard_answers.of_attempt(attempt.id))
    if any(old.transcript_id == transcript.id for old in before):
        return
    added = 0
    for task_id in uow.attempts.tasks_of(attempt.id):
        for form_id, heard in _heard_for(uow, material, task_id, transcript, attempt):
            place = (task_id, form_id, heard.link_id)
            same = [old for old in before if (old.task_id, old.form_id, old.link_id) == place]
            if any(_decided(old, heard) or (old.is_open and old.value == heard.value) for old in same):
                continue
            for old in same:
                if old.is_open:
                    old.state = ProposalState.SUPERSEDED
            uow.flush()
            uow.heard_answers.add(
                HeardAnswer(
                    id=new_id(),
                    attempt_id=attempt.id,
                    task_id=task_id,
                    form_id=form_id,
                    link_id=heard.link_id,
                    value=heard.value,
                    quote=heard.quote,
                    asked=heard.asked,
                    start=heard.start,
                    end=heard.end,
                    turns=list(heard.turns),
                    confidence=heard.confidence,
                    recording_id=recording.id,
                    transcript_id=transcript.id,
                    proposed_at=uow.now,
                )
            )
            added += 1
    if added:
        uow.emit(
            DomainEvent(
                kind=EventKind.ANSWERS_HEARD,
                subject=attempt.id,
                ids={"attempt": attempt.id, "patient": attempt.patient_id},
            )
        )


def _decided(old: HeardAnswer, heard: AnswerHeard) -> bool:
    """Whether somebody took or declined it: an answer is not asked about twice, whatever a newer engine hears."""
    return old.state in (ProposalState.ACCEPTED, ProposalState.DISMISSED) and (
        old.value == heard.value or old.state is ProposalState.ACCEPTED
    )


def _heard_for(
    uow: UnitOfWork, material: NoteMaterial, task_id: str, transcript: Transcript, attempt: Attempt
) -> list[tuple[str, AnswerHeard]]:
    """The answers heard to each form of a task: those that are missing there, and those that were entered otherwise."""
    task = uow.plans.task(task_id)
    begun = {response.form_id: response for response in uow.responses.all_of_task(task_id)}
    names = [*begun, *([task.form] if task is not None and task.form and task.form not in begun else [])]
    found: list[tuple[str, AnswerHeard]] = []
    for name in names:
        form, response = material.forms.get(name), begun.get(name)
        if form is None:
            continue
        heard = answers_heard(
            transcript.turns,
            form,
            response.answers if response else {},
            material.questions,
            transcript.language,
            at_least=material.words.limits.turn,
            by_relative=relative_on_the_line(uow, attempt.id),
        )
        found += [(name, one) for one in heard]
    return found
