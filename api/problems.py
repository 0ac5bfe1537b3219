"""The closed list of what can go wrong for a caller (RFC 9457 problem details), each with the field and the reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

MEDIA_TYPE = "application/problem+json"
_DECLARED = "problems"

Responses = dict[int | str, dict[str, Any]]


class Kind(StrEnum):
    """Every kind of problem; a caller may switch on it, so names never change."""

    MALFORMED_JSON = "malformed_json"
    INVALID_REQUEST = "invalid_request"
    NO_SUCH_ADDRESS = "no_such_address"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TOO_LARGE = "body_too_large"
    REQUEST_REFUSED = "request_refused"
    INTERNAL_ERROR = "internal_error"
    UNAVAILABLE = "unavailable"

    NOT_LOGGED_IN = "not_logged_in"
    WRONG_LOG_IN = "wrong_log_in"
    ALREADY_LOGGED_IN = "already_logged_in"
    TOO_MANY_LOG_INS = "too_many_log_ins"
    FORBIDDEN = "forbidden"
    NOT_YOURS = "not_yours"
    OUTSIDE_CARE_TEAM = "outside_care_team"

    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    REQUEST_IN_FLIGHT = "request_in_flight"

    UNKNOWN_USER = "unknown_user"
    UNKNOWN_PATIENT = "unknown_patient"
    UNKNOWN_ENCOUNTER = "unknown_encounter"
    UNKNOWN_TEMPLATE = "unknown_template"
    UNKNOWN_FORM = "unknown_form"
    UNKNOWN_PLAN = "unknown_plan"
    UNKNOWN_CALENDAR_DAY = "unknown_calendar_day"
    UNKNOWN_TASK = "unknown_task"
    UNKNOWN_QUEUE = "unknown_queue"
    UNKNOWN_PARKED_TASK = "unknown_parked_task"
    UNKNOWN_KEYWORD_SET = "unknown_keyword_set"
    UNKNOWN_FEED_MESSAGE = "unknown_feed_message"
    UNKNOWN_AGENT = "unknown_agent"
    UNKNOWN_CALL = "unknown_call"
    UNKNOWN_INBOUND_CALL = "unknown_inbound_call"
    UNKNOWN_ATTEMPT = "unknown_attempt"
    UNKNOWN_MESSAGE = "unknown_message"
    UNKNOWN_NUMBER_SEARCH = "unknown_number_search"
    UNKNOWN_ANSWER_ITEM = "unknown_answer_item"
    UNKNOWN_RECORDING = "unknown_recording"
    UNKNOWN_TRANSCRIPT = "unknown_transcript"
    UNKNOWN_COMMENT = "unknown_comment"
    UNKNOWN_RECORDING_GAP = "unknown_recording_gap"
    UNKNOWN_LEGAL_HOLD = "unknown_legal_hold"
    UNKNOWN_REDACTED_COPY = "unknown_redacted_copy"
    UNKNOWN_SEARCH_HIT = "unknown_search_hit"
    UNKNOWN_ALERT = "unknown_alert"
    UNKNOWN_REQUEST = "unknown_request"
    UNKNOWN_SHIFT = "unknown_shift"
    UNKNOWN_NOTE = "unknown_note"
    UNKNOWN_RISK_MODEL = "unknown_risk_model"
    UNKNOWN_RISK_ASSESSMENT = "unknown_risk_assessment"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    UNKNOWN_HEARD_ANSWER = "unknown_heard_answer"
    UNKNOWN_TRANSFER = "unknown_transfer"
    UNKNOWN_DIRECTORY_ENTRY = "unknown_directory_entry"
    UNKNOWN_SUPERVISION = "unknown_supervision"
    UNKNOWN_HELP_REQUEST = "unknown_help_request"
    UNKNOWN_EXCEPTION = "unknown_exception"
    UNKNOWN_SCORECARD = "unknown_scorecard"
    UNKNOWN_SCORE = "unknown_score"
    UNKNOWN_SAMPLE = "unknown_sample"
    UNKNOWN_GRADING_ROUND = "unknown_grading_round"
    UNKNOWN_EVIDENCE_PACK = "unknown_evidence_pack"
    UNKNOWN_IMPORT = "unknown_import"
    UNKNOWN_ROW = "unknown_row"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    UNKNOWN_RELATIVE = "unknown_relative"
    UNKNOWN_CARD = "unknown_card"
    UNKNOWN_BROKEN_GLASS = "unknown_broken_glass"
    UNKNOWN_MEMBER = "unknown_member"
    UNKNOWN_HOUSEHOLD = "unknown_household"
    UNKNOWN_MERGE = "unknown_merge"
    MAYBE_KNOWN = "maybe_known"
    UNKNOWN_RESPONSE = "unknown_response"
    UNKNOWN_FORM_LINK = "unknown_form_link"
    UNKNOWN_HISTORY_ENTRY = "unknown_history_entry"
    UNKNOWN_OBJECTION = "unknown_objection"
    UNKNOWN_GOAL = "unknown_goal"
    UNKNOWN_TAG = "unknown_tag"
    UNKNOWN_REGISTRY = "unknown_registry"
    UNKNOWN_ASSESSMENT = "unknown_assessment"
    UNKNOWN_MEDICINE = "unknown_medicine"
    UNKNOWN_ARTICLE = "unknown_article"
    UNKNOWN_PROGRAMME = "unknown_programme"
    UNKNOWN_EDUCATION_PLAN = "unknown_education_plan"
    UNKNOWN_LESSON = "unknown_lesson"
    UNKNOWN_TREATMENT_PROPOSAL = "unknown_treatment_proposal"
    UNKNOWN_RESULT = "unknown_result"
    UNKNOWN_SUMMARY = "unknown_summary"
    UNKNOWN_PRINT = "unknown_print"

    LIST_REFUSED = "list_refused"
    RISK_NOT_APPLICABLE = "risk_not_applicable"
    RISK_INPUTS_LACKING = "risk_inputs_lacking"
    TAKEN = "taken"
    PLAN_NOT_POSSIBLE = "plan_not_possible"
    CONSENT_MISSING = "consent_missing"
    DOCTOR_NEEDED = "doctor_needed"
    ADVICE_WITHHELD = "advice_withheld"
    WINDOW_REFUSED = "window_refused"
    CALL_REFUSED = "call_refused"
    CAMPAIGN_NOT_POSSIBLE = "campaign_not_possible"
    NOT_POSSIBLE_NOW = "not_possible_now"
    ANSWER_REFUSED = "answer_refused"
    ANSWERS_MISSING = "answers_missing"
    NOTE_SIGNED = "note_signed"
    SUMMARY_CHANGED = "summary_changed"
    REPORT_FILE_GONE = "report_file_gone"
    RECORDING_NOT_STORED = "recording_not_stored"
    RECORDING_GONE = "recording_gone"
    RECORDING_DAMAGED = "recording_damaged"
    REDACTED_COPY_CLOSED = "redacted_copy_closed"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"


CATALOGUE: Mapping[Kind, tuple[int, str]] = {
    Kind.MALFORMED_JSON: (400, "The body is not JSON"),
    Kind.INVALID_REQUEST: (422, "The request is not valid"),
    Kind.NO_SUCH_ADDRESS: (404, "There is nothing at this address"),
    Kind.METHOD_NOT_ALLOWED: (405, "This address does not take this method"),
    Kind.BODY_TOO_LARGE: (413, "The body is too large"),
    Kind.REQUEST_REFUSED: (400, "The request was refused"),
    Kind.INTERNAL_ERROR: (500, "Something failed on our side"),
    Kind.UNAVAILABLE: (503, "A part of the system is not there now"),
    Kind.NOT_LOGGED_IN: (401, "Nobody is logged in"),
    Kind.WRONG_LOG_IN: (401, "Login or password is wrong"),
    Kind.ALREADY_LOGGED_IN: (409, "This user is logged in elsewhere"),
    Kind.TOO_MANY_LOG_INS: (429, "Too many wrong log-ins"),
    Kind.FORBIDDEN: (403, "This user's role may not do that"),
    Kind.NOT_YOURS: (403, "This belongs to another agent"),
    Kind.OUTSIDE_CARE_TEAM: (403, "This patient is not in your care"),
    Kind.IDEMPOTENCY_KEY_MISSING: (400, "The Idempotency-Key is missing"),
    Kind.IDEMPOTENCY_KEY_REUSED: (422, "The Idempotency-Key was used for another request"),
    Kind.REQUEST_IN_FLIGHT: (409, "The same request is being answered"),
    Kind.UNKNOWN_USER: (404, "There is no such user"),
    Kind.UNKNOWN_PATIENT: (404, "There is no such patient"),
    Kind.UNKNOWN_ENCOUNTER: (404, "There is no such encounter"),
    Kind.UNKNOWN_TEMPLATE: (404, "There is no such plan template"),
    Kind.UNKNOWN_FORM: (404, "There is no such form"),
    Kind.UNKNOWN_PLAN: (404, "There is no such plan"),
    Kind.UNKNOWN_CALENDAR_DAY: (404, "The calendar says nothing of this day"),
    Kind.UNKNOWN_TASK: (404, "There is no such task"),
    Kind.UNKNOWN_PARKED_TASK: (404, "There is no such parked task"),
    Kind.UNKNOWN_KEYWORD_SET: (404, "There is no such set of keywords"),
    Kind.UNKNOWN_FEED_MESSAGE: (404, "There is no such message"),
    Kind.UNKNOWN_QUEUE: (404, "There is no such queue"),
    Kind.UNKNOWN_AGENT: (404, "There is no such agent"),
    Kind.UNKNOWN_CALL: (404, "There is no such call"),
    Kind.UNKNOWN_INBOUND_CALL: (404, "There is no such caller"),
    Kind.UNKNOWN_ATTEMPT: (404, "There is no such attempt"),
    Kind.UNKNOWN_MESSAGE: (404, "There is no such message"),
    Kind.UNKNOWN_NUMBER_SEARCH: (404, "There is no such search for a number"),
    Kind.UNKNOWN_ANSWER_ITEM: (404, "The form has no such question"),
    Kind.UNKNOWN_RECORDING: (404, "There is no such recording"),
    Kind.UNKNOWN_TRANSCRIPT: (404, "There is no transcript yet"),
    Kind.UNKNOWN_COMMENT: (404, "There is no such comment"),
    Kind.UNKNOWN_REDACTED_COPY: (404, "There is no such redacted copy"),
    Kind.UNKNOWN_SEARCH_HIT: (404, "There is no such hit"),
    Kind.UNKNOWN_RECORDING_GAP: (404, "There is no such gap"),
    Kind.UNKNOWN_LEGAL_HOLD: (404, "There is no such hold"),
    Kind.UNKNOWN_ALERT: (404, "There is no such alert"),
    Kind.UNKNOWN_REQUEST: (404, "There is no such request or complaint"),
    Kind.UNKNOWN_SHIFT: (404, "There is no such shift"),
    Kind.UNKNOWN_NOTE: (404, "There is no such note"),
    Kind.UNKNOWN_RISK_MODEL: (404, "There is no such risk model"),
    Kind.UNKNOWN_RISK_ASSESSMENT: (404, "There is no such risk assessment"),
    Kind.UNKNOWN_PROPOSAL: (404, "The note has no such proposal"),
    Kind.UNKNOWN_HEARD_ANSWER: (404, "There is no such heard answer"),
    Kind.UNKNOWN_TRANSFER: (404, "The call has no such transfer"),
    Kind.UNKNOWN_DIRECTORY_ENTRY: (404, "There is no such number in the directory"),
    Kind.UNKNOWN_SUPERVISION: (404, "There is no such supervision"),
    Kind.UNKNOWN_HELP_REQUEST: (404, "There is no such request for help"),
    Kind.UNKNOWN_EXCEPTION: (404, "There is no such exception"),
    Kind.UNKNOWN_SCORECARD: (404, "There is no such scorecard"),
    Kind.UNKNOWN_SCORE: (404, "There is no such score"),
    Kind.UNKNOWN_SAMPLE: (404, "There is no such sample"),
    Kind.UNKNOWN_GRADING_ROUND: (404, "There is no such round"),
    Kind.UNKNOWN_EVIDENCE_PACK: (404, "There is no such evidence pack"),
    Kind.UNKNOWN_RELATIVE: (404, "There is no such relative"),
    Kind.UNKNOWN_CARD: (404, "There is no such card"),
    Kind.UNKNOWN_BROKEN_GLASS: (404, "There is no such broken glass"),
    Kind.UNKNOWN_MEMBER: (404, "There is no such member of a care team"),
    Kind.UNKNOWN_HOUSEHOLD: (404, "There is no such household"),
    Kind.UNKNOWN_MERGE: (404, "There is no such merger"),
    Kind.MAYBE_KNOWN: (409, "This person may be known already"),
    Kind.UNKNOWN_RESPONSE: (404, "There are no such answers"),
    Kind.UNKNOWN_FORM_LINK: (404, "There is no such link"),
    Kind.UNKNOWN_HISTORY_ENTRY: (404, "There is no such entry of a history"),
    Kind.UNKNOWN_GOAL: (404, "There is no such goal"),
    Kind.UNKNOWN_TAG: (404, "There is no such tag"),
    Kind.UNKNOWN_REGISTRY: (404, "There is no such registry"),
    Kind.UNKNOWN_ASSESSMENT: (404, "There is no such assessment"),
    Kind.UNKNOWN_MEDICINE: (404, "There is no such medicine"),
    Kind.UNKNOWN_ARTICLE: (404, "There is no such text"),
    Kind.UNKNOWN_PROGRAMME: (404, "There is no such programme"),
    Kind.UNKNOWN_EDUCATION_PLAN: (404, "There is no such education plan"),
    Kind.UNKNOWN_LESSON: (404, "The plan has no such lesson"),
    Kind.UNKNOWN_TREATMENT_PROPOSAL: (404, "There is no such proposal to a doctor"),
    Kind.UNKNOWN_OBJECTION: (404, "There is no such entry on the do-not-call list"),
    Kind.UNKNOWN_RESULT: (404, "There is no such result"),
    Kind.UNKNOWN_IMPORT: (404, "There is no such import"),
    Kind.UNKNOWN_ROW: (404, "The list has no such row"),
    Kind.UNKNOWN_CAMPAIGN: (404, "There is no such campaign"),
    Kind.UNKNOWN_SUMMARY: (404, "There is no such summary"),
    Kind.UNKNOWN_PRINT: (404, "There is no such print"),
    Kind.LIST_REFUSED: (422, "The list cannot be read"),
    Kind.RISK_NOT_APPLICABLE: (409, "The risk model is not for this patient"),
    Kind.RISK_INPUTS_LACKING: (409, "The risk model lacks inputs"),
    Kind.TAKEN: (409, "Something else has this already"),
    Kind.PLAN_NOT_POSSIBLE: (409, "The plan cannot be made"),
    Kind.DOCTOR_NEEDED: (403, "Only a doctor decides on treatment"),
    Kind.ADVICE_WITHHELD: (409, "This advice is not for this patient"),
    Kind.CONSENT_MISSING: (409, "The patient's consent is missing"),
    Kind.WINDOW_REFUSED: (422, "The task's window is not possible"),
    Kind.CALL_REFUSED: (409, "The patient may not be called now"),
    Kind.CAMPAIGN_NOT_POSSIBLE: (409, "The campaign cannot do that"),
    Kind.NOT_POSSIBLE_NOW: (409, "That is not possible in this state"),
    Kind.ANSWER_REFUSED: (422, "The answer does not fit the question"),
    Kind.ANSWERS_MISSING: (409, "Required answers are missing"),
    Kind.NOTE_SIGNED: (409, "The note is signed"),
    Kind.SUMMARY_CHANGED: (409, "The summary was changed meanwhile"),
    Kind.REPORT_FILE_GONE: (410, "The print's file is gone"),
    Kind.RECORDING_NOT_STORED: (404, "The recording is not stored yet"),
    Kind.RECORDING_GONE: (410, "The recording is gone"),
    Kind.RECORDING_DAMAGED: (500, "The recording is damaged"),
    Kind.REDACTED_COPY_CLOSED: (410, "The redacted copy may not be read any more"),
    Kind.RANGE_NOT_SATISFIABLE: (416, "The range lies outside the recording"),
}


class Fault(BaseModel):
    """One thing that is wrong: where, and why."""

    field: str
    reason: str


class ProblemDetails(BaseModel):
    """The body of every answer that is not a success. `field` and `reason` are those of the first fault."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str
    reason: str
    errors: list[Fault]
    reasons: list[str] | None = None
    incident: str | None = None


@dataclass(kw_only=True, eq=False)
class Problem(Exception):  # noqa: N818 RFC 9457's own word
    """Raised by a route to answer with a problem; what the request did is rolled back unless `keeps_work`."""

    kind: Kind
    faults: Sequence[Fault]
    reasons: Sequence[str] | None = None  # codes, for CALL_REFUSED; ids of patients, for MAYBE_KNOWN
    headers: Mapping[str, str] | None = None
    incident: str | None = None
    keeps_work: bool = False

    @classmethod
    def of(cls, kind: Kind, field: str, reason: str, **more: Any) -> "Problem":
        """A problem with a single fault."""
        return cls(kind=kind, faults=[Fault(field=field, reason=reason)], **more)

    def answer(self) -> JSONResponse:
        """The HTTP answer."""
        status, title = CATALOGUE[self.kind]
        body = ProblemDetails(
            type=f"urn:suifang:problem:{self.kind.value}",
            title=title,
            status=status,
            code=self.kind.value,
            detail="; ".join(f"{fault.field}: {fault.reason}" for fault in self.faults),
            field=self.faults[0].field,
            reason=self.faults[0].reason,
            errors=list(self.faults),
            reasons=list(self.reasons) if self.reasons is not None else None,
            incident=self.incident,
        )
        return JSONResponse(
            body.model_dump(exclude_none=True), status, headers=dict(self.headers or {}), media_type=MEDIA_TYPE
        )


def problems(*kinds: Kind) -> Responses:
    """What a route declares as `responses`: the kinds of problem it may answer with."""
    return {_DECLARED: {"kinds": kinds}}


def documented(responses: Responses, common: Iterable[Kind]) -> Responses:
    """OpenAPI's responses: the declared kinds and the common ones, gathered by status."""
    found = {status: response for status, response in responses.items() if status != _DECLARED}
    kinds: list[Kind] = [*responses.get(_DECLARED, {}).get("kinds", ()), *common]
    for kind in sorted(set(kinds), key=list(Kind).index):
        status, title = CATALOGUE[kind]
        response = found.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": {"oneOf": []}}}})
        response["description"] = "; ".join(part for part in (response["description"], title) if part)
        response["content"][MEDIA_TYPE]["schema"]["oneOf"].append({"$ref": f"#/components/schemas/{schema_name(kind)}"})
    return found


def schema_name(kind: Kind) -> str:
    """The name of a kind's schema: UnknownPatientProblem."""
    return "".join(part.capitalize() for part in kind.value.split("_")) + "Problem"


def schemas() -> dict[str, Any]:
    """OpenAPI's component schemas of all kinds."""
    details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = {**details.pop("$defs"), "ProblemDetails": details}
    for kind, (status, title) in CATALOGUE.items():
        found[schema_name(kind)] = {
            "title": schema_name(kind),
            "description": title,
            "allOf": [{"$ref": "#/components/schemas/ProblemDetails"}],
            "type": "object",
            "properties": {
                "code": {"type": "string", "const": kind.value},
                "status": {"type": "integer", "const": status},
            },
            "required": ["code", "status"],
        }
    return found
