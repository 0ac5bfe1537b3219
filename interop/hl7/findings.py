"""What an ORU message brings: each OBX taken by the one way in which results come into the record."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.unit_of_work import UnitOfWork
from followup.feeds import FeedMessage
from interop.hl7.desk import FeedDesk
from interop.hl7.outcomes import Applied
from interop.hl7.people import persons_meant, source_of
from interop.hl7.persons import Remarks
from interop.hl7.telling import NotUsableError, ResultsTold
from interop.results import SentResult, TakenOutcome, TakenResult, take_groups
from runtime.content.feeds import FeedSender


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResults:
    """A message with results, as it was read."""

    message: FeedMessage
    told: ResultsTold
    sender: FeedSender


def apply_oru(uow: UnitOfWork, desk: FeedDesk, read: ReadResults) -> Applied:
    """Take in the results of one message; NotUsableError if they cannot be."""
    done = apply_orus(uow, desk, [read])[0]
    if isinstance(done, NotUsableError):
        raise done
    return done


def apply_orus(uow: UnitOfWork, desk: FeedDesk, read: Sequence[ReadResults]) -> list[Applied | NotUsableError]:
    """Take in the results of messages in their order; a code that nobody can place is parked, not lost."""
    meant = persons_meant(uow, [each.told.person for each in read])
    known = [
        (each, patient) for each, patient in zip(read, meant, strict=True) if not isinstance(patient, NotUsableError)
    ]
    visits = uow.feeds.visits([(patient.id, each.told.visit_number or "") for each, patient in known])
    groups: list[list[SentResult]] = []
    for each, patient in known:
        visit = visits.get((patient.id, each.told.visit_number or ""))
        encounter_id = (visit.encounter_id or visit.admission_id) if visit else None
        groups.append(_sent(each, patient.id, encounter_id))
    taken = iter(take_groups(uow, desk.content, groups))
    return [
        patient if isinstance(patient, NotUsableError) else _done(each, patient.id, next(taken))
        for each, patient in zip(read, meant, strict=True)
    ]


def _sent(read: ReadResults, patient_id: str, encounter_id: str | None) -> list[SentResult]:
    return [
        SentResult(
            patient_id=patient_id,
            source=source_of(read.message.sender),
            source_key=each.key if each.ordered else f"{patient_id}/{each.key}",
            code=each.code,
            name=each.name,
            value=each.value,
            unit=each.unit,
            reference=each.reference,
            taken_at=each.taken_at,
            issued_at=each.told_at,
            status=each.status,
            setting=read.sender.setting,
            encounter_id=encounter_id,
        )
        for each in read.told.results
    ]


def _done(read: ReadResults, patient_id: str, taken: Sequence[TakenResult]) -> Applied:
    done = Applied(patient_id=patient_id, remarks=Remarks(list(read.told.remarks)))
    parked = sorted({each.sent.code or each.sent.name for each in taken if each.outcome is TakenOutcome.PARKED})
    if parked:
        done.remarks.add(f"parked until somebody says what they are: {', '.join(parked)[:400]}")
    if taken and all(each.outcome in {TakenOutcome.SAME, TakenOutcome.OLDER} for each in taken):
        done.remarks.add("every result in it was known, or is older than what is known")
    return done
