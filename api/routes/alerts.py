"""Alerts: signs of danger that were heard or answered, until a person has typed what came of them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit, Words
from api.permissions import CareTeam, CareTeamCommanding, Everybody
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.alert_raising import raise_alert
from db.unit_of_work import UnitOfWork
from followup.alerts import (
    Alert,
    AlertEventKind,
    AlertLevel,
    AlertOutcome,
    AlertSource,
    AlertState,
    AlertTrigger,
    next_alert_state,
)
from followup.attempts import AttemptState
from followup.events import DomainEvent, EventKind
from followup.states import IllegalTransitionError
from runtime.content.documents import Wording
from runtime.content.library import Content
from runtime.identifiers import new_id
from scheduler import held_tasks

router = APIRouter(tags=["alerts"], route_class=Route)

_MOST_COUNTED = 100


class AlertAnswer(Answer):
    """A sign of danger, its clock, and the second of the recording at which it was heard."""

    id: str
    patient_id: str
    attempt_id: str | None
    recording_id: str | None
    task_id: str | None
    response_id: str | None
    department: str
    source: AlertSource
    code: str
    title: Wording | None
    level: AlertLevel
    state: AlertState
    at_second: float
    raised_at: Instant
    due_at: Instant | None
    overdue: bool
    steps_taken: int
    next_step_at: Instant | None
    call_back_task_id: str | None
    acknowledged_by: str | None
    acknowledged_at: Instant | None
    closed_by: str | None
    closed_at: Instant | None
    outcome: AlertOutcome | None
    advice: Wording


class AlertsAnswer(Answer):
    """Alerts, the most urgent first."""

    alerts: list[AlertAnswer]


class AlertStoryLine(Answer):
    """One line of an alert's story."""

    at: Instant
    kind: AlertEventKind
    user_id: str | None
    detail: dict[str, object]


class FullAlertAnswer(AlertAnswer):
    """An alert with what raised it and everything that happened since."""

    evidence: dict[str, object]
    story: list[AlertStoryLine]


class AlertAsk(Ask):
    """What an agent hears and sees as danger."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
    level: AlertLevel
    text: Words
    at_second: Annotated[float, Field(ge=0)] = 0.0


class OutcomeAsk(Ask):
    """What came of an alert, by its kind and in words."""

    outcome: AlertOutcome
    text: Words


class LevelAnswer(Answer):
    """A level with the words for patients; minutes count from when the alert is raised."""

    level: AlertLevel
    title: Wording
    advice: Wording
    acknowledge_within_minutes: float | None
    acknowledge_within_working_days: int | None
    told_after_minutes: list[float]


class OutcomeAnswer(Answer):
    """An outcome that can be typed."""

    outcome: AlertOutcome
    title: Wording


class SignAnswer(Answer):
    """A sign of danger that an agent can name, with what is said to the patient."""

    code: str
    level: AlertLevel
    title: Wording
    advice: Wording


class LevelsAnswer(Answer):
    """Every level, the outcomes that can be typed, and the signs to choose from, the most dangerous first."""

    levels: list[LevelAnswer]
    outcomes: list[OutcomeAnswer]
    signs: list[SignAnswer]


class AlertCountAnswer(Answer):
    """How many alerts nobody has acknowledged, and when the first of them has to be; nothing of any patient."""

    raised: int
    red: int
    due_at: Instant | None


@router.get("/alert-levels")
def list_levels(caller: Everybody, request: Request) -> LevelsAnswer:  # noqa: ARG001
    """What each level demands, and what is said to the patient."""
    document = wiring_of(request).content.alert_levels
    levels = document.levels
    return LevelsAnswer(
        levels=[
            LevelAnswer(
                level=level,
                title=levels[level].title,
                advice=levels[level].advice,
                acknowledge_within_minutes=levels[level].acknowledge_within_minutes,
                acknowledge_within_working_days=levels[level].acknowledge_within_working_days,
                told_after_minutes=[step.after_minutes for step in levels[level].steps],
            )
            for level in AlertLevel
        ],
        outcomes=[OutcomeAnswer(outcome=outcome, title=document.outcomes[outcome]) for outcome in AlertOutcome],
        signs=_signs(wiring_of(request).content),
    )


@router.get("/alert-count")
def count_alerts(caller: CareTeam, uow: Work) -> AlertCountAnswer:
    """How many wait for the caller's departments, for a number beside a bell: it opens no record."""
    alerts = _waiting(uow, caller, unacknowledged=True, limit=_MOST_COUNTED)
    return AlertCountAnswer(
        raised=len(alerts),
        red=sum(alert.level is AlertLevel.RED for alert in alerts),
        due_at=min((alert.due_at for alert in alerts if alert.due_at is not None), default=None),
    )


@router.get("/alerts")
def list_alerts(
    caller: CareTeam, request: Request, uow: Work, state: Literal["raised", "open"] = "raised", limit: Limit = 50
) -> AlertsAnswer:
    """What waits for a person: not acknowledged (`raised`), or without an outcome (`open`).

    An agent with departments sees theirs, one without any and supervisors see all.
    """
    alerts = _waiting(uow, caller, unacknowledged=state == "raised", limit=limit)
    for alert in alerts:
        _audit(uow, caller, "alert_viewed", alert)
    content = wiring_of(request).content
    return AlertsAnswer(alerts=[alert_answer(uow, content, alert) for alert in alerts])


@router.get("/alerts/{alert_id}", responses=problems(Kind.UNKNOWN_ALERT))
def read_alert(alert_id: Id, caller: CareTeam, request: Request, uow: Work) -> FullAlertAnswer:
    """One alert with its story."""
    alert = uow.alerts.get(alert_id)
    if alert is None or not _is_for(uow, caller, alert):
        raise _unknown()
    _audit(uow, caller, "alert_viewed", alert)
    return _full(uow, wiring_of(request).content, alert)


@router.post(
    "/attempts/{attempt_id}/alerts",
    status_code=201,
    responses=problems(Kind.UNKNOWN_ATTEMPT, Kind.NOT_YOURS, Kind.NOT_POSSIBLE_NOW),
)
def press_the_button(
    attempt_id: Id, ask: AlertAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullAlertAnswer:
    """An agent raises an alert in a call or its wrap-up; the answer holds the sentence to say."""
    attempt = found.own_attempt(uow, attempt_id, caller)
    if attempt.state not in (AttemptState.IN_CALL, AttemptState.WRAP_UP):
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "state", f"the attempt is {attempt.state.value}: raise it in the call or wrap-up"
        )
    call = uow.calls.of_attempt(attempt.id)
    recording = uow.recordings.of_call(call.id) if call is not None else None
    alert = Alert(
        id=new_id(),
        patient_id=attempt.patient_id,
        attempt_id=attempt.id,
        recording_id=recording.id if recording is not None else None,
        task_id=attempt.task_id,
        source=AlertSource.PERSON,
        code=ask.code,
        level=ask.level,
        at_second=ask.at_second,
        raised_at=uow.now,
        evidence={"said_by": caller.user_id, "text": ask.text},
    )
    if not raise_alert(uow, alert):
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "code", "this sign was raised in this second already")
    _audit(uow, caller, "alert_raised", alert)
    uow.flush()
    raised = uow.alerts.get(alert.id)
    return _full(uow, wiring_of(request).content, raised or alert)


@router.post("/alerts/{alert_id}/acknowledge", responses=problems(Kind.UNKNOWN_ALERT, Kind.NOT_POSSIBLE_NOW))
def acknowledge(alert_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> FullAlertAnswer:
    """Take care of an alert: its clock stops. Said twice by the same person it is said once."""
    alert = _locked(uow, caller, alert_id)
    if alert.acknowledged_by is not None and alert.acknowledged_by != caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "alert_id", "somebody else takes care of this alert already")
    if alert.acknowledged_by is None:
        _move(uow, caller, alert, AlertTrigger.ACKNOWLEDGE, AlertEventKind.ACKNOWLEDGED)
        alert.acknowledged_by, alert.acknowledged_at = caller.user_id, uow.now
        alert.next_step_at = uow.now + wiring_of(request).content.alert_clocks[alert.level].outcome_within
    return _full(uow, wiring_of(request).content, alert)


@router.post("/alerts/{alert_id}/begin", responses=problems(Kind.UNKNOWN_ALERT, Kind.NOT_POSSIBLE_NOW))
def begin(alert_id: Id, caller: CareTeamCommanding, request: Request, uow: Work) -> FullAlertAnswer:
    """Somebody works on it now."""
    alert = _locked(uow, caller, alert_id)
    if alert.state is not AlertState.IN_PROGRESS:
        _move(uow, caller, alert, AlertTrigger.BEGIN, AlertEventKind.BEGUN)
    return _full(uow, wiring_of(request).content, alert)


@router.post("/alerts/{alert_id}/outcome", responses=problems(Kind.UNKNOWN_ALERT, Kind.NOT_POSSIBLE_NOW))
def type_outcome(
    alert_id: Id, ask: OutcomeAsk, caller: CareTeamCommanding, request: Request, uow: Work
) -> FullAlertAnswer:
    """Say what came of it: the alert is closed, and so are the task it held and a call back nobody needs any more."""
    alert = _locked(uow, caller, alert_id)
    _move(
        uow,
        caller,
        alert,
        AlertTrigger.CLOSE,
        AlertEventKind.CLOSED,
        detail={"outcome": ask.outcome.value, "text": ask.text},
    )
    alert.outcome, alert.closed_by, alert.closed_at = ask.outcome, caller.user_id, uow.now
    alert.next_step_at = None
    held_tasks.settle(uow, alert, wiring_of(request).content)
    return _full(uow, wiring_of(request).content, alert)


def _waiting(uow: UnitOfWork, caller: Caller, *, unacknowledged: bool, limit: int) -> Sequence[Alert]:
    departments = None if caller.oversees else (found.user(uow, caller.user_id).departments or None)
    return uow.alerts.open_ones(departments=departments, unacknowledged=unacknowledged, limit=limit)


def _signs(content: Content) -> list[SignAnswer]:
    order = list(AlertLevel)
    rules = {rule.code: rule for rule in content.answer_alerts if rule.level is not AlertLevel.YELLOW}
    return [
        SignAnswer(
            code=rule.code,
            level=rule.level,
            title=Wording(zh=rule.title["zh"], en=rule.title["en"]),
            advice=_advice(content, rule.advice, rule.level),
        )
        for rule in sorted(rules.values(), key=lambda rule: order.index(rule.level))
    ]


def _advice(content: Content, own: Mapping[str, str] | None, level: AlertLevel) -> Wording:
    advice = own or content.alert_clocks[level].advice
    return Wording(zh=advice["zh"], en=advice["en"])


def alert_answer(uow: UnitOfWork, content: Content, alert: Alert) -> AlertAnswer:
    """An alert with the words of its sign and level."""
    return AlertAnswer(**_shown(uow, content, alert))


def _move(
    uow: UnitOfWork,
    caller: Caller,
    alert: Alert,
    trigger: AlertTrigger,
    kind: AlertEventKind,
    *,
    detail: dict[str, object] | None = None,
) -> None:
    try:
        alert.state = next_alert_state(alert.state, trigger)
    except IllegalTransitionError as error:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "state", f"{error}; first it is acknowledged, and what is closed stays closed"
        ) from error
    uow.alerts.note(alert, kind, at=uow.now, user_id=caller.user_id, detail=detail)
    uow.emit(
        DomainEvent(
            kind=EventKind.ALERT_CHANGED,
            subject=alert.id,
            ids={"patient": alert.patient_id, "level": alert.level.value, "state": alert.state.value},
        )
    )
    _audit(uow, caller, f"alert_{kind.value}", alert)


def _locked(uow: UnitOfWork, caller: Caller, alert_id: str) -> Alert:
    alert = uow.alerts.for_update(alert_id)
    if alert is None or not _is_for(uow, caller, alert):
        raise _unknown()
    return alert


def _is_for(uow: UnitOfWork, caller: Caller, alert: Alert) -> bool:
    own = found.user(uow, caller.user_id).departments
    return caller.oversees or not own or alert.department in ("", *own)


def _unknown() -> Problem:
    return Problem.of(Kind.UNKNOWN_ALERT, "alert_id", "there is no such alert; GET /api/v1/alerts lists the open ones")


def _shown(uow: UnitOfWork, content: Content, alert: Alert) -> dict[str, object]:
    rule = next((rule for rule in content.answer_alerts if rule.code == alert.code), None)
    plain = {name: getattr(alert, name) for name in AlertAnswer.model_fields if hasattr(alert, name)}
    return {
        **plain,
        "title": Wording(zh=rule.title["zh"], en=rule.title["en"]) if rule is not None else None,
        "advice": _advice(content, rule.advice if rule is not None else None, alert.level),
        "overdue": alert.state is AlertState.RAISED and alert.due_at is not None and alert.due_at <= uow.now,
    }


def _full(uow: UnitOfWork, content: Content, alert: Alert) -> FullAlertAnswer:
    uow.flush()
    return FullAlertAnswer(
        **_shown(uow, content, alert),
        evidence=alert.evidence,
        story=[AlertStoryLine.model_validate(line) for line in uow.alerts.story(alert.id)],
    )


def _audit(uow: UnitOfWork, caller: Caller, action: str, alert: Alert) -> None:
    uow.audit.note(
        user_id=caller.user_id,
        action=action,
        subject_kind="alert",
        subject=alert.id,
        patient_id=alert.patient_id,
    )
