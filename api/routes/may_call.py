"""May we call? What the gate says of a task, why, and when it will go; and the hours that a patient asked for."""

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.gate_words import WORDS
from api.permissions import CareTeam
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from care.consent import Purpose
from care.patients import Patient
from db.callees import opening_for
from db.gate import Gate
from db.objections import written_spans
from db.unit_of_work import UnitOfWork
from followup.calling_hours import EVERY_DAY, CallingHours, OwnHours
from followup.dialing_rules import GateReason, possible_at

router = APIRouter(tags=["may we call"], route_class=Route)


class ReasonAnswer(Answer):
    """One reason why not: its code, the field of the record it is about, and what helps, in words."""

    code: GateReason
    field: str
    zh: str
    en: str


class MayCallAnswer(Answer):
    """The verdict of this moment. `possible_at`: when it will go by itself; empty where a person has to act."""

    task_id: str
    allowed: bool
    reasons: list[ReasonAnswer]
    lifted: list[GateReason]
    possible_at: Instant | None
    profile: str
    profile_status: str
    recorded: bool  # the call would be recorded, and says so


class SpanFields(Ask):
    """A span of local time on some weekdays (1 is Monday)."""

    start: time
    end: time
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1)] = EVERY_DAY


class OwnHoursAsk(Ask):
    """When the patient wants to be rung, in his own zone. `wish`: he said so himself, and custom gives way to it."""

    spans: Annotated[tuple[SpanFields, ...], Field(min_length=1, max_length=14)]
    wish: bool = False
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class SpanAnswer(Answer):
    """A span of local time."""

    start: time
    end: time
    weekdays: list[int]


class OwnHoursAnswer(Answer):
    """The hours a patient asked for; no spans: he asked for none. `next_opening`: as things stand, for his care."""

    patient_id: str
    spans: list[SpanAnswer]
    wish: bool
    next_opening: Instant | None


@router.get("/tasks/{task_id}/may-call", responses=problems(Kind.UNKNOWN_TASK))
def may_call(task_id: Id, caller: CareTeam, request: Request, uow: Work) -> MayCallAnswer:  # noqa: ARG001
    """Ask the gate about a task, without calling."""
    task = found.task(uow, task_id)
    gate = wiring_of(request).gate
    patient = found.patient(uow, task.patient_id)
    answer = gate.ask(uow, task, patient.best_number(), now=uow.now)
    return MayCallAnswer(
        task_id=task.id,
        allowed=answer.verdict.allowed,
        reasons=[
            ReasonAnswer(code=reason, field=WORDS[reason].field, zh=WORDS[reason].zh, en=WORDS[reason].en)
            for reason in answer.verdict.reasons
        ],
        lifted=list(answer.verdict.lifted),
        possible_at=possible_at(answer.verdict, answer.facts, gate.profile, uow.now),
        profile=f"{gate.profile.id}/{gate.profile.version}",
        profile_status=gate.profile.status,
        recorded=gate.profile.records(answer.facts.recording),
    )


@router.get("/patients/{patient_id}/own-hours", responses=problems(Kind.UNKNOWN_PATIENT))
def read_own_hours(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> OwnHoursAnswer:
    """The hours a patient asked for."""
    patient = found.patient(uow, patient_id)
    _audit(uow, caller, "own_hours_viewed", patient)
    return _answer(uow, patient, uow.objections.own_hours(patient.id), wiring_of(request).gate)


@router.put("/patients/{patient_id}/own-hours", responses=problems(Kind.UNKNOWN_PATIENT))
def put_own_hours(patient_id: Id, ask: OwnHoursAsk, caller: CareTeam, request: Request, uow: Work) -> OwnHoursAnswer:
    """Save the hours a patient asked for: they narrow the hospital's, and with his wish go as far as the law does."""
    patient = found.patient(uow, patient_id)
    for place, span in enumerate(ask.spans):
        if span.start >= span.end:
            raise Problem.of(
                Kind.INVALID_REQUEST, f"spans.{place}.end", "must be after start; write two spans over midnight"
            )
    hours = OwnHours(
        spans=tuple(CallingHours(start=s.start, end=s.end, weekdays=s.weekdays) for s in ask.spans), wish=ask.wish
    )
    answer = _answer(uow, patient, hours, wiring_of(request).gate)
    if answer.next_opening is None:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "spans",
            "leave no time in which he may be called: they lie outside the calling hours. Ask him for others"
            + ("" if ask.wish else ", or send wish=true if he asked for these himself"),
        )
    uow.objections.put_own_hours(patient.id, hours, source=ask.source, by=caller.user_id, now=uow.now)
    detail = {"spans": written_spans(hours), "wish": hours.wish, "source": ask.source}
    _audit(uow, caller, "own_hours_changed", patient, detail)
    uow.outbox.wake()
    return answer


@router.delete("/patients/{patient_id}/own-hours", responses=problems(Kind.UNKNOWN_PATIENT))
def drop_own_hours(patient_id: Id, caller: CareTeam, request: Request, uow: Work) -> OwnHoursAnswer:
    """The patient asks for no hours of his own any more."""
    patient = found.patient(uow, patient_id)
    if uow.objections.drop_own_hours(patient.id):
        _audit(uow, caller, "own_hours_dropped", patient)
        uow.outbox.wake()
    return _answer(uow, patient, None, wiring_of(request).gate)


def _answer(uow: UnitOfWork, patient: Patient, hours: OwnHours | None, gate: Gate) -> OwnHoursAnswer:
    opening = opening_for(uow, patient, Purpose.CARE, uow.now, profile=gate.profile, region=gate.calendar_region)
    return OwnHoursAnswer(
        patient_id=patient.id,
        spans=[
            SpanAnswer(start=span.start, end=span.end, weekdays=sorted(span.weekdays))
            for span in (hours.spans if hours else ())
        ],
        wish=hours is not None and hours.wish,
        next_opening=opening,
    )


def _audit(
    uow: UnitOfWork, caller: Caller, action: str, patient: Patient, detail: dict[str, object] | None = None
) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
        detail=detail,
    )
