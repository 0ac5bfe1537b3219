"""What an ADT message changes: the person, his visits, what he has; what it asks of his plans is written down as owed.

Whatever is older than what is known of the visit changes nothing of it, so that messages may come in any order.
"""

from care.history import HistoryEntry
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.feeds import (
    ConsequenceKind,
    FeedMessage,
    FeedReason,
)
from interop.hl7.desk import FeedDesk
from interop.hl7.outcomes import Applied, died, owe
from interop.hl7.people import Meant, add_identifiers, known_patient, source_of, take_person
from interop.hl7.persons import Remarks
from interop.hl7.stays import Stay
from interop.hl7.telling import AdtTold, Happening, NotUsableError, SentVisit
from runtime.identifiers import new_id


def apply_adt(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, told: AdtTold) -> Applied:
    """Take in what an ADT message tells."""
    done = Applied(remarks=Remarks(list(told.remarks)))
    if told.happening is Happening.MERGED:
        _merge(uow, desk, message, told, done)
        return done
    _refuse_unclear(told.visit)
    meant = take_person(uow, desk, told.person, sender=message.sender, at=told.at, remarks=done.remarks)
    patient = meant.patient
    done.patient_id = patient.id
    changed = _take_entries(uow, message, told, patient)
    taken_back = told.visit is not None and Stay(uow, desk, message, told, told.visit, patient, done).follow()
    if told.person.died and not taken_back:
        died(uow, message, patient, told.person.died_at or told.at)
    if changed or meant.changed:
        uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    _audit(uow, message, meant)
    return done


def _refuse_unclear(visit: SentVisit | None) -> None:
    if visit is not None and visit.unclear and not visit.died:
        raise NotUsableError(
            FeedReason.UNCLEAR_DISPOSITION,
            f"PV1-36 is {visit.unclear}, which may mean that the patient died: say in content/feeds, under died or "
            "no_plan, what it means with this sender, then let the message be tried again",
        )


def _merge(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, told: AdtTold, done: Applied) -> None:
    kept = known_patient(uow, told.person.keys)
    gone = known_patient(uow, told.replaced_keys)
    if kept is None and gone is None:
        raise NotUsableError(
            FeedReason.UNKNOWN_PATIENT,
            "neither of the two records is known: it waits for the message that tells of them",
        )
    if kept is None and gone is not None:
        # The record only got another number.
        add_identifiers(uow, gone, told.person.keys, done.remarks)
        done.patient_id = gone.id
        return
    meant = take_person(uow, desk, told.person, sender=message.sender, at=told.at, remarks=done.remarks)
    done.patient_id = meant.patient.id
    if gone is None:
        add_identifiers(uow, meant.patient, told.replaced_keys, done.remarks)
    elif gone.id != meant.patient.id:
        owe(uow, message, meant.patient.id, ConsequenceKind.MERGE, at=told.at, other_patient_id=gone.id)
    if told.person.died:
        died(uow, message, meant.patient, told.person.died_at or told.at)
    _audit(uow, message, meant)


def _take_entries(uow: UnitOfWork, message: FeedMessage, told: AdtTold, patient: Patient) -> bool:
    visit = (told.visit.number if told.visit else None) or ""
    changed = False
    for entry in told.entries:
        sent = HistoryEntry(
            id=new_id(),
            patient_id=patient.id,
            kind=entry.kind,
            code=entry.code,
            name=entry.name,
            since=entry.since,
            source=source_of(message.sender),
            source_key=f"{visit}/{entry.key}"[:200] if visit else entry.key,
            stated_at=told.at,
            recorded_at=uow.now,
        )
        changed |= uow.history.put(sent).id == sent.id
    return changed


def _audit(uow: UnitOfWork, message: FeedMessage, meant: Meant) -> None:
    if not meant.changed:
        return
    uow.audit.note(
        user_id=None,
        action="patient_brought_by_feed" if meant.new else "patient_changed_by_feed",
        subject_kind="patient",
        subject=meant.patient.id,
        patient_id=meant.patient.id,
        detail={"message": message.id, "kind": message.kind},
    )
