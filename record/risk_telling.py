"""Whoever was told a risk hears that it is another now: a request to those who asked for it, with a day to do it by."""

import structlog

from care.adherence import Helper
from care.patients import Patient
from care.risk.inputs import Origin
from care.risk.records import RiskAssessment
from db.request_making import make_request, tell_of_request
from db.unit_of_work import UnitOfWork
from followup.duty import HOUSE
from followup.requests import PatientRequest, RequestEventKind, RequestKind
from record.following import RecordParts
from record.owners import NobodyCanHelpError, helper_for, let_in

log = structlog.get_logger(__name__)


def is_worth_telling(uow: UnitOfWork, before: RiskAssessment, after: RiskAssessment) -> bool:
    """True if the band is another, or the number is because a value was corrected; a new check-up alone is not."""
    if before.band != after.band:
        return True
    return before.value != after.value and _was_corrected(uow, before, after)


def _was_corrected(uow: UnitOfWork, before: RiskAssessment, after: RiskAssessment) -> bool:
    """A result that was used has another version by now."""
    used = [
        reference
        for each in before.used()
        if each.name in after.changes and each.origin in (Origin.RESULT, Origin.RECKONED)
        for reference in each.references
    ]
    results = [uow.observations.get(reference) for reference in used]
    return any(result is not None and result.superseded_at is not None for result in results)


def tell_of_change(uow: UnitOfWork, parts: RecordParts, patient: Patient, told: RiskAssessment) -> None:
    """Ask somebody to tell the patient; `told` was made anew, or withdrawn. Nobody was told what nobody asked for."""
    root = _asked_for(uow, told)
    before = uow.risk.get(told.replaces) if told.withdrawn_at is None and told.replaces is not None else told
    if root.recorded_by is None or before is None:
        return
    text = _text(parts, before, told)
    detail: dict[str, object] = {"assessment": told.id, "changes": told.withdrawn_inputs or told.changes}
    if (open_one := _open_request(uow, before)) is not None:
        uow.requests.note(
            open_one, RequestEventKind.REMARK, at=uow.now, user_id=None, detail={**detail, "remark": text}
        )
        request = open_one
    else:
        try:
            owner = helper_for(uow, Helper.NURSE, department=HOUSE, patient_id=patient.id, known=root.recorded_by)
        except NobodyCanHelpError as error:
            # The number is right again; that nobody can tell of it must not keep the wrong one.
            log.error("nobody_tells_of_risk", assessment=told.id, reason=str(error))  # noqa: TRY400 said in words
            return
        telling = parts.content.risk_words.telling
        today = uow.now.astimezone(parts.zone).date()
        request = make_request(
            uow,
            kind=RequestKind.REQUEST,
            cause=telling.cause,
            text=text,
            due_on=uow.calendar.of(parts.calendar_region).add_working_days(today, telling.working_days),
            received_by=owner.id,
            owner_id=owner.id,
            patient_id=patient.id,
            detail=detail,
        )
        let_in(uow, owner, patient.id, role=Helper.NURSE.value, reason=f"request {request.id}", by=None)
    tell_of_request(uow, request)
    told.request_id = told.request_id or request.id
    uow.flush()


def _asked_for(uow: UnitOfWork, assessment: RiskAssessment) -> RiskAssessment:
    """The assessment that a person asked for, at the begin of the chain."""
    while assessment.recorded_by is None and assessment.replaces is not None:
        earlier = uow.risk.get(assessment.replaces)
        if earlier is None:
            break
        assessment = earlier
    return assessment


def _open_request(uow: UnitOfWork, before: RiskAssessment) -> PatientRequest | None:
    request = uow.requests.for_update(before.request_id) if before.request_id is not None else None
    return request if request is not None and request.is_open else None


def _text(parts: RecordParts, before: RiskAssessment, told: RiskAssessment) -> str:
    words = parts.content.risk_words
    because = words.withdrawals[told.withdrawn_because] if told.withdrawn_because is not None else None
    pattern = words.telling.changed if because is None else words.telling.withdrawn
    return "\n".join(
        pattern.in_language(language).format(
            model=told.titles["model"][language],
            before=_result(before, language),
            after=_result(told, language),
            because=because.in_language(language) if because is not None else "",
        )
        for language in ("zh", "en")
    )


def _result(assessment: RiskAssessment, language: str) -> str:
    band = assessment.titles.get("band", {}).get(language, "")
    return f"{assessment.value:g} {assessment.unit} {band}".strip()
