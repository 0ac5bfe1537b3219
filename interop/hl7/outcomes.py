"""What becomes of a message, and what it asks of the plans: written down, and done by the scheduler."""

from dataclasses import dataclass, field
from datetime import datetime

from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.events import DomainEvent, EventKind
from followup.feeds import Consequence, ConsequenceKind, FeedMessage, FeedReason
from interop.hl7.persons import Remarks
from runtime.identifiers import new_id


@dataclass(slots=True, kw_only=True)
class Applied:
    """What became of a message."""

    patient_id: str | None = None
    remarks: Remarks = field(default_factory=Remarks)
    ignored: FeedReason | None = None
    told: str = ""


def owe(
    uow: UnitOfWork,
    message: FeedMessage,
    patient_id: str,
    kind: ConsequenceKind,
    *,
    at: datetime,
    encounter_id: str | None = None,
    other_patient_id: str | None = None,
    template_id: str | None = None,
) -> None:
    """Write down what a message asks of the plans; the scheduler does it."""
    uow.feeds.add_consequence(
        Consequence(
            id=new_id(),
            message_id=message.id,
            patient_id=patient_id,
            kind=kind,
            order_at=at,
            encounter_id=encounter_id,
            other_patient_id=other_patient_id,
            template_id=template_id,
            created_at=uow.now,
        )
    )
    uow.flush()
    uow.emit(DomainEvent(kind=EventKind.FEED_CONSEQUENCE_OWED, subject=patient_id))


def died(uow: UnitOfWork, message: FeedMessage, patient: Patient, at: datetime) -> bool:
    """From this instant nobody is called; the scheduler ends what was planned. False if it was known already."""
    if patient.deceased_at is not None:
        return False
    patient.deceased_at = min(at, uow.now)
    uow.flush()
    owe(uow, message, patient.id, ConsequenceKind.DIED, at=at)
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    return True
