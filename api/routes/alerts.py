"""Alerts: signs of danger that were heard, until a person takes care of them."""

from fastapi import APIRouter

from api.edge import Route, Work
from api.fields import Answer, Id, Instant, Limit
from api.permissions import CareTeam, CareTeamCommanding
from api.problems import Kind, Problem, problems
from followup.alerts import AlertLevel

router = APIRouter(tags=["alerts"], route_class=Route)


class AlertAnswer(Answer):
    """A sign of danger, with the second of the recording at which it was heard."""

    id: str
    patient_id: str
    attempt_id: str | None
    recording_id: str | None
    code: str
    level: AlertLevel
    at_second: float
    raised_at: Instant
    acknowledged_by: str | None
    acknowledged_at: Instant | None


class AlertsAnswer(Answer):
    """Alerts that nobody has acknowledged, oldest first."""

    alerts: list[AlertAnswer]


@router.get("/alerts")
def list_alerts(caller: CareTeam, uow: Work, limit: Limit = 50) -> AlertsAnswer:
    """What waits for a person."""
    alerts = uow.alerts.open_ones(unacknowledged=True, limit=limit)
    for alert in alerts:
        uow.audit.note(
            at=uow.now,
            user_id=caller.user_id,
            action="alert_viewed",
            subject_kind="alert",
            subject=alert.id,
            patient_id=alert.patient_id,
        )
    return AlertsAnswer(alerts=[AlertAnswer.model_validate(alert) for alert in alerts])


@router.post("/alerts/{alert_id}/acknowledge", responses=problems(Kind.UNKNOWN_ALERT, Kind.NOT_POSSIBLE_NOW))
def acknowledge(alert_id: Id, caller: CareTeamCommanding, uow: Work) -> AlertAnswer:
    """Take care of an alert."""
    alert = uow.alerts.for_update(alert_id)
    if alert is None:
        raise Problem.of(
            Kind.UNKNOWN_ALERT, "alert_id", "there is no such alert; GET /api/v1/alerts lists the open ones"
        )
    if alert.acknowledged_by is not None and alert.acknowledged_by != caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "alert_id", "somebody else takes care of this alert already")
    if alert.acknowledged_by is None:
        alert.acknowledged_by = caller.user_id
        alert.acknowledged_at = uow.now
        uow.audit.note(
            at=uow.now,
            user_id=caller.user_id,
            action="alert_acknowledged",
            subject_kind="alert",
            subject=alert.id,
            patient_id=alert.patient_id,
        )
    return AlertAnswer.model_validate(alert)
