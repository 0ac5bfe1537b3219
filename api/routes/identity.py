"""Who answered a call: the checks he passes, the relative whom the patient lets hear, and what each may be told."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AgentCommanding, AgentOnly, Overseers
from api.person_answers import PersonAnswer, person_answer
from api.problems import Kind, Problem, problems
from api.speakers import Asked, asked_of, on_the_line
from api.wiring import wiring_of
from care.patients import Patient
from care.relatives import Matter, Relative, Speaker
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt, AttemptState
from followup.identity import (
    FAILURES_LIMIT,
    IDENTITY_FAILED,
    IDENTITY_NOTE,
    CheckedIdentity,
    IdentityCheck,
)
from followup.plans import Task
from runtime.content.scripts import ScriptLine
from runtime.identifiers import new_id

router = APIRouter(tags=["identity"], route_class=Route)

_OTHER_WORDS = {"born": IdentityCheck.BORN_MONTH_DAY, "id_number": IdentityCheck.ID_DIGITS}
Fact = Literal[
    "name",
    "born",
    "born_month_day",
    "age",
    "discharge_month",
    "ward",
    "record_number",
    "address",
    "id_digits",
    "id_number",
]


class IdentityAsk(Ask):
    """Who is on the line, and which facts he said by himself: rightly (`identifiers`) and wrongly (`failed`)."""

    person: Literal["patient", "proxy"]
    identifiers: Annotated[set[Fact], Field(max_length=10)]
    failed: Annotated[set[Fact], Field(max_length=10, default_factory=set)]
    relative_id: Id | None = None


class CheckedAnswer(Answer):
    """One round of checks."""

    person: str
    relative_id: str | None
    rule: str
    passed: list[str]
    failed: list[str]
    enough: bool
    by: str
    at: Instant


class NeededAnswer(Answer):
    """What whoever answers has to say: all of `every`, and `count` of `some`; and the rounds so far."""

    rule: str
    risk: str
    every: list[IdentityCheck]
    some: list[IdentityCheck]
    count: int
    failures: int
    speaker: Speaker
    may_be_told: list[Matter]
    compare: dict[IdentityCheck, str]  # what a right answer sounds like; it is heard, never read out
    rounds: list[CheckedAnswer]


class IdentityAnswer(PersonAnswer):
    """The patient, still masked if too little was right, and what may be said now."""

    confirmed: bool
    failures: int
    close_neutrally: bool  # too many wrong answers: say `say`, nothing else, and end the call
    say: ScriptLine | None
    speaker: Speaker
    may_be_told: list[Matter]


class RuleAsk(Ask):
    """The rule by which a queue's patients are asked who they are."""

    rule: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class RuleAnswer(Answer):
    """A queue's rule."""

    queue_id: str
    rule: str


@router.get("/attempts/{attempt_id}/identity", responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS))
def read_identity(attempt_id: Id, caller: AgentOnly, request: Request, uow: Work) -> NeededAnswer:
    """What to ask before anything is said, and what was answered so far."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    asked = asked_now(uow, request, attempt, caller)
    line = on_the_line(uow, attempt)
    rounds = uow.identity.of_attempt(attempt.id)
    return NeededAnswer(
        rule=f"{asked.rule.id}/{asked.rule.version}",
        risk=asked.risk,
        every=sorted(asked.needed.every),
        some=sorted(asked.needed.some),
        count=asked.needed.count,
        failures=sum(not each.enough for each in rounds),
        speaker=line.speaker,
        may_be_told=sorted(line.matters),
        compare=_right_answers(uow, found.patient(uow, attempt.patient_id), asked),
        rounds=[CheckedAnswer.model_validate(each) for each in rounds],
    )


@router.post(
    "/attempts/{attempt_id}/identity",
    responses=problems(
        Kind.UNKNOWN_ATTEMPT, Kind.UNKNOWN_RELATIVE, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW, Kind.INVALID_REQUEST
    ),
)
def check_identity(
    attempt_id: Id, ask: IdentityAsk, caller: AgentCommanding, request: Request, uow: Work
) -> IdentityAnswer:
    """The one on the line said who he is: enough right facts open the record, twice wrong ends it in neutral words."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    somebody_is_there(attempt)
    failures = failures_of(uow, attempt)
    if failures >= FAILURES_LIMIT:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "identifiers",
            f"he failed {failures} times to say who he is: close in neutral words, open no record",
        )
    relative = _relative(uow, ask.relative_id, attempt) if ask.relative_id is not None else None
    asked = asked_now(uow, request, attempt, caller)
    passed, failed = _checks(ask.identifiers), _checks(ask.failed)
    enough = asked.needed.met_by(passed - failed)
    if not enough and not failed:
        raise Problem.of(
            Kind.INVALID_REQUEST,
            "identifiers",
            f"ask for {asked.needed.missing(passed)} as well; a wrong answer goes into failed",
        )
    note_round(
        uow,
        attempt,
        asked,
        person="relative" if ask.person == "proxy" else "patient",
        relative=relative,
        passed=passed - failed,
        failed=failed,
        enough=enough,
        by=caller.user_id,
    )
    if enough:
        attempt.identity_confirmed_at = attempt.identity_confirmed_at or uow.now
    elif failures + 1 >= FAILURES_LIMIT:
        task = found.task_for_update(uow, attempt.task_id)
        task.variables = {**task.variables, IDENTITY_NOTE: IDENTITY_FAILED}
    uow.flush()
    return _identity_answer(uow, request, attempt)


@router.put("/queues/{queue_id}/identity-rule", responses=problems(Kind.UNKNOWN_QUEUE, Kind.INVALID_REQUEST))
def set_queue_rule(queue_id: Id, ask: RuleAsk, caller: Overseers, request: Request, uow: Work) -> RuleAnswer:
    """Choose the rule of a queue; `default` asks for no digits of an identity card."""
    queue = found.queue(uow, queue_id)
    rules = wiring_of(request).content.identity_rules
    if ask.rule not in rules:
        raise Problem.of(Kind.INVALID_REQUEST, "rule", f"there is no such rule; use one of {', '.join(sorted(rules))}")
    uow.identity.set_rule(queue.id, ask.rule, by=caller.user_id, at=uow.now)
    uow.audit.note(user_id=caller.user_id, action="identity_rule_set", subject_kind="queue", subject=queue.id)
    return RuleAnswer(queue_id=queue.id, rule=ask.rule)


def failures_of(uow: UnitOfWork, attempt: Attempt) -> int:
    """How many rounds on this attempt were not enough."""
    return sum(not each.enough for each in uow.identity.of_attempt(attempt.id))


def note_round(
    uow: UnitOfWork,
    attempt: Attempt,
    asked: Asked,
    *,
    person: str,
    relative: Relative | None,
    passed: set[IdentityCheck],
    failed: set[IdentityCheck],
    enough: bool,
    by: str,
) -> None:
    """Keep one round of checks with who made it and when."""
    uow.identity.note(
        CheckedIdentity(
            id=new_id(),
            attempt_id=attempt.id,
            patient_id=attempt.patient_id,
            person=person,
            relative_id=relative.id if relative else None,
            rule=f"{asked.rule.id}/{asked.rule.version}",
            passed=sorted(passed),
            failed=sorted(failed),
            enough=enough,
            by=by,
            at=uow.now,
        )
    )
    uow.audit.note(
        user_id=by,
        action="identity_confirmed" if enough else "identity_failed",
        subject_kind="attempt",
        subject=attempt.id,
        patient_id=attempt.patient_id,
        detail={"person": person, "identifiers": sorted(passed), "failed": sorted(failed)},
    )


def _right_answers(uow: UnitOfWork, patient: Patient, asked: Asked) -> dict[IdentityCheck, str]:
    today = uow.now.astimezone(ZoneInfo(patient.zone)).date()
    discharges = [each for each in uow.patients.encounters_of(patient.id) if each.kind == "discharge"]
    right: dict[IdentityCheck, str] = {}
    if patient.born is not None:
        before_birthday = (today.month, today.day) < (patient.born.month, patient.born.day)
        right[IdentityCheck.BORN_MONTH_DAY] = f"{patient.born:%m-%d}"
        right[IdentityCheck.AGE] = str(today.year - patient.born.year - before_birthday)
    if discharges:
        right[IdentityCheck.DISCHARGE_MONTH] = f"{discharges[0].occurred_at.astimezone(ZoneInfo(patient.zone)):%Y-%m}"
        if discharges[0].ward:
            right[IdentityCheck.WARD] = discharges[0].ward
    wanted = asked.needed.every | asked.needed.some
    return {check: value for check, value in right.items() if check in wanted}


def _identity_answer(uow: UnitOfWork, request: Request, attempt: Attempt) -> IdentityAnswer:
    failures = failures_of(uow, attempt)
    line = on_the_line(uow, attempt)
    close = failures >= FAILURES_LIMIT and line.speaker is Speaker.UNKNOWN
    opening = wiring_of(request).content.scripts["opening"]
    person = person_answer(found.patient(uow, attempt.patient_id), attempt)
    return IdentityAnswer(
        **person.model_dump(),
        confirmed=attempt.identity_confirmed_at is not None,
        failures=failures,
        close_neutrally=close,
        say=next((each for each in opening.lines if each.key == "somebody_else"), None) if close else None,
        speaker=line.speaker,
        may_be_told=sorted(line.matters),
    )


def asked_now(uow: UnitOfWork, request: Request, attempt: Attempt, caller: Caller) -> Asked:
    """What is asked of whoever answers this attempt now."""
    task: Task = found.task(uow, attempt.task_id)
    patient = found.patient(uow, attempt.patient_id)
    return asked_of(uow, wiring_of(request).content, attempt, task, patient, caller.user_id)


def _checks(facts: set[Fact]) -> set[IdentityCheck]:
    return {_OTHER_WORDS[fact] if fact in _OTHER_WORDS else IdentityCheck(fact) for fact in facts}


def somebody_is_there(attempt: Attempt) -> None:
    """Nobody is checked, and nothing is said, before somebody answered."""
    if attempt.state not in (AttemptState.IN_CALL, AttemptState.WRAP_UP):
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "state", f"the attempt is {attempt.state.value}: nobody is on the line")


def _relative(uow: UnitOfWork, relative_id: str, attempt: Attempt) -> Relative:
    relative = uow.relatives.get(relative_id)
    if relative is None or relative.patient_id != attempt.patient_id:
        raise no_relative()
    return relative


def no_relative() -> Problem:
    """There is no such relative."""
    return Problem.of(
        Kind.UNKNOWN_RELATIVE, "relative_id", "there is none; GET /api/v1/patients/{patient_id}/relatives lists them"
    )
