"""Links by which a patient, or who may hear for him, reads the patient's own page."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.patient_doors import new_link
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.summary_desk import notices_of
from api.wiring import wiring_of
from care.guardians import is_child
from care.own_page import OwnPart, parts_for
from care.patient_links import LIFETIME, LinkKind
from care.patients import Patient
from care.relatives import Relative
from db.unit_of_work import UnitOfWork

router = APIRouter(tags=["patients"], route_class=Route)


class RecordLinkAsk(Ask):
    """For whom, and how long the link waits. `deliver` false writes no message: somebody hands the address over."""

    relative_id: Id | None = None  # None: the patient himself
    hours: Annotated[float, Field(gt=0, le=24 * 7)] = LIFETIME / timedelta(hours=1)
    language: Literal["zh", "en"] | None = None  # the patient's if not said
    deliver: bool = True


class RecordLinkAnswer(Answer):
    """A link without its address."""

    id: str
    relative_id: str | None
    created_at: Instant
    created_by: str | None
    expires_at: Instant
    opened_at: Instant | None
    wrong_answers: int
    ended_at: Instant | None
    end_reason: str


class NewRecordLinkAnswer(RecordLinkAnswer):
    """A new link; the older ones of this reader end. Its address is shown only when no message carries it."""

    address: str | None
    message_id: str | None
    parts: list[OwnPart]  # what this reader will see


class RecordLinksAnswer(Answer):
    """The links to a patient's page, oldest first."""

    links: list[RecordLinkAnswer]


@router.post(
    "/patients/{patient_id}/record-links",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_RELATIVE, Kind.NOT_POSSIBLE_NOW),
)
def make_record_link(
    patient_id: Id, ask: RecordLinkAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> NewRecordLinkAnswer:
    """An address under which the patient reads what is his to read, once, after a birthday."""
    patient = found.patient(uow, patient_id)
    relative = _reader(uow, patient, ask)
    uow.links.end_to_record(patient.id, "replaced", uow.now, relative_id=ask.relative_id)
    wiring = wiring_of(request)
    address, link = new_link(
        uow,
        wiring,
        LinkKind.RECORD,
        patient,
        by=caller.user_id,
        language=ask.language,
        lifetime=timedelta(hours=ask.hours),
        relative_id=ask.relative_id,
    )
    message_id = None
    if ask.deliver:
        message = notices_of(wiring).write(
            uow, patient=patient, key="record_link", values={"link": address}, good_until=link.expires_at
        )
        if message is None:
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW,
                "patient_id",
                "no message can go to the patient now: look at his consent to messages, his number, the do-not-call "
                "list and the hospital's name and number in the settings; or hand the address over (deliver: false)",
            )
        message_id = message.id
    uow.audit.note(
        user_id=caller.user_id,
        action="record_link_made",
        subject_kind="record_link",
        subject=link.id,
        patient_id=patient.id,
        detail={"relative": ask.relative_id, "message": message_id},
    )
    return NewRecordLinkAnswer(
        **RecordLinkAnswer.model_validate(link).model_dump(),
        address=None if ask.deliver else address,
        message_id=message_id,
        parts=sorted(parts_for(relative.matters(uow.now) if relative else None)),
    )


@router.get("/patients/{patient_id}/record-links", responses=problems(Kind.UNKNOWN_PATIENT))
def list_record_links(patient_id: Id, caller: CareTeam, uow: Work) -> RecordLinksAnswer:  # noqa: ARG001
    """What became of the links to a patient's page."""
    patient = found.patient(uow, patient_id)
    return RecordLinksAnswer(links=[RecordLinkAnswer.model_validate(each) for each in uow.links.to_record(patient.id)])


@router.post("/patients/{patient_id}/record-links/end", responses=problems(Kind.UNKNOWN_PATIENT))
def end_record_links(patient_id: Id, caller: CareTeamCommanding, uow: Work) -> RecordLinksAnswer:
    """Close every link to a patient's page, at once and for good."""
    patient = found.patient(uow, patient_id)
    uow.links.end_all_to_record(patient.id, "ended", uow.now)
    uow.audit.note(
        user_id=caller.user_id,
        action="record_links_ended",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return RecordLinksAnswer(links=[RecordLinkAnswer.model_validate(each) for each in uow.links.to_record(patient.id)])


def _reader(uow: UnitOfWork, patient: Patient, ask: RecordLinkAsk) -> Relative | None:
    """The relative who is to read, None for the patient; a problem if nobody could."""
    if patient.born is None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "born", "the page asks for the birthday, and it is not known; add it to the patient"
        )
    if patient.deceased_at is not None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "patient_id", "the patient has died; give the family copies by the hospital's rules"
        )
    if ask.relative_id is None:
        if is_child(patient.born, patient.zone, uow.now):
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW, "relative_id", "the patient is a child; make the link for a guardian"
            )
        return None
    relative = uow.relatives.get(ask.relative_id)
    if relative is None or relative.patient_id != patient.id:
        raise Problem.of(
            Kind.UNKNOWN_RELATIVE,
            "relative_id",
            "the patient has no such relative; GET /api/v1/patients/{patient_id}/relatives lists them",
        )
    if not parts_for(relative.matters(uow.now)):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "relative_id",
            "the patient lets this relative hear nothing that stands on the page; ask the patient in a call",
        )
    if ask.deliver:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "deliver",
            "messages go to the patient's own numbers only; hand the address over (deliver: false)",
        )
    return relative
