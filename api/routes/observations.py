"""Results of a patient: entered by hand or sent by a device, read as a list, a trend, classes, versions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints, model_validator

from api import found
from api.edge import Route, Work
from api.fields import Ask, Id, Instant, Limit, Line
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Fault, Kind, Problem, problems
from api.result_answers import (
    ClassesAnswer,
    ConceptAnswer,
    ConceptRangeAnswer,
    ConceptsAnswer,
    EnteredAnswer,
    KeptAnswer,
    RaisedAnswer,
    ResultAnswer,
    ResultsPageAnswer,
    TrendsAnswer,
    VersionsAnswer,
    class_answer,
    control_answer,
    result_answer,
    trend_answer,
)
from api.wiring import wiring_of
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from db.result_control import classes_of, control_of
from db.result_trends import marked, trend_of
from db.unit_of_work import UnitOfWork
from followup.alerts import AlertState
from followup.events import DomainEvent, EventKind
from interop.results import SentResult, Unplaced, placed, take_results
from runtime.content.library import Content
from runtime.identifiers import new_id

router = APIRouter(tags=["results"], route_class=Route)

_SLACK = timedelta(minutes=5)  # a device's clock may be a little ahead

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9T:.+Z-]{10,40}_[0-9a-f-]{36}$")]


class MeasuredAsk(Ask):
    """One value; without a unit it is in the concept's own."""

    code: Code
    value: Annotated[float | str, Field(union_mode="left_to_right")]
    unit: Annotated[str, StringConstraints(max_length=40)] = ""

    @model_validator(mode="after")
    def _short(self) -> Self:
        if isinstance(self.value, str) and not 0 < len(self.value.strip()) <= 200:
            raise ValueError("value: a number, or a finding in at most 200 characters")
        return self


class ObservationsAsk(Ask):
    """What was measured at one instant. A device sends its own key; the same key of the same device is the same."""

    taken_at: Instant
    setting: Literal[Setting.OFFICE, Setting.HOME, Setting.DEVICE, Setting.TOLD]
    device: Annotated[str | None, StringConstraints(pattern=r"^[\w .:-]{1,60}$")] = None
    key: Annotated[str | None, StringConstraints(min_length=1, max_length=120)] = None
    encounter_id: Id | None = None
    results: Annotated[list[MeasuredAsk], Field(min_length=1, max_length=40)]

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.setting is Setting.DEVICE) != (self.device is not None):
            raise ValueError("device: a device names itself, and nothing else does")
        codes = [each.code for each in self.results]
        if len(set(codes)) != len(codes):
            raise ValueError("results: a code stands there twice; send two requests with an instant each")
        return self


class WithdrawAsk(Ask):
    """Why a result was an error."""

    reason: Line


@router.get("/concepts")
def list_concepts(caller: Everybody, request: Request) -> ConceptsAnswer:  # noqa: ARG001
    """What is measured, with units, limits and usual ranges."""
    content = wiring_of(request).content
    panels = content.observations.panels
    return ConceptsAnswer(
        concepts=[
            ConceptAnswer(
                code=each.code,
                name_zh=each.names["zh"],
                name_en=each.names["en"],
                panel=each.panel,
                panel_zh=panels[each.panel].zh,
                panel_en=panels[each.panel].en,
                loinc=each.loinc,
                unit=each.unit,
                decimals=each.decimals,
                lowest=each.lowest,
                highest=each.highest,
                ranges=[ConceptRangeAnswer.model_validate(span) for span in each.ranges],
            )
            for each in content.concepts.values()
        ]
    )


@router.post(
    "/patients/{patient_id}/observations",
    status_code=201,
    responses=problems(Kind.UNKNOWN_PATIENT, Kind.UNKNOWN_ENCOUNTER),
)
def enter_observations(
    patient_id: Id, ask: ObservationsAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> EnteredAnswer:
    """Keep what was measured; alerts are raised at once, contacts follow by the rules of the patient's plans."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    if ask.taken_at > uow.now + _SLACK:
        raise Problem.of(Kind.INVALID_REQUEST, "taken_at", "lies in the future; set the clock of the device right")
    if ask.encounter_id is not None and found.encounter(uow, ask.encounter_id).patient_id != patient.id:
        raise Problem.of(Kind.INVALID_REQUEST, "encounter_id", "is another patient's visit")
    sent = _sent(ask, patient, content, caller.user_id)
    _refuse_unplaced(content, sent, uow.now)
    taken = take_results(uow, content, sent)
    uow.audit.note(
        user_id=caller.user_id,
        action="results_entered",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
        detail={"codes": [each.code for each in ask.results], "setting": ask.setting.value},
    )
    return EnteredAnswer(
        results=[
            KeptAnswer(outcome=put.outcome, result=result_answer(content, marked(content.concepts[put.observation.code],
                                                                           put.observation, patient)))
            for each in taken
            for put in each.puts
        ],
        open_alerts=[
            RaisedAnswer.model_validate(alert)
            for alert in uow.alerts.of_patient(patient.id)
            if alert.state is not AlertState.CLOSED
        ],
    )  # fmt: skip


@router.get("/patients/{patient_id}/results", responses=problems(Kind.UNKNOWN_PATIENT))
def list_results(
    patient_id: Id,
    caller: CareTeam,
    request: Request,
    uow: Work,
    code: Annotated[list[Code] | None, Query(max_length=40)] = None,
    before: Cursor = None,
    limit: Limit = 100,
) -> ResultsPageAnswer:
    """A patient's results that count, newest first."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    rows = uow.observations.page(patient.id, codes=code or (), before=_cursor(before), limit=limit + 1)
    page = [each for each in rows[:limit] if each.code in content.concepts]
    _viewed(uow, caller.user_id, patient)
    last = rows[limit - 1] if len(rows) > limit else None
    return ResultsPageAnswer(
        results=[result_answer(content, marked(content.concepts[each.code], each, patient)) for each in page],
        next=f"{last.taken_at.isoformat()}_{last.id}".replace("+00:00", "Z") if last is not None else None,
    )


@router.get("/patients/{patient_id}/trends", responses=problems(Kind.UNKNOWN_PATIENT))
def show_trends(
    patient_id: Id,
    code: Annotated[list[Code], Query(min_length=1, max_length=12)],
    caller: CareTeam,
    request: Request,
    uow: Work,
    since: Annotated[Instant | None, Query()] = None,
    until: Annotated[Instant | None, Query()] = None,
) -> TrendsAnswer:
    """Concepts over the years, each in one unit on one axis."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    unknown = sorted(set(code) - set(content.concepts))
    if unknown:
        raise Problem.of(
            Kind.INVALID_REQUEST, "code", f"nothing is called {', '.join(unknown)}; GET /api/v1/concepts lists all"
        )
    _viewed(uow, caller.user_id, patient)
    return TrendsAnswer(
        trends=[
            trend_answer(content, trend_of(uow, content, patient, each, since=since, until=until))
            for each in dict.fromkeys(code)
        ]
    )


@router.get("/patients/{patient_id}/result-classes", responses=problems(Kind.UNKNOWN_PATIENT))
def show_classes(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> ClassesAnswer:
    """Classes of the newest weight, waist, blood pressure and glucose, and control under every rule set."""
    patient = found.patient(uow, patient_id)
    content = wiring_of(request).content
    _viewed(uow, caller.user_id, patient)
    return ClassesAnswer(
        classes=[class_answer(each) for each in classes_of(uow, content, patient)],
        control=[control_answer(each) for each in control_of(uow, content, patient)],
    )


@router.get("/results/{observation_id}/versions", responses=problems(Kind.UNKNOWN_RESULT, Kind.UNKNOWN_PATIENT))
def list_result_versions(observation_id: Id, caller: CareTeam, request: Request, uow: Work) -> VersionsAnswer:
    """Every version of a result, oldest first: what was sent before it was corrected."""
    observation = _observation(uow, observation_id)
    patient = found.patient(uow, observation.patient_id)
    _viewed(uow, caller.user_id, patient)
    content = wiring_of(request).content
    return VersionsAnswer(
        versions=[
            result_answer(content, marked(content.concepts[each.code], each, patient))
            for each in uow.observations.versions_of(observation.id)
            if each.code in content.concepts
        ]
    )


@router.post(
    "/results/{observation_id}/withdraw",
    responses=problems(Kind.UNKNOWN_RESULT, Kind.UNKNOWN_PATIENT, Kind.NOT_POSSIBLE_NOW),
)
def withdraw_result(
    observation_id: Id, ask: WithdrawAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> ResultAnswer:
    """Take back a result that was an error: it counts no more, and stays in its versions with the reason."""
    observation = _observation(uow, observation_id)
    patient = found.patient(uow, observation.patient_id)
    if observation.superseded_at is not None or observation.status is ObservationStatus.ENTERED_IN_ERROR:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "observation_id", "this version counts no more; take back the newest of its versions"
        )
    put = uow.observations.withdraw(observation, by=caller.user_id, reason=ask.reason, now=uow.now)
    uow.emit(DomainEvent(kind=EventKind.RECORD_CHANGED, subject=patient.id))
    uow.audit.note(
        user_id=caller.user_id,
        action="result_withdrawn",
        subject_kind="result",
        subject=observation.id,
        patient_id=patient.id,
        detail={"reason": ask.reason},
    )
    content = wiring_of(request).content
    return result_answer(content, marked(content.concepts[observation.code], put.observation, patient))


def _sent(ask: ObservationsAsk, patient: Patient, content: Content, user_id: str) -> list[SentResult]:
    source = f"device:{ask.device}" if ask.device is not None else f"hand:{user_id}"
    # A device that sends a measurement again means the same one; two typed by hand are two.
    key = ask.key or (f"{patient.id}:{ask.taken_at.isoformat()}" if ask.device is not None else new_id())
    return [
        SentResult(
            patient_id=patient.id,
            source=source,
            source_key=f"{key}:{each.code}",
            code=each.code,
            value=each.value if isinstance(each.value, str) else f"{each.value!r}",
            unit=each.unit or (content.concepts[each.code].unit if each.code in content.concepts else ""),
            taken_at=ask.taken_at,
            setting=ask.setting,
            encounter_id=ask.encounter_id,
            recorded_by=user_id,
        )
        for each in ask.results
    ]


def _refuse_unplaced(content: Content, sent: Sequence[SentResult], now: datetime) -> None:
    """A problem naming every value that cannot be kept: whoever typed it is still there to set it right."""
    faults: list[Fault] = []
    for place, each in enumerate(sent):
        field = f"results[{place}]"
        if each.code not in content.concepts:
            reason = f"nothing is called {each.code}; GET /api/v1/concepts lists all"
            faults.append(Fault(field=f"{field}.code", reason=reason))
            continue
        made = placed(content, each, {}, now)
        if isinstance(made, Unplaced):
            faults.append(Fault(field=f"{field}.value", reason=made.detail or made.reason.value))
    if faults:
        raise Problem(kind=Kind.INVALID_REQUEST, faults=faults)


def _observation(uow: UnitOfWork, observation_id: str) -> Observation:
    observation = uow.observations.get(observation_id)
    if observation is None:
        raise Problem.of(
            Kind.UNKNOWN_RESULT,
            "observation_id",
            "there is no such result; GET /api/v1/patients/{patient_id}/results lists a patient's",
        )
    return observation


def _cursor(before: str | None) -> tuple[datetime, str] | None:
    if before is None:
        return None
    at, _, observation_id = before.rpartition("_")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Problem.of(Kind.INVALID_REQUEST, "before", "is not what `next` of the page before said")
    return instant, observation_id


def _viewed(uow: UnitOfWork, user_id: str, patient: Patient) -> None:
    uow.audit.note(
        user_id=user_id, action="results_viewed", subject_kind="patient", subject=patient.id, patient_id=patient.id
    )
