"""Strands of the timeline about the contact: consents, plans, calls, notes, forms, alerts, requests, messages."""

from typing import Any

from sqlalchemy import Select, case, func, literal

from care.timeline import TimelineKind
from db.alerts import alerts as alert_rows
from db.attempts import attempts
from db.calls import calls as call_rows
from db.messages import messages as message_rows
from db.notes import notes as note_rows
from db.patients import consents as consent_rows
from db.plans import plans as plan_rows
from db.received_messages import received_messages as received_rows
from db.requests import requests as request_rows
from db.requests import visible_to
from db.responses import responses
from db.timeline_rows import EXCERPT, PatientBind, by_hand, rows
from followup.requests import Viewer


def consents(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """What the patient agreed to."""
    said = consent_rows.c
    return rows(
        TimelineKind.CONSENT,
        at=said.recorded_at,
        id=said.id,
        source=said.source,
        facts={"purpose": said.purpose, "scope": said.scope, "granted": said.granted, "call_id": said.call_id},
    ).where(said.patient_id == patient_id)


def plans(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Follow-up plans."""
    plan = plan_rows.c
    return rows(
        TimelineKind.PLAN,
        at=plan.created_at,
        id=plan.id,
        source=literal("plan:") + plan.template_id,
        facts={
            "template_id": plan.template_id,
            "template_version": plan.template_version,
            "purpose": plan.purpose,
            "state": plan.state,
            "encounter_id": plan.encounter_id,
        },
    ).where(plan.patient_id == patient_id)


def calls(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Each call; an attempt that never became one too."""
    call, attempt = call_rows.c, attempts.c
    return (
        rows(
            TimelineKind.CALL,
            at=func.coalesce(call.answered_at, call.invite_at, call.planned_at, attempt.reserved_at),
            id=func.coalesce(call.id, attempt.id),
            source="call",
            facts={
                "attempt_id": attempt.id,
                "task_id": attempt.task_id,
                "ordinal": attempt.ordinal,
                "outcome": attempt.outcome,
                "task_result": attempt.task_result,
                "agent_id": attempt.agent_id,
                "identity_confirmed_at": attempt.identity_confirmed_at,
                "call_id": call.id,
                "state": call.state,
                "end_reason": call.end_reason,
                "party": call.party,
                "answered_by": call.answered_by,
                "seconds": func.extract("epoch", call.ended_at - call.answered_at),
                "recorded": call.recorded,
            },
        )
        .select_from(attempts.outerjoin(call_rows, call.attempt_id == attempt.id))
        .where(attempt.patient_id == patient_id)
    )


def notes(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Notes of calls."""
    note = note_rows.c
    return rows(
        TimelineKind.NOTE,
        at=func.coalesce(note.signed_at, note.created_at),
        id=note.id,
        source=case((note.signed_by.is_not(None), by_hand(note.signed_by)), else_="call"),
        facts={
            "state": note.state,
            "attempt_id": note.attempt_id,
            "task_id": note.task_id,
            "excerpt": func.left(note.text, EXCERPT),
        },
    ).where(note.patient_id == patient_id)


def forms(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Answers to forms."""
    response = responses.c
    return rows(
        TimelineKind.FORM,
        at=func.coalesce(response.completed_at, response.changed_at),
        id=response.id,
        source=literal("form:") + response.form_id,
        facts={
            "form_id": response.form_id,
            "form_version": response.form_version,
            "state": response.state,
            "mode": response.completed_mode,
            "task_id": response.task_id,
        },
    ).where(response.patient_id == patient_id)


def alerts(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Signs of danger."""
    alert = alert_rows.c
    return rows(
        TimelineKind.ALERT,
        at=alert.raised_at,
        id=alert.id,
        source=alert.source,
        facts={
            "code": alert.code,
            "level": alert.level,
            "state": alert.state,
            "outcome": alert.outcome,
            "due_at": alert.due_at,
            "attempt_id": alert.attempt_id,
            "response_id": alert.response_id,
        },
    ).where(alert.patient_id == patient_id)


def requests(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:
    """Requests and complaints, as far as they are for the reader's eyes."""
    request = request_rows.c
    return rows(
        TimelineKind.REQUEST,
        at=request.received_at,
        id=request.id,
        source=by_hand(request.received_by),
        facts={
            "kind": request.kind,
            "cause": request.cause,
            "state": request.state,
            "due_on": request.due_on,
            "owner_id": request.owner_id,
            "excerpt": func.left(request.text, EXCERPT),
        },
    ).where(request.patient_id == patient_id, visible_to(viewer))


def received(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """What the patient wrote to us; the text itself is read with the message."""
    message = received_rows.c
    return rows(
        TimelineKind.MESSAGE,
        at=message.received_at,
        id=message.id,
        source=literal("message:") + message.channel,
        facts={
            "channel": message.channel,
            "direction": literal("in"),
            "state": message.state,
            "signs": message.signs,
            "values": message["values"],
        },
    ).where(message.patient_id == patient_id)


def messages(patient_id: PatientBind, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Messages around calls."""
    message = message_rows.c
    return rows(
        TimelineKind.MESSAGE,
        at=func.coalesce(message.sent_at, message.planned_at),
        id=message.id,
        source=literal("message:") + message.channel,
        facts={
            "channel": message.channel,
            "direction": literal("out"),
            "text_key": message.text_key,
            "state": message.state,
            "delivered_at": message.delivered_at,
            "task_id": message.task_id,
        },
    ).where(message.patient_id == patient_id)
