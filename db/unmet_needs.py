"""Unmet needs as they stand in their own tables: requests, alerts, contacts. Nothing is written down for them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from care.history import EntryState, HistoryKind
from db.alerts import alerts
from db.attempts import attempts
from db.history import history_entries
from db.patients import encounters
from db.plans import plans, tasks
from db.requests import requests, visible_to
from followup.alerts import AlertState
from followup.outcomes import TaskOutcome
from followup.plans import OPEN_TASK_STATES, TaskState
from followup.requests import RequestKind, RequestState, Viewer
from followup.unmet_needs import OVERDUE, Need, NeedKind

_NOT_COME_ABOUT = (TaskOutcome.LOST_TO_FOLLOW_UP, TaskOutcome.REFUSED)


class UnmetNeedRepository:
    """What is open or was never answered in a span."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def needs(
        self,
        viewer: Viewer,
        groups: Mapping[str, tuple[str, ...]],
        *,
        since: datetime,
        until: datetime,
        now: datetime,
    ) -> list[Need]:
        """Every need that the viewer may see, by id, with the groups of illnesses that its patient has."""
        found = [
            *self._requests(viewer, since, until),
            *self._alerts(since, until),
            *self._contacts(since, until, now),
        ]
        ill = self._illnesses({need.patient_id for need in found if need.patient_id is not None}, groups)
        return sorted(
            (replace(need, illnesses=ill.get(need.patient_id or "", ())) for need in found), key=lambda need: need.id
        )

    def _requests(self, viewer: Viewer, since: datetime, until: datetime) -> list[Need]:
        row = requests.c
        asked = self._session.execute(
            select(row.id, row.cause, row.patient_id, row.departments, row.owner_id, row.received_at).where(
                row.kind != RequestKind.PRAISE,
                row.state != RequestState.CLOSED,
                row.replied_at.is_(None),
                row.received_at >= since,
                row.received_at < until,
                visible_to(viewer),
            )
        )
        return [
            Need(
                id=each.id,
                kind=NeedKind.REQUEST,
                reason=each.cause,
                patient_id=each.patient_id,
                departments=tuple(sorted(each.departments)),
                agent_id=each.owner_id,
                at=each.received_at,
            )
            for each in asked
        ]

    def _alerts(self, since: datetime, until: datetime) -> list[Need]:
        row = alerts.c
        raised = self._session.execute(
            select(row.id, row.code, row.patient_id, row.department, row.acknowledged_by, row.raised_at).where(
                row.state != AlertState.CLOSED, row.raised_at >= since, row.raised_at < until
            )
        )
        return [
            Need(
                id=each.id,
                kind=NeedKind.ALERT,
                reason=each.code,
                patient_id=each.patient_id,
                departments=(each.department,) if each.department else (),
                agent_id=each.acknowledged_by,
                at=each.raised_at,
            )
            for each in raised
        ]

    def _contacts(self, since: datetime, until: datetime, now: datetime) -> list[Need]:
        """Contacts whose window closed in the span; the agent is whoever tried last."""
        row = tasks.c
        last_agent = (
            select(attempts.c.agent_id)
            .where(attempts.c.task_id == row.id, attempts.c.agent_id.is_not(None))
            .order_by(attempts.c.reserved_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        owed = self._session.execute(
            select(
                row.id, row.outcome, row.patient_id, encounters.c.department, last_agent.label("agent"), row.latest_at
            )
            .outerjoin(plans, plans.c.id == row.plan_id)
            .outerjoin(encounters, encounters.c.id == plans.c.encounter_id)
            .where(
                row.latest_at >= since,
                row.latest_at < until,
                or_(
                    row.outcome.in_(_NOT_COME_ABOUT),
                    and_(row.state.in_([*OPEN_TASK_STATES - {TaskState.IN_PROGRESS}]), row.latest_at < now),
                ),
            )
        )
        return [
            Need(
                id=each.id,
                kind=NeedKind.CONTACT,
                reason=each.outcome.value if each.outcome is not None else OVERDUE,
                patient_id=each.patient_id,
                departments=(each.department,) if each.department else (),
                agent_id=each.agent,
                at=each.latest_at,
            )
            for each in owed
        ]

    def _illnesses(self, patient_ids: set[str], groups: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if not patient_ids:
            return {}
        entry = history_entries.c
        rows = self._session.execute(
            select(entry.patient_id, entry.code).where(
                entry.kind == HistoryKind.CONDITION,
                entry.state == EntryState.ACTIVE,
                entry.superseded_at.is_(None),
                entry.patient_id.in_(patient_ids),
            )
        )
        found: dict[str, set[str]] = defaultdict(set)
        for patient_id, code in rows:
            found[patient_id] |= _groups_of(code, groups)
        return {patient_id: tuple(sorted(of)) for patient_id, of in found.items()}


def _groups_of(code: str, groups: Mapping[str, Sequence[str]]) -> set[str]:
    return {name for name, begins in groups.items() if any(code.upper().startswith(begin) for begin in begins)}
