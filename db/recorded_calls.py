"""The list of recorded calls: one statement from rows of many tables, narrowed to what its reader may open."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, exists, false, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from db.alerts import alerts
from db.attempts import attempts
from db.calls import calls
from db.care_team import CareTeamRepository, tie_condition
from db.patients import encounters, patients
from db.plans import plans, tasks
from db.quality import quality_scores
from db.queues import agents, queues
from db.recording_gaps import recording_gaps
from db.recording_remarks import recording_comments
from db.recordings import recordings, transcripts
from db.users import users
from followup.alerts import AlertLevel
from followup.recorded_calls import FilterChoices, RecordedCall, RecordedCallFilter, RecordedCallMark
from followup.scorecards import QualityState

_call = calls.c
_recording = recordings.c

_at = _recording.started_at
"""What never began is no recording: such calls are among the exceptions."""

_department = (
    select(encounters.c.department)
    .join(plans, plans.c.encounter_id == encounters.c.id)
    .join(tasks, tasks.c.plan_id == plans.c.id)
    .where(tasks.c.id == attempts.c.task_id)
    .scalar_subquery()
)
_has_transcript = exists().where(transcripts.c.recording_id == _recording.id)
_of_call = or_(alerts.c.recording_id == _recording.id, alerts.c.attempt_id == _call.attempt_id)
_levels = select(func.array_agg(alerts.c.level.distinct())).where(_of_call).scalar_subquery()
_stands = and_(recording_comments.c.recording_id == _recording.id, recording_comments.c.withdrawn_at.is_(None))
_comments = select(func.count()).select_from(recording_comments).where(_stands).scalar_subquery()
# What a grader has given alone; the blind marks of a round are nobody's score.
_score = (
    select(quality_scores.c.value)
    .where(
        quality_scores.c.attempt_id == _call.attempt_id,
        quality_scores.c.round_id.is_(None),
        quality_scores.c.state != QualityState.DRAFT,
    )
    .order_by(quality_scores.c.given_at.desc())
    .limit(1)
    .scalar_subquery()
)

_SHOWN = (
    _recording.id,
    _recording.call_id,
    _call.attempt_id,
    _recording.patient_id,
    patients.c.name.label("patient_name"),
    _call.queue_id,
    queues.c.name.label("queue_name"),
    _call.agent_id,
    func.coalesce(users.c.display_name, "").label("agent_name"),
    func.coalesce(_department, "").label("department"),
    _call.number,
    _at.label("at"),
    _call.answered_at,
    _call.ended_at,
    _call.end_reason,
    _call.party,
    _call.trunk,
    attempts.c.outcome,
    _recording.state,
    _recording.reason,
    _recording.seconds,
    _has_transcript.label("has_transcript"),
    _recording.legal_hold,
    _levels.label("alert_levels"),
    _comments.label("comments"),
    recording_gaps.c.kind.label("gap"),
    recording_gaps.c.state.label("gap_state"),
    _score.label("score"),
)


class RecordedCalls:
    """Reads; changes nothing."""

    def __init__(self, session: Session, care_team: CareTeamRepository) -> None:
        self._session = session
        self._care_team = care_team

    def get(self, recording_id: str) -> RecordedCall | None:
        """One of them; whether the reader may open it is not asked."""
        row = self._session.execute(_all().where(_recording.id == recording_id)).mappings().one_or_none()
        return _recorded(row) if row else None

    def page(
        self, among: RecordedCallFilter, *, now: datetime, after: RecordedCallMark | None, limit: int
    ) -> Sequence[RecordedCall]:
        """Those that the reader may open, newest first, from behind `after`."""
        query = _all().where(*_conditions(among))
        if after is not None:
            query = query.where(tuple_(_at, _recording.id) < (after.at, after.recording_id))
        reader = self._care_team.reader
        if reader is not None and reader.departments:
            query = query.where(tie_condition("recordings.patient_id", reader, now))
        rows = self._session.execute(query.order_by(_at.desc(), _recording.id.desc()).limit(limit)).mappings()
        return [_recorded(row) for row in rows]

    def choices(self) -> FilterChoices:
        """By what the list can be narrowed, in the order of names."""
        execute = self._session.execute
        agents_named = select(users.c.id, users.c.display_name).join(agents, agents.c.id == users.c.id)
        return FilterChoices(
            departments=tuple(
                self._session.scalars(select(encounters.c.department).distinct().order_by(encounters.c.department))
            ),
            queues=tuple((row.id, row.name) for row in execute(select(queues.c.id, queues.c.name).order_by("name"))),
            agents=tuple((row.id, row.display_name) for row in execute(agents_named.order_by("display_name"))),
        )


def _all() -> Select[Any]:
    return select(*_SHOWN).select_from(
        recordings.join(calls, _call.id == _recording.call_id)
        .join(attempts, attempts.c.id == _call.attempt_id)
        .join(patients, patients.c.id == _recording.patient_id)
        .join(queues, queues.c.id == _call.queue_id)
        .outerjoin(users, users.c.id == _call.agent_id)
        .outerjoin(recording_gaps, recording_gaps.c.call_id == _call.id)
    )


def _conditions(among: RecordedCallFilter) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool] | None] = [
        _at.is_not(None),
        _department.in_(among.departments) if among.departments else None,
        _call.agent_id.in_(among.agent_ids) if among.agent_ids else None,
        _call.queue_id.in_(among.queue_ids) if among.queue_ids else None,
        attempts.c.outcome.in_(among.outcomes) if among.outcomes else None,
        exists().where(_of_call, alerts.c.level.in_(among.alert_levels)) if among.alert_levels else None,
        _recording.state.in_(among.states) if among.states else None,
        _recording.patient_id == among.patient_id if among.patient_id else None,
        _at >= among.since if among.since else None,
        _at < among.until if among.until else None,
        _recording.seconds >= among.shortest_seconds if among.shortest_seconds is not None else None,
        _recording.seconds <= among.longest_seconds if among.longest_seconds is not None else None,
        _either(recording_gaps.c.id.is_not(None), among.gap),
        _either(exists().where(_stands), among.commented),
        _score >= among.least_score if among.least_score is not None else None,
        _score <= among.most_score if among.most_score is not None else None,
    ]
    return [condition for condition in wanted if condition is not None]


def _either(holds: ColumnElement[bool], wanted: bool | None) -> ColumnElement[bool] | None:
    return None if wanted is None else holds == (true() if wanted else false())


def _recorded(row: RowMapping) -> RecordedCall:
    levels = row["alert_levels"] or ()
    return RecordedCall(
        alert_levels=tuple(level for level in AlertLevel if level in levels),
        **{name: row[name] for name in row if name != "alert_levels"},
    )
