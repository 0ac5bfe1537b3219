"""Who is in a registry and what his year was: three statements, however many patients there are."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Row, Select, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import array, distinct_on
from sqlalchemy.orm import Session

from care.history import EntryState, HistoryKind
from care.observations import ObservationStatus
from db.history import history_entries
from db.observations import results
from db.patients import patients
from db.plan_records import follow_up_results
from followup.follow_up_rules import ContactWay
from followup.registries import LastReading, RegistryMember


class RegistryRepository:
    """Registries are read from the record; nothing is written down for them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def members(
        self,
        *,
        topic: str,
        begins: Sequence[str],  # of the codes of its diagnoses
        born_until: date | None,
        items: Mapping[str, tuple[str, Mapping[str, object]]],  # concept → the item it is, and what it says besides
        managed_ways: Sequence[ContactWay],
        per_spec_ways: Sequence[ContactWay],
        since: datetime,
        until: datetime,
        zone: str,
    ) -> list[RegistryMember]:
        """Everybody who has the illness in a span, with his contacts and his last value in it."""
        with_illness = (
            select(patients.c.id, patients.c.born)
            .where(
                or_(patients.c.deceased_at.is_(None), patients.c.deceased_at >= since),
                patients.c.id.in_(_ill(begins, cast(func.timezone(zone, until), Date))),
            )
            .order_by(patients.c.id)
        )
        if born_until is not None:
            with_illness = with_illness.where(patients.c.born <= born_until)
        rows = self._session.execute(with_illness).all()
        met = self._contacts(topic, managed_ways, per_spec_ways, since, until, zone)
        contacts = {row.patient_id: row for row in met}
        told = {row.patient_id: row for row in self._told(topic, items, since, until, zone)}
        measured = {row.patient_id: row for row in self._measured(items, since, until, zone)}
        return [
            RegistryMember(
                patient_id=row.id,
                born=row.born,
                contacts=contacts[row.id].managed if row.id in contacts else 0,
                contacts_per_spec=contacts[row.id].per_spec if row.id in contacts else 0,
                last=_last(measured.get(row.id), told.get(row.id), items),
            )
            for row in rows
        ]

    def _contacts(
        self,
        topic: str,
        managed_ways: Sequence[ContactWay],
        per_spec_ways: Sequence[ContactWay],
        since: datetime,
        until: datetime,
        zone: str,
    ) -> Sequence[Row[Any]]:
        """Days on which somebody was met or spoken to: two results of one visit are one contact."""
        row = follow_up_results.c
        day = cast(func.timezone(zone, row.taken_at), Date)
        return self._session.execute(
            select(
                row.patient_id,
                func.count(day.distinct()).filter(row.way.in_(managed_ways)).label("managed"),
                func.count(day.distinct()).filter(row.way.in_(per_spec_ways)).label("per_spec"),
            )
            .where(row.topic == topic, row.taken_at >= since, row.taken_at < until)
            .group_by(row.patient_id)
        ).all()

    def _told(
        self,
        topic: str,
        items: Mapping[str, tuple[str, Mapping[str, object]]],
        since: datetime,
        until: datetime,
        zone: str,
    ) -> Sequence[Row[Any]]:
        """The last value that was entered at a plan or answered; what was reckoned from a result stands there."""
        row = follow_up_results.c
        wanted = sorted({item for item, _ in items.values()})
        besides = {item: answer for _, said in items.values() for item, answer in said.items()}
        return self._session.execute(
            select(
                row.patient_id,
                row.taken_at,
                cast(func.timezone(zone, row.taken_at), Date).label("day"),
                row.answers,
                row.task_id,
            )
            .ext(distinct_on(row.patient_id))
            .where(
                row.topic == topic,
                row.taken_at >= since,
                row.taken_at < until,
                row.answers.has_all(array(wanted)),
                row.answers.contains(besides),  # a glucose after a meal says nothing and hides no fasting one
                or_(row.recorded_by.is_not(None), row.task_id.is_not(None)),
            )
            .order_by(row.patient_id, row.taken_at.desc(), row.recorded_at.desc())
        ).all()

    def _measured(
        self, items: Mapping[str, tuple[str, Mapping[str, object]]], since: datetime, until: datetime, zone: str
    ) -> Sequence[Row[Any]]:
        """The last instant at which all values that a target asks for were measured."""
        row = results.c
        together = (
            select(
                row.patient_id,
                row.taken_at,
                cast(func.timezone(zone, row.taken_at), Date).label("day"),
                func.jsonb_object_agg(row.code, row.value).label("taken"),
            )
            .where(
                row.code.in_(sorted(items)),
                row.value.is_not(None),
                row.superseded_at.is_(None),
                row.status != ObservationStatus.ENTERED_IN_ERROR,
                row.taken_at >= since,
                row.taken_at < until,
            )
            .group_by(row.patient_id, row.taken_at)
            .having(func.count(row.code.distinct()) == len(items))
            .subquery()
        )
        return self._session.execute(
            select(together)
            .ext(distinct_on(together.c.patient_id))
            .order_by(together.c.patient_id, together.c.taken_at.desc())
        ).all()


def _ill(begins: Sequence[str], last_day: Any) -> Select[Any]:
    entry = history_entries.c
    return select(entry.patient_id).where(
        and_(
            entry.kind == HistoryKind.CONDITION,
            entry.state == EntryState.ACTIVE,
            entry.superseded_at.is_(None),
            or_(entry.since.is_(None), entry.since < last_day),
            or_(*(func.upper(entry.code).startswith(begin) for begin in begins)),
        )
    )


def _last(
    measured: Row[Any] | None, told: Row[Any] | None, items: Mapping[str, tuple[str, Mapping[str, object]]]
) -> LastReading | None:
    # What was answered on a call is a result too, and only that is corrected when the answer is.
    if told is not None and measured is not None and told.task_id is not None and told.day == measured.day:
        told = None
    if measured is not None and (told is None or measured.taken_at >= told.taken_at):
        answers: dict[str, object] = {}
        for code, value in measured.taken.items():
            item, besides = items[code]
            answers.update({item: value, **besides})
        return LastReading(taken_at=measured.taken_at, day=measured.day, answers=answers, source="result")
    if told is None:
        return None
    return LastReading(taken_at=told.taken_at, day=told.day, answers=told.answers, source="follow_up")
