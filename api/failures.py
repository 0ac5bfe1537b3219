"""Turning whatever was raised while a request was answered into a problem; no stack trace ever leaves."""

import secrets
from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.problems import CATALOGUE, Fault, Kind, Problem
from care.care_team import OutsideCareTeamError
from db.refusals import DatabaseUnavailableError, RowRefusedError, broken_rule, gave_up_waiting
from followup.notes import SignedNoteError
from followup.states import IllegalTransitionError
from scheduler.campaigns import CampaignRefusedError
from scheduler.planning import PlanNotPossibleError

log = structlog.get_logger(__name__)

_BY_STATUS = {
    400: (Kind.MALFORMED_JSON, "body", "cannot be read as JSON; send it in UTF-8"),
    404: (Kind.NO_SUCH_ADDRESS, "path", "there is nothing here; GET /api/v1/openapi.json lists what there is"),
    405: (Kind.METHOD_NOT_ALLOWED, "method", "this address does not take this method; the Allow header names those"),
    413: (Kind.BODY_TOO_LARGE, "body", "is larger than one request may be; send less at once"),
}

_RULES = {
    "uq_patients_record_number": ("record_number", "another patient has this record number"),
    "uq_contact_points_patient_id_number": ("contact_points", "the same number is given twice"),
    "uq_person_identifiers_kind_value": (
        "identifiers",
        "another record got this number a moment ago; send the request again, with a new Idempotency-Key",
    ),
    "uq_cards_kind_number": ("card.number", "there is a card with this number; POST /api/v1/cards/find shows it"),
    "uq_household_members_living": ("patient_id", "the patient lives in a household already; let him leave it first"),
    "uq_users_login": ("login", "another user has this login"),
    "uq_queues_name": ("name", "another queue has this name"),
    "uq_notes_attempt": ("attempt_id", "the attempt has its note already"),
    "uq_attempts_live_patient": ("patient_id", "the patient has a live attempt already"),
    "uq_attempts_live_agent": ("agent_id", "the agent has a live attempt already"),
}


_KINDS = (
    Problem,
    RequestValidationError,
    HTTPException,
    IllegalTransitionError,
    PlanNotPossibleError,
    CampaignRefusedError,
    SignedNoteError,
    OutsideCareTeamError,
    RowRefusedError,
    DatabaseUnavailableError,
    Exception,
)


def install(app: FastAPI) -> None:
    """Answer with a problem whatever is raised."""
    for kind in _KINDS:
        app.add_exception_handler(kind, _answer)


def problem_of(error: Exception) -> Problem:
    """What the caller is told of an error."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error.errors())
        case HTTPException():
            what = _BY_STATUS.get(error.status_code, (Kind.REQUEST_REFUSED, "request", str(error.detail)))
            return Problem.of(*what, headers=error.headers)
        case IllegalTransitionError():
            return Problem.of(Kind.NOT_POSSIBLE_NOW, error.machine, str(error))
        case PlanNotPossibleError():
            return Problem.of(Kind.PLAN_NOT_POSSIBLE, "plan", str(error))
        case CampaignRefusedError():
            return Problem.of(Kind.CAMPAIGN_NOT_POSSIBLE, error.field, str(error))
        case SignedNoteError():
            return Problem.of(Kind.NOTE_SIGNED, "note", str(error))
        case OutsideCareTeamError():
            return _outside(error)
        case RowRefusedError() if broken_rule(error) in _RULES:
            return Problem.of(Kind.TAKEN, *_RULES[broken_rule(error)])
        case DatabaseUnavailableError():
            return _database_unavailable(error)
        case _:
            return _unforeseen(error)


def faults_of(errors: Sequence[Any]) -> list[Fault]:
    """What validation found, each by the name that the caller gave the field: contact_points[1].number."""
    return [Fault(field=_field(error["loc"]), reason=_reason(error)) for error in errors]


def _field(location: Sequence[str | int]) -> str:
    where, *rest = location
    if where == "header":
        return "-".join(part.capitalize() for part in str(rest[0]).split("-"))
    name = ""
    for part in rest:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name or str(where)


def _reason(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    status, _ = CATALOGUE[problem.kind]
    log.info(
        "problem_answered",
        code=problem.kind.value,
        status=status,
        method=request.method,
        route=getattr(request.scope.get("route"), "path", None),
    )
    return problem.answer()


def _invalid(errors: Sequence[Any]) -> Problem:
    first = errors[0]
    if first["type"] == "json_invalid":
        reason = f"is not JSON: {first['ctx']['error']} at character {first['loc'][1]}"
        return Problem.of(Kind.MALFORMED_JSON, "body", reason)
    return Problem(kind=Kind.INVALID_REQUEST, faults=faults_of(errors))


def _outside(error: OutsideCareTeamError) -> Problem:
    log.warning("record_refused", user=error.user_id, patient=error.patient_id)
    return Problem.of(
        Kind.OUTSIDE_CARE_TEAM,
        "patient_id",
        "this patient is not cared for by your departments; who must look all the same breaks the glass with a "
        "reason: POST /api/v1/patients/{patient_id}/broken-glasses. It stays open for an hour and is reviewed",
    )


def _database_unavailable(error: DatabaseUnavailableError) -> Problem:
    waited = gave_up_waiting(error)
    if not waited:
        log.error("database_unavailable", exc_info=error)
    reason = "another request holds the same row" if waited else "the database cannot be reached"
    return Problem.of(Kind.UNAVAILABLE, "database", f"{reason}; repeat the request", headers={"Retry-After": "2"})


def _unforeseen(error: Exception) -> Problem:
    incident = secrets.token_hex(8)
    log.error("request_failed", incident=incident, exc_info=error)
    reason = f"this should not happen; tell whoever looks after the system the incident {incident}"
    return Problem.of(Kind.INTERNAL_ERROR, "request", reason, incident=incident)
