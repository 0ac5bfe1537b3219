"""Raising alerts from answers, whoever wrote them down: an agent, keys of a telephone, a page by link."""

from collections.abc import Collection, Mapping, Sequence

import structlog

from db.unit_of_work import UnitOfWork
from followup.alerts import Alert, AlertEventKind, AlertSource
from followup.answer_alerts import EarlierAnswers, alerts_for
from followup.events import DomainEvent, EventKind
from runtime.content.library import Content
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)


def raise_alerts(
    uow: UnitOfWork,
    content: Content,
    *,
    form: str,
    answers: Mapping[str, object],
    earlier: Sequence[EarlierAnswers],
    patient_id: str,
    task_id: str | None = None,
    attempt_id: str | None = None,
    response_id: str | None = None,
    scores: Mapping[str, float] | None = None,
    besides: Collection[str] = (),
) -> tuple[Alert, ...]:
    """Raise what all the answers so far are signs of; only the alerts that are new, the most urgent first.

    Call it after every saved answer: a sign is raised once for a response (or an attempt without one). An answer that
    is corrected later takes no alert back: a person looks at it and says so with its outcome. Codes in `besides` are
    not raised: a device that measures every minute tells nothing new of an alert that stands open.
    """
    patient = uow.patients.get(patient_id)
    if patient is None:
        raise LookupError(f"patient {patient_id} does not exist: answers belong to a patient")
    signs = alerts_for(form, content.answer_alerts, answers, earlier, at=uow.now, zone=patient.zone, scores=scores)
    raised: list[Alert] = []
    for sign in signs:
        if sign.code in besides:
            continue
        alert = Alert(
            id=new_id(),
            patient_id=patient_id,
            attempt_id=attempt_id,
            task_id=task_id,
            response_id=response_id,
            source=AlertSource.ANSWER,
            code=sign.code,
            level=sign.level,
            raised_at=uow.now,
            evidence={"form": form, "rule": f"{sign.code}/{sign.rule.version}", "answers": dict(sign.evidence)},
        )
        if raise_alert(uow, alert):
            raised.append(alert)
    return tuple(raised)


def raise_alert(uow: UnitOfWork, alert: Alert) -> bool:
    """Save an alert and start its clock; False if it is there already. Its first step is taken by the scheduler."""
    if not uow.alerts.add(alert):
        return False
    uow.alerts.note(alert, AlertEventKind.RAISED, at=uow.now, detail={"source": alert.source.value})
    uow.emit(
        DomainEvent(
            kind=EventKind.ALERT_RAISED,
            subject=alert.id,
            ids={
                "patient": alert.patient_id,
                "level": alert.level.value,
                **({"attempt": alert.attempt_id} if alert.attempt_id else {}),
                **({"recording": alert.recording_id} if alert.recording_id else {}),
            },
        )
    )
    log.warning(
        "alert_raised", alert=alert.id, code=alert.code, alert_level=alert.level.value, source=alert.source.value
    )
    return True
