"""Links by which a patient answers a form himself."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.patient_doors import new_link
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from api.wiring import Wiring, wiring_of
from care.patient_links import LIFETIME, LinkKind, PatientLink
from care.patients import Patient
from care.responses import Response, ResponseState
from db.unit_of_work import UnitOfWork
from followup.messages import Message
from scheduler.notices import Notices

router = APIRouter(tags=["forms"], route_class=Route)


class LinkAsk(Ask):
    """How long the link lives, in which language the page begins, and whether it is sent to the patient at once."""

    hours: Annotated[float, Field(gt=0, le=24 * 31)] = LIFETIME / timedelta(hours=1)
    language: Literal["zh", "en"] | None = None  # the patient's if not said
    send: bool = False


class LinkAnswer(Answer):
    """A link without its address: that is shown once, when it is made."""

    id: str
    response_id: str
    created_at: Instant
    created_by: str | None
    expires_at: Instant
    opened_at: Instant | None
    wrong_answers: int
    ended_at: Instant | None
    end_reason: str


class NewLinkAnswer(LinkAnswer):
    """A new link with its address; older ones of the same answers end."""

    address: str
    message_id: str | None  # None: it is not sent, because nobody asked or no channel is open to the patient


class LinksAnswer(Answer):
    """The links of a response, oldest first."""

    links: list[LinkAnswer]


@router.post(
    "/responses/{response_id}/links",
    status_code=201,
    responses=problems(Kind.UNKNOWN_RESPONSE, Kind.NOT_POSSIBLE_NOW),
)
def make_link(response_id: Id, ask: LinkAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> NewLinkAnswer:
    """An address by which the patient answers these questions himself, on any telephone or computer."""
    response = uow.responses.for_update(response_id)
    if response is None:
        raise _no_response()
    if response.state is not ResponseState.IN_PROGRESS:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "response_id", "the answers are complete: there is nothing to answer")
    patient = found.patient(uow, response.patient_id)
    if patient.born is None:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "born", "the page asks for the birthday, and it is not known; add it to the patient"
        )
    uow.links.end_of_response(response.id, "replaced", uow.now)
    address, link = new_link(
        uow,
        wiring_of(request),
        LinkKind.FORM,
        patient,
        by=caller.user_id,
        language=ask.language,
        lifetime=timedelta(hours=ask.hours),
        response_id=response.id,
    )
    uow.audit.note(
        user_id=caller.user_id,
        action="form_link_made",
        subject_kind="form_link",
        subject=link.id,
        patient_id=patient.id,
    )
    sent = _send(uow, wiring_of(request), patient, response, address, link) if ask.send else None
    return NewLinkAnswer(
        **LinkAnswer.model_validate(link).model_dump(), address=address, message_id=sent.id if sent else None
    )


@router.get("/responses/{response_id}/links", responses=problems(Kind.UNKNOWN_RESPONSE))
def list_links(response_id: Id, caller: CareTeam, uow: Work) -> LinksAnswer:
    """What became of the links to these answers."""
    _noted(uow, response_id, caller, "form_links_viewed")
    return LinksAnswer(links=[LinkAnswer.model_validate(link) for link in uow.links.of_response(response_id)])


@router.post("/responses/{response_id}/links/end", responses=problems(Kind.UNKNOWN_RESPONSE))
def end_links(response_id: Id, caller: CareTeamCommanding, uow: Work) -> LinksAnswer:
    """Close every link to these answers."""
    _noted(uow, response_id, caller, "form_links_ended")
    uow.links.end_of_response(response_id, "ended", uow.now)
    return LinksAnswer(links=[LinkAnswer.model_validate(link) for link in uow.links.of_response(response_id)])


def _send(
    uow: UnitOfWork, wiring: Wiring, patient: Patient, response: Response, address: str, link: PatientLink
) -> Message | None:
    """Write the neutral message with the link on the first channel that is open to the patient."""
    notices = Notices(
        texts=wiring.content.messages,
        hospital={"zh": wiring.hospital_name, "en": wiring.hospital_name_en or wiring.hospital_name},
        number=wiring.call_back_number,
        mode=wiring.gate.mode,
        allow_list=wiring.gate.allow_list,
        profile=wiring.gate.profile,
        calendar_region=wiring.gate.calendar_region,
    )
    task = uow.plans.task(response.task_id) if response.task_id else None
    if task is None:
        return None
    return notices.write(
        uow, patient=patient, task=task, key="form_link", values={"link": address}, good_until=link.expires_at
    )


def _noted(uow: UnitOfWork, response_id: str, caller: Caller, action: str) -> None:
    response = uow.responses.get(response_id)
    if response is None:
        raise _no_response()
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="response",
        subject=response.id,
        patient_id=response.patient_id,
    )


def _no_response() -> Problem:
    return Problem.of(
        Kind.UNKNOWN_RESPONSE, "response_id", "there is none; GET /api/v1/tasks/{task_id}/responses lists a task's"
    )
