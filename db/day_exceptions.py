"""Exceptions of the day, read from the rows that tell of them, and what people did about each."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Column, Index, String, Table, distinct, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.alerts import alerts
from db.attempts import attempts
from db.calls import calls
from db.care_team import broken_glasses
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.notes import notes
from db.parked_tasks import parked_tasks
from db.plans import tasks
from db.recording_gaps import recording_gaps
from db.recordings import recordings
from db.trunks import caller_id_alarms
from followup.alerts import AlertLevel, AlertState
from followup.day_exceptions import (
    INCOMPLETE,
    LOOKED_BACK,
    UNSIGNED_AFTER,
    WRONG_NUMBERS_OVER,
    DayException,
    DayExceptionKind,
    ExceptionCase,
    too_many_wrong_numbers,
)
from followup.notes import NoteState
from followup.outcomes import NOT_COUNTED, NUMBER_IS_NO_USE, REACHED_A_PERSON, TaskOutcome
from followup.parked_tasks import ParkedTaskState
from followup.plans import TaskState
from followup.recording_gaps import GapState
from followup.recordings import RecordingState
from followup.what_next import NextAction

exception_cases = Table(
    "exception_cases",
    metadata,
    id_column(),
    closed_set("kind", DayExceptionKind),
    Column("subject", String(80), nullable=False),
    reference("owner_id", "users.id", nullable=True),
    instant("owned_at", nullable=True),
    reference("assigned_by", "users.id", nullable=True, index=False),
    reference("settled_by", "users.id", nullable=True, index=False),
    instant("settled_at", nullable=True),
    Column("settled_because", String(500), nullable=False, default=""),
    Index("uq_exception_cases_subject", "kind", "subject", unique=True),
)

mapper_registry.map_imperatively(ExceptionCase, exception_cases)

_MOST = 500
"""So many of a kind are read; a day with more has one cause, and its first lines show it."""


class DayExceptionRepository:
    """What should not be."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def case(self, kind: DayExceptionKind, subject: str, *, new_id: str) -> ExceptionCase:
        """What was done about it so far, locked; with the id given where nothing was."""
        self._session.execute(
            insert(exception_cases)
            .values(id=new_id, kind=kind, subject=subject, settled_because="")
            .on_conflict_do_nothing(index_elements=["kind", "subject"])
        )
        return self._session.scalars(
            select(ExceptionCase)
            .where(exception_cases.c.kind == kind, exception_cases.c.subject == subject)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()

    def cases(self, found: Iterable[DayException]) -> dict[tuple[DayExceptionKind, str], ExceptionCase]:
        """What was done about these."""
        keys = [(each.kind, each.subject) for each in found]
        if not keys:
            return {}
        rows = self._session.scalars(
            select(ExceptionCase).where(tuple_(exception_cases.c.kind, exception_cases.c.subject).in_(keys))
        )
        return {(row.kind, row.subject): row for row in rows}

    def settled(self, *, since: datetime) -> Sequence[ExceptionCase]:
        """Cases that were settled in words since, newest first."""
        return self._session.scalars(
            select(ExceptionCase)
            .where(exception_cases.c.settled_at >= since)
            .order_by(exception_cases.c.settled_at.desc())
            .limit(_MOST)
        ).all()

    def find(self, kind: DayExceptionKind, *, now: datetime, day_began: datetime) -> list[DayException]:
        """Every exception of a kind that is not settled by words, oldest first."""
        match kind:
            case DayExceptionKind.RED_UNACKNOWLEDGED:
                return self._red()
            case DayExceptionKind.NO_RECORDING:
                return [each for each in self._gaps() if each.kind is kind]
            case DayExceptionKind.INCOMPLETE_RECORDING:
                return [each for each in self._gaps() if each.kind is kind]
            case DayExceptionKind.FAILED_RECORDING:
                return self._failed()
            case DayExceptionKind.UNSIGNED_NOTE:
                return self._unsigned(now - UNSIGNED_AFTER)
            case DayExceptionKind.WINDOW_MISSED:
                return self._unsettled(self._missed(now - LOOKED_BACK, now))
            case DayExceptionKind.GLASS_UNREVIEWED:
                return self._glasses()
            case DayExceptionKind.WRONG_NUMBERS:
                return self._unsettled(self._wrong_numbers(day_began))
            case DayExceptionKind.CALLER_ID_FELL:
                return self._unsettled(self._fallen(now - LOOKED_BACK))
            case DayExceptionKind.PARKED_TASK:
                return self._parked()

    def _unsettled(self, found: list[DayException]) -> list[DayException]:
        done = {key for key, case in self.cases(found).items() if case.settled_at is not None}
        return [each for each in found if (each.kind, each.subject) not in done]

    def _red(self) -> list[DayException]:
        rows = self._session.execute(
            select(alerts.c.id, alerts.c.raised_at, alerts.c.task_id, alerts.c.recording_id)
            .where(alerts.c.level == AlertLevel.RED, alerts.c.state == AlertState.RAISED)
            .order_by(alerts.c.raised_at, alerts.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.RED_UNACKNOWLEDGED,
                subject=row.id,
                since=row.raised_at,
                task_id=row.task_id,
                recording_id=row.recording_id,
            )
            for row in rows
        ]

    def _gaps(self) -> list[DayException]:
        rows = self._session.execute(
            select(recording_gaps, calls.c.queue_id, calls.c.agent_id)
            .join(calls, calls.c.id == recording_gaps.c.call_id)
            .where(recording_gaps.c.state == GapState.OPEN)
            .order_by(recording_gaps.c.found_at, recording_gaps.c.id)
            .limit(_MOST)
        )
        incomplete, none = DayExceptionKind.INCOMPLETE_RECORDING, DayExceptionKind.NO_RECORDING
        return [
            DayException(
                kind=incomplete if row.kind in INCOMPLETE else none,
                subject=row.id,
                since=row.found_at,
                detail=row.kind.value,
                queue_id=row.queue_id,
                agent_id=row.agent_id,
                call_id=row.call_id,
                recording_id=row.recording_id,
            )
            for row in rows
        ]

    def _failed(self) -> list[DayException]:
        # One whose sound is missing stands on the list of gaps already.
        told = select(recording_gaps.c.id).where(recording_gaps.c.call_id == recordings.c.call_id).exists()
        rows = self._session.execute(
            select(
                recordings.c.id,
                recordings.c.call_id,
                func.coalesce(calls.c.ended_at, calls.c.planned_at).label("since"),
                calls.c.queue_id,
                calls.c.agent_id,
            )
            .join(calls, calls.c.id == recordings.c.call_id)
            .where(recordings.c.state == RecordingState.FAILED, recordings.c.uri.is_not(None), ~told)
            .order_by("since", recordings.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.FAILED_RECORDING,
                subject=row.id,
                since=row.since,
                queue_id=row.queue_id,
                agent_id=row.agent_id,
                call_id=row.call_id,
                recording_id=row.id,
            )
            for row in rows
        ]

    def _unsigned(self, before: datetime) -> list[DayException]:
        rows = self._session.execute(
            select(
                notes.c.id,
                notes.c.created_at,
                notes.c.task_id,
                attempts.c.agent_id,
                attempts.c.queue_id,
            )
            .join(attempts, attempts.c.id == notes.c.attempt_id)
            .where(
                notes.c.state == NoteState.DRAFT,
                notes.c.created_at < before,
                attempts.c.outcome.in_(REACHED_A_PERSON),
            )
            .order_by(notes.c.created_at, notes.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.UNSIGNED_NOTE,
                subject=row.id,
                since=row.created_at + UNSIGNED_AFTER,
                queue_id=row.queue_id,
                agent_id=row.agent_id,
                task_id=row.task_id,
            )
            for row in rows
        ]

    def _missed(self, since: datetime, now: datetime) -> list[DayException]:
        rows = self._session.execute(
            select(tasks.c.id, tasks.c.latest_at, tasks.c.queue_id, tasks.c.attempts_made)
            .where(
                tasks.c.state == TaskState.LOST_TO_FOLLOW_UP,
                tasks.c.outcome == TaskOutcome.LOST_TO_FOLLOW_UP,
                tasks.c.next_action == NextAction.ESCALATE,
                tasks.c.latest_at.between(since, now),
            )
            .order_by(tasks.c.latest_at, tasks.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.WINDOW_MISSED,
                subject=row.id,
                since=row.latest_at,
                detail="never_called" if row.attempts_made == 0 else "called",
                queue_id=row.queue_id,
                task_id=row.id,
            )
            for row in rows
        ]

    def _glasses(self) -> list[DayException]:
        rows = self._session.execute(
            select(broken_glasses)
            .where(broken_glasses.c.review.is_(None))
            .order_by(broken_glasses.c.broken_at, broken_glasses.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.GLASS_UNREVIEWED,
                subject=row.id,
                since=row.broken_at,
                detail=row.reason.value,
                agent_id=row.user_id,
            )
            for row in rows
        ]

    def _wrong_numbers(self, day_began: datetime) -> list[DayException]:
        since = day_began - WRONG_NUMBERS_OVER + timedelta(days=1)
        wrong = attempts.c.outcome.in_(NUMBER_IS_NO_USE)
        rows = self._session.execute(
            select(
                attempts.c.queue_id,
                func.count(distinct(attempts.c.task_id)).label("tried"),
                func.count(distinct(attempts.c.task_id)).filter(wrong).label("wrong"),
                func.max(attempts.c.closed_at).filter(wrong).label("last"),
            )
            .where(attempts.c.closed_at >= since, attempts.c.outcome.not_in(NOT_COUNTED))
            .group_by(attempts.c.queue_id)
        )
        return [
            DayException(
                kind=DayExceptionKind.WRONG_NUMBERS,
                subject=f"{row.queue_id}:{day_began.date().isoformat()}",
                since=row.last,
                queue_id=row.queue_id,
                numerator=row.wrong,
                denominator=row.tried,
            )
            for row in rows
            if too_many_wrong_numbers(row.wrong, row.tried)
        ]

    def _fallen(self, since: datetime) -> list[DayException]:
        rows = self._session.execute(
            select(caller_id_alarms)
            .where(caller_id_alarms.c.raised_at >= since)
            .order_by(caller_id_alarms.c.raised_at, caller_id_alarms.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.CALLER_ID_FELL,
                subject=row.id,
                since=row.raised_at,
                detail=row.caller_id,
                numerator=row.answered,
                denominator=row.tries,
            )
            for row in rows
        ]

    def _parked(self) -> list[DayException]:
        rows = self._session.execute(
            select(parked_tasks)
            .where(parked_tasks.c.state == ParkedTaskState.PARKED)
            .order_by(parked_tasks.c.first_parked_at, parked_tasks.c.id)
            .limit(_MOST)
        )
        return [
            DayException(
                kind=DayExceptionKind.PARKED_TASK,
                subject=row.id,
                since=row.first_parked_at,
                detail=row.name,
            )
            for row in rows
        ]
