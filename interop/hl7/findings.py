"""What an ORU message brings: each OBX taken by the one way in which results come into the record."""

from db.unit_of_work import UnitOfWork
from followup.feeds import FeedMessage
from interop.hl7.desk import FeedDesk
from interop.hl7.people import person_meant, source_of
from interop.hl7.persons import Remarks
from interop.hl7.telling import ResultsTold
from interop.hl7.visits import Applied
from interop.results import SentResult, TakenOutcome, take_results
from runtime.content.feeds import FeedSender


def apply_oru(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, told: ResultsTold, sender: FeedSender) -> Applied:
    """Take in the results of a message; a code that nobody can place is parked with the results, not lost."""
    done = Applied(remarks=Remarks(list(told.remarks)))
    patient = person_meant(uow, told.person)
    done.patient_id = patient.id
    visit = uow.feeds.visit(patient.id, told.visit_number) if told.visit_number else None
    encounter_id = (visit.encounter_id or visit.admission_id) if visit else None
    taken = take_results(
        uow,
        desk.content,
        [
            SentResult(
                patient_id=patient.id,
                source=source_of(message.sender),
                source_key=each.key if each.ordered else f"{patient.id}/{each.key}",
                code=each.code,
                name=each.name,
                value=each.value,
                unit=each.unit,
                reference=each.reference,
                taken_at=each.taken_at,
                issued_at=each.told_at,
                status=each.status,
                setting=sender.setting,
                encounter_id=encounter_id,
            )
            for each in told.results
        ],
    )
    parked = sorted({each.sent.code or each.sent.name for each in taken if each.outcome is TakenOutcome.PARKED})
    if parked:
        done.remarks.add(f"parked until somebody says what they are: {', '.join(parked)[:400]}")
    if taken and all(each.outcome in {TakenOutcome.SAME, TakenOutcome.OLDER} for each in taken):
        done.remarks.add("every result in it was known, or is older than what is known")
    return done
