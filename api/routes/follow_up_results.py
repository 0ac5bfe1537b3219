"""Results that change plans, and by which rule set the hospital goes from which day on."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints

from api import found
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant
from api.permissions import AdminCommanding, CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.routes.plan_changes import Reason
from api.wiring import wiring_of
from db.alert_raising import raise_alerts
from followup.follow_up_rules import ContactWay, Control, FollowUpRules, RuleChoice
from scheduler.results import record_result

router = APIRouter(tags=["plans"], route_class=Route)

Item = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
AnswerValue = bool | int | float | Annotated[str, StringConstraints(max_length=200)]


class ResultAsk(Ask):
    """What was measured or told, by the link ids of the forms: systolic, diastolic, glucose, headache …"""

    taken_at: Instant
    way: ContactWay
    answers: Annotated[dict[Item, AnswerValue], Field(min_length=1, max_length=50)]


class ResultAnswer(Answer):
    """A result with its class, and the rule set by which it got it. No class: the answers did not say enough."""

    id: str
    patient_id: str
    plan_id: str
    task_id: str | None
    topic: str
    taken_at: Instant
    way: ContactWay
    answers: dict[str, object]
    rule_set: str
    rules: str
    control: Control | None
    because: list[str]
    tag: str | None
    recorded_by: str | None
    recorded_at: Instant


class ResultsAnswer(Answer):
    """A patient's results of an illness, newest first, and how often he was seen or heard in the year asked for."""

    results: list[ResultAnswer]
    year: int
    counts: dict[ContactWay, int]  # a call is no face-to-face contact


class RulesAnswer(Answer):
    """A rule set for an illness."""

    id: str
    version: int
    status: str
    source: str
    rule_set: str
    topic: str
    effective_from: date
    chosen_by_default: bool


class ChoiceAnswer(Answer):
    """From a day on the hospital goes by this rule set."""

    topic: str
    rule_set: str
    effective_from: date


class AllRulesAnswer(Answer):
    """Every rule set, and the hospital's choices."""

    rules: list[RulesAnswer]
    choices: list[ChoiceAnswer]


class ChoiceAsk(Ask):
    """Go by another rule set from a day on; readings before it keep their class."""

    topic: Annotated[str, StringConstraints(max_length=64)]
    rule_set: Annotated[str, StringConstraints(max_length=64)]
    effective_from: date
    reason: Reason


@router.post("/plans/{plan_id}/results", status_code=201, responses=problems(Kind.UNKNOWN_PLAN, Kind.PLAN_NOT_POSSIBLE))
def enter_result(plan_id: Id, ask: ResultAsk, caller: CareTeamCommanding, request: Request, uow: Work) -> ResultAnswer:
    """Enter a result that was taken elsewhere; alerts are raised and contacts planned by it at once."""
    plan = found.plan_for_update(uow, plan_id)
    if ask.taken_at > uow.now:
        raise Problem.of(Kind.INVALID_REQUEST, "taken_at", "lies in the future")
    wiring = wiring_of(request)
    result = record_result(
        uow,
        plan,
        answers=ask.answers,
        taken_at=ask.taken_at,
        way=ask.way,
        by=caller.user_id,
        task=None,
        content=wiring.content,
        time=wiring.time,
        now=uow.now,
    )
    raise_alerts(uow, wiring.content, form="", answers=ask.answers, earlier=(), patient_id=plan.patient_id)
    uow.audit.note(
        user_id=caller.user_id,
        action="result_entered",
        subject_kind="plan",
        subject=plan.id,
        patient_id=plan.patient_id,
        detail={"result": result.id},
    )
    return ResultAnswer.model_validate(result)


@router.get("/patients/{patient_id}/follow-up-results", responses=problems(Kind.UNKNOWN_PATIENT))
def list_follow_up_results(
    patient_id: Id,
    topic: Annotated[str, Query(pattern="^[a-z_]{1,64}$")],
    caller: CareTeam,
    request: Request,
    uow: Work,
    year: Annotated[int | None, Query(ge=1900, le=2200)] = None,
) -> ResultsAnswer:
    """A patient's results of an illness, and how often he was seen, visited or called in a year of the hospital."""
    patient = found.patient(uow, patient_id)
    zone = wiring_of(request).zone
    wanted = year or uow.now.astimezone(zone).year
    uow.audit.note(
        user_id=caller.user_id,
        action="results_viewed",
        subject_kind="patient",
        subject=patient.id,
        patient_id=patient.id,
    )
    return ResultsAnswer(
        results=[ResultAnswer.model_validate(result) for result in uow.plan_records.results_of(patient.id, topic)],
        year=wanted,
        counts=uow.plan_records.counts(
            patient.id,
            topic,
            since=datetime(wanted, 1, 1, tzinfo=zone),
            until=datetime(wanted + 1, 1, 1, tzinfo=zone),
        ),
    )


@router.get("/follow-up-rules")
def list_rules(caller: Everybody, request: Request, uow: Work) -> AllRulesAnswer:  # noqa: ARG001
    """The rule sets that there are, and by which the hospital goes."""
    known = wiring_of(request).content.follow_up_rules
    return AllRulesAnswer(
        rules=[_rules(known[key]) for key in sorted(known)],
        choices=[ChoiceAnswer.model_validate(choice) for choice in uow.plan_records.rule_choices()],
    )


@router.post("/follow-up-rules/choices", status_code=201)
def choose_rule_set(ask: ChoiceAsk, caller: AdminCommanding, request: Request, uow: Work) -> ChoiceAnswer:
    """Go by another rule set from a day on."""
    known = wiring_of(request).content.follow_up_rules.values()
    sets = sorted({rules.rule_set for rules in known if rules.topic == ask.topic})
    if ask.rule_set not in sets:
        raise Problem.of(
            Kind.INVALID_REQUEST, "rule_set", f"{ask.topic} has {', '.join(sets) or 'no rules'}: choose one of these"
        )
    choice = RuleChoice(topic=ask.topic, rule_set=ask.rule_set, effective_from=ask.effective_from)
    uow.plan_records.choose_rules(choice, reason=ask.reason, by=caller.user_id, at=uow.now)
    uow.audit.note(
        user_id=caller.user_id,
        action="rules_chosen",
        subject_kind="follow_up_rules",
        subject=f"{ask.topic}/{ask.rule_set}"[:64],
        detail={"from": ask.effective_from.isoformat(), "reason": ask.reason},
    )
    return ChoiceAnswer.model_validate(choice)


def _rules(rules: FollowUpRules) -> RulesAnswer:
    return RulesAnswer(
        id=rules.id,
        version=rules.version,
        status=rules.status,
        source=" ".join(rules.source.split()),
        rule_set=rules.rule_set,
        topic=rules.topic,
        effective_from=rules.effective_from,
        chosen_by_default=rules.chosen_by_default,
    )
