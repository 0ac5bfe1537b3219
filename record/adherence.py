"""Answers about taking medicine are looked at: where it is not taken as agreed, somebody looks into the reason."""

from datetime import timedelta

import structlog

from care.adherence import Adherence, AdherenceRoute, Helper, adherence_in, route_of
from care.forms import counted_answers
from care.responses import Response
from db.advice import AdherenceFinding
from db.request_making import make_request, tell_of_request
from db.unit_of_work import UnitOfWork
from followup.requests import PatientRequest, RequestEventKind, RequestKind
from record.following import RecordParts
from record.owners import helper_for, let_in
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

SAME_MATTER = timedelta(days=14)
"""An open request of the same route that is younger is the same matter: another answer is a remark to it."""


def find_adherence(uow: UnitOfWork, parts: RecordParts, response: Response) -> AdherenceFinding | None:
    """What a complete response says of taking medicine; looked at twice it is the same finding and one request."""
    form = parts.content.forms.get(response.form_id)
    rules = parts.content.adherence
    found = adherence_in(counted_answers(form, response.answers), rules) if form is not None else None
    held = uow.advice.finding_of(response.id)
    if found is None:
        return held
    route = route_of(found, rules)
    finding = AdherenceFinding(
        id=new_id(),
        patient_id=response.patient_id,
        response_id=response.id,
        rules_version=rules.version,
        adherent=found.adherent,
        missed_days=found.missed_days,
        reason=found.reason,
        said=" ".join(part for part in (found.said, found.side_effects) if part),
        route=route.id if route is not None else None,
        request_id=None,
        at=uow.now,
    )
    if held is not None and held.tells() == finding.tells():
        return held
    if held is not None:
        held.superseded_at = uow.now
        finding.supersedes = held.id
        uow.flush()
    if route is not None:
        same = held.request_id if held is not None and held.route == route.id else None
        finding.request_id = same or _request(uow, parts, response, found, route).id
    uow.advice.find(finding)
    uow.flush()
    log.info("adherence_found", response=response.id, adherent=found.adherent, route=finding.route)
    return finding


def _request(
    uow: UnitOfWork, parts: RecordParts, response: Response, found: Adherence, route: AdherenceRoute
) -> PatientRequest:
    detail: dict[str, object] = {
        "response": response.id,
        "route": route.id,
        "missed_days": found.missed_days,
        "changed_dose": found.changed_dose,
        "stopped": found.stopped,
        "reason": found.reason,
        "said": found.said,
        "side_effects": found.side_effects,
    }
    open_one = _same_matter(uow, response.patient_id, route)
    if open_one is not None:
        uow.requests.note(open_one, RequestEventKind.REMARK, at=uow.now, user_id=None, detail=detail)
        tell_of_request(uow, open_one)
        return open_one
    document = parts.content.adherence_document
    department = document.departments.get(route.helper, "*")
    owner = helper_for(
        uow, route.helper, department=department, patient_id=response.patient_id, known=response.completed_by
    )
    today = uow.now.astimezone(parts.zone).date()
    said = found.side_effects or found.said
    request = make_request(
        uow,
        kind=RequestKind.REQUEST,
        cause=document.cause,
        text=f"{route.text['zh']} / {route.text['en']}" + (f": {said}" if said else ""),
        due_on=uow.calendar.of(parts.calendar_region).add_working_days(today, route.working_days),
        received_by=response.completed_by or owner.id,
        owner_id=owner.id,
        patient_id=response.patient_id,
        attempt_id=_attempt_of(uow, response),
        departments=[department] if route.helper is Helper.PHARMACIST else (),
        detail=detail,
    )
    let_in(uow, owner, response.patient_id, role=route.helper.value, reason=f"request {request.id}", by=None)
    tell_of_request(uow, request)
    return request


def _same_matter(uow: UnitOfWork, patient_id: str, route: AdherenceRoute) -> PatientRequest | None:
    for finding in uow.advice.findings_of(patient_id):
        if finding.route == route.id and finding.request_id is not None and finding.at >= uow.now - SAME_MATTER:
            request = uow.requests.for_update(finding.request_id)
            if request is not None and request.is_open:
                return request
    return None


def _attempt_of(uow: UnitOfWork, response: Response) -> str | None:
    given = [line.attempt_id for line in uow.responses.history(response.id) if line.attempt_id is not None]
    return given[-1] if given else None
