"""One timeline over all tables that tell of a patient: a strand for each kind of item, read newest first in one query.

A table that comes later joins by a function of its own in STRANDS: nothing else has to change.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from care.timeline import TimelineItem, TimelineKind, TimelinePlace
from db.alerts import alerts
from db.attempts import attempts
from db.calls import calls
from db.history import history_entries
from db.messages import messages
from db.notes import notes
from db.observations import results
from db.patients import consents, encounters
from db.plans import plans
from db.requests import requests, visible_to
from db.responses import responses
from db.stated_values import stated_values
from followup.requests import Viewer

EXCERPT = 280
"""So many characters of a longer text are told; the whole stands at the item's own address."""


def rows(
    kind: TimelineKind | ColumnElement[Any],
    *,
    at: ColumnElement[Any],
    id: ColumnElement[Any],  # noqa: A002 the column's name
    source: ColumnElement[Any] | str,
    facts: Mapping[str, ColumnElement[Any]],
) -> Select[Any]:
    """The five columns that every strand has."""
    pairs = [part for name, column in facts.items() for part in (name, column)]
    return select(
        at.label("at"),
        (literal(kind.value) if isinstance(kind, TimelineKind) else cast(kind, String)).label("kind"),
        id.label("id"),
        (literal(source) if isinstance(source, str) else source).label("source"),
        func.jsonb_build_object(*pairs).label("facts"),
    )


def _visits(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    visit = encounters.c
    return rows(
        TimelineKind.VISIT,
        at=visit.occurred_at,
        id=visit.id,
        source="hospital",
        facts={
            "kind": visit.kind,
            "department": visit.department,
            "ward": visit.ward,
            "doctor": visit.doctor,
            "visit_number": visit.visit_number,
            "appointment_state": visit.appointment_state,
        },
    ).where(visit.patient_id == patient_id)


def _history(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    entry = history_entries.c
    return rows(
        entry.kind,
        at=func.coalesce(entry.stated_at, entry.recorded_at),
        id=entry.id,
        source=entry.source,
        facts={
            "name": entry.name,
            "code": entry.code,
            "state": entry.state,
            "since": entry.since,
            "until": entry.until,
            "relation": entry.relation,
            "note": entry.note,
            "version": entry.version,
            "decided": entry.decided,
            "confirmed_at": entry.confirmed_at,
            "recorded_by": entry.recorded_by,
        },
    ).where(entry.patient_id == patient_id, entry.superseded_at.is_(None))


def _results(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    result = results.c
    return rows(
        TimelineKind.RESULT,
        at=result.taken_at,
        id=result.id,
        source=result.source,
        facts={
            "code": result.code,
            "value": result.value,
            "unit": result.unit,
            "text": func.left(result.text, EXCERPT),
            "setting": result.setting,
            "status": result.status,
            "reference_low": result.reference_low,
            "reference_high": result.reference_high,
            "version": result.version,
        },
    ).where(result.patient_id == patient_id, result.superseded_at.is_(None), result.status != "entered_in_error")


def _words_about_the_person(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    word = stated_values.c
    return rows(
        TimelineKind.PERSON,
        at=word.stated_at,
        id=word.id,
        source=word.source,
        facts={
            "field": word.field,
            "value": word.value,
            "version": word.version,
            "reason": word.reason,
            "recorded_by": word.recorded_by,
        },
    ).where(word.patient_id == patient_id)


def _consents(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    said = consents.c
    return rows(
        TimelineKind.CONSENT,
        at=said.recorded_at,
        id=said.id,
        source=said.source,
        facts={"purpose": said.purpose, "scope": said.scope, "granted": said.granted, "call_id": said.call_id},
    ).where(said.patient_id == patient_id)


def _plans(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    plan = plans.c
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


def _calls(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    """Each call; an attempt that never became one too."""
    call, attempt = calls.c, attempts.c
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
        .select_from(attempts.outerjoin(calls, call.attempt_id == attempt.id))
        .where(attempt.patient_id == patient_id)
    )


def _notes(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    note = notes.c
    return rows(
        TimelineKind.NOTE,
        at=func.coalesce(note.signed_at, note.created_at),
        id=note.id,
        source=case((note.signed_by.is_not(None), literal("hand:") + cast(note.signed_by, String)), else_="call"),
        facts={
            "state": note.state,
            "attempt_id": note.attempt_id,
            "task_id": note.task_id,
            "excerpt": func.left(note.text, EXCERPT),
        },
    ).where(note.patient_id == patient_id)


def _forms(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
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


def _alerts(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    alert = alerts.c
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


def _requests(patient_id: str, viewer: Viewer) -> Select[Any]:
    request = requests.c
    return rows(
        TimelineKind.REQUEST,
        at=request.received_at,
        id=request.id,
        source=literal("hand:") + cast(request.received_by, String),
        facts={
            "kind": request.kind,
            "cause": request.cause,
            "state": request.state,
            "due_on": request.due_on,
            "owner_id": request.owner_id,
            "excerpt": func.left(request.text, EXCERPT),
        },
    ).where(request.patient_id == patient_id, visible_to(viewer))


def _messages(patient_id: str, viewer: Viewer) -> Select[Any]:  # noqa: ARG001
    message = messages.c
    return rows(
        TimelineKind.MESSAGE,
        at=func.coalesce(message.sent_at, message.planned_at),
        id=message.id,
        source=literal("message:") + message.channel,
        facts={
            "channel": message.channel,
            "text_key": message.text_key,
            "state": message.state,
            "delivered_at": message.delivered_at,
            "task_id": message.task_id,
        },
    ).where(message.patient_id == patient_id)


@dataclass(frozen=True, slots=True)
class Strand:
    """Where items of some kinds come from; `select` gives the columns of `rows` for one patient and one reader."""

    kinds: frozenset[TimelineKind]
    select: Callable[[str, Viewer], Select[Any]]


_HISTORY = (TimelineKind.CONDITION, TimelineKind.ALLERGY, TimelineKind.PROCEDURE, TimelineKind.FAMILY)

STRANDS: tuple[Strand, ...] = (
    Strand(frozenset({TimelineKind.VISIT}), _visits),
    Strand(frozenset(_HISTORY), _history),
    Strand(frozenset({TimelineKind.RESULT}), _results),
    Strand(frozenset({TimelineKind.PERSON}), _words_about_the_person),
    Strand(frozenset({TimelineKind.CONSENT}), _consents),
    Strand(frozenset({TimelineKind.PLAN}), _plans),
    Strand(frozenset({TimelineKind.CALL}), _calls),
    Strand(frozenset({TimelineKind.NOTE}), _notes),
    Strand(frozenset({TimelineKind.FORM}), _forms),
    Strand(frozenset({TimelineKind.ALERT}), _alerts),
    Strand(frozenset({TimelineKind.REQUEST}), _requests),
    Strand(frozenset({TimelineKind.MESSAGE}), _messages),
)


class TimelineRepository:
    """The story of a patient, page by page."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        patient_id: str,
        viewer: Viewer,
        *,
        kinds: Collection[TimelineKind] = (),
        before: TimelinePlace | None = None,
        limit: int = 50,
    ) -> Sequence[TimelineItem]:
        """What happened before a place, newest first; only these kinds, all if none is named."""
        parts = []
        for strand in _asked(kinds):
            story = strand.select(patient_id, viewer).subquery()
            part = select(story)
            if kinds:
                part = part.where(story.c.kind.in_([kind.value for kind in kinds]))
            if before is not None:
                part = part.where(_older(story.c, before))
            parts.append(
                part.order_by(story.c.at.desc(), story.c.kind.desc(), story.c.id.desc()).limit(limit).subquery()
            )
        if not parts:
            return []
        whole = union_all(*(select(part) for part in parts)).subquery()
        ordered = select(whole).order_by(whole.c.at.desc(), whole.c.kind.desc(), whole.c.id.desc()).limit(limit)
        return [
            TimelineItem(at=row.at, kind=TimelineKind(row.kind), id=str(row.id), source=row.source, facts=row.facts)
            for row in self._session.execute(ordered)
        ]

    def counts(self, patient_id: str, viewer: Viewer) -> dict[TimelineKind, int]:
        """How many items of each kind there are."""
        parts = []
        for strand in STRANDS:
            story = strand.select(patient_id, viewer).subquery()
            parts.append(select(story.c.kind, func.count().label("items")).group_by(story.c.kind))
        return {TimelineKind(row.kind): row.items for row in self._session.execute(union_all(*parts))}


def _asked(kinds: Collection[TimelineKind]) -> tuple[Strand, ...]:
    return tuple(strand for strand in STRANDS if not kinds or strand.kinds & set(kinds))


def _older(story: Any, before: TimelinePlace) -> ColumnElement[bool]:
    place = tuple_(literal(before.kind.value), cast(before.id, Uuid(as_uuid=False)))
    # The plain comparison lets an index on the instant end the search.
    return and_(story.at <= before.at, or_(story.at < before.at, tuple_(story.kind, story.id) < place))
