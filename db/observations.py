"""Results over the years: every version of each, which one counts, and what waits for somebody to say what it is."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    Uuid,
    cast,
    func,
    literal_column,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, make_transient_to_detached

from care.observations import Observation, ObservationStatus, Setting, takes_the_place_of
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from runtime.identifiers import new_id

results = Table(
    "results",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    Column("code", String(40), nullable=False),
    Column("value", Float, nullable=True),
    Column("text", Text, nullable=False),
    Column("unit", String(20), nullable=False),
    Column("sent_code", String(100), nullable=False),
    Column("sent_value", Text, nullable=False),
    Column("sent_unit", String(60), nullable=False),
    Column("sent_reference", String(200), nullable=False),
    instant("taken_at"),
    instant("issued_at", nullable=True),
    closed_set("setting", Setting),
    Column("reference_low", Float, nullable=True),
    Column("reference_high", Float, nullable=True),
    closed_set("status", ObservationStatus),
    Column("source", String(120), nullable=False),
    Column("source_key", String(300), nullable=False),
    Column("derived_from", Uuid(as_uuid=False), nullable=True, index=True),
    reference("encounter_id", "encounters.id", nullable=True),
    Column("version", Integer, nullable=False),
    instant("superseded_at", nullable=True),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    # One version counts, however many come at once.
    Index(
        "uq_results_current",
        "source",
        "source_key",
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
    Index("uq_results_versions", "source", "source_key", "version", unique=True),
    Index(
        "ix_results_series",
        "patient_id",
        "code",
        "taken_at",
        postgresql_where=text("superseded_at IS NULL AND status <> 'entered_in_error'"),
    ),
    Index("ix_results_of_patient", "patient_id", "taken_at", "id"),
)

mapper_registry.map_imperatively(Observation, results)

# The same words for one row and for a thousand: the server has them ready, and nothing is put together here each time.
_KEEP_NEW = text(
    """
    INSERT INTO results SELECT * FROM json_populate_recordset(CAST(NULL AS results), CAST(:rows AS json))
    ON CONFLICT DO NOTHING RETURNING CAST(id AS text)
    """
)


_A_DAY = timedelta(days=1)


class PutOutcome(StrEnum):
    """What became of a result that was put."""

    NEW = "new"
    SAME = "same"  # this version is there already: nothing changed
    SUPERSEDED = "superseded"  # it took the place of the one before
    OLDER = "older"  # a newer version was there already: kept, and nothing goes by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """The outcome, and the row: the new one, or of the same the one that is there."""

    outcome: PutOutcome
    observation: Observation
    before: Observation | None = None  # the version whose place was taken

    @property
    def changed(self) -> bool:
        """True if what counts is another now."""
        return self.outcome in {PutOutcome.NEW, PutOutcome.SUPERSEDED}


class SpanKind(StrEnum):
    """Spans of the calendar by which many results are told as few."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One concept within one span of the calendar."""

    begins: date
    count: int
    lowest: float
    highest: float
    mean: float
    median: float
    last: float


class ObservationRepository:
    """Results. Nothing is changed or removed; `latest`, `series`, `years` and `page` tell only what counts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, observation: Observation, *, reinstate: bool = False) -> Put:
        """Keep a result; the same source and key is the same result, and a later version takes its place.

        With `reinstate` one that was taken back as an error counts again when it is said again.
        """
        return self.put_all([observation], reinstate=reinstate)[0]

    def put_all(self, observations: Sequence[Observation], *, reinstate: bool = False) -> list[Put]:
        """Keep what one message brings; what is new goes in with one statement."""
        new = self._insert_new(observations)
        return [
            Put(outcome=PutOutcome.NEW, observation=new[each.id])
            if each.id in new
            else self._put_again(each, reinstate=reinstate)
            for each in observations
        ]

    def _put_again(self, observation: Observation, *, reinstate: bool) -> Put:
        held, versions = self._locked(observation)
        if (key := self._key_of_its_own(observation, versions)) is not None:
            observation.source_key = key
            return self.put(observation, reinstate=reinstate)
        same = next((each for each in reversed(versions) if each.says_the_same_as(observation)), None)
        again = reinstate and (held.status is ObservationStatus.ENTERED_IN_ERROR or _was_taken_back(same, versions))
        if same is not None and not (again and same is not held):
            return Put(outcome=PutOutcome.SAME, observation=same)
        if again or takes_the_place_of(observation, held):
            return self._supersede(held, observation, versions)
        self._insert(observation, version=len(versions) + 1, superseded_at=observation.recorded_at)
        return Put(outcome=PutOutcome.OLDER, observation=self._kept(observation))

    def _key_of_its_own(self, observation: Observation, versions: Sequence[Observation]) -> str | None:
        """Of a laboratory's number that is used again for a sample of another day; else None.

        A correction may have moved the day: it is another sample's only where such a one is known.
        """
        near = any(abs(each.taken_at - observation.taken_at) < _A_DAY for each in versions)
        if near or observation.setting is not Setting.LABORATORY or observation.derived_from is not None:
            return None
        key = f"{observation.source_key}@{observation.taken_at.astimezone(UTC):%Y%m%d}"
        new = observation.status in {ObservationStatus.PRELIMINARY, ObservationStatus.FINAL}
        return key if new or self.current(observation.source, key) is not None else None

    def withdraw(self, observation: Observation, *, by: str | None, reason: str, now: datetime) -> Put:
        """Take back the version that counts: a further version says that it was an error, and why."""
        held, versions = self._locked(observation)
        if held.status is ObservationStatus.ENTERED_IN_ERROR:
            return Put(outcome=PutOutcome.SAME, observation=held)
        said = _values(held)
        said |= {"id": new_id(), "status": ObservationStatus.ENTERED_IN_ERROR, "text": reason, "issued_at": None}
        said |= {"recorded_at": now, "recorded_by": by}
        return self._supersede(held, Observation(**said), versions)

    def take_back(self, observation: Observation, *, by: str | None, reason: str, now: datetime) -> Put | None:
        """Undo a version: the one before it counts again, or nothing does; None if a newer one has taken its place."""
        held, versions = self._locked(observation)
        if held.id != observation.id or held.status is ObservationStatus.ENTERED_IN_ERROR:
            return None
        before = next((each for each in reversed(versions) if each.version < held.version), None)
        if before is None or before.status is ObservationStatus.ENTERED_IN_ERROR:
            return self.withdraw(held, by=by, reason=reason, now=now)
        said = _values(before)
        said |= {"id": new_id(), "recorded_at": now, "recorded_by": by}
        return self._supersede(held, Observation(**said), versions)

    def get(self, observation_id: str) -> Observation | None:
        """The version with this id."""
        return self._session.get(Observation, observation_id)

    def current(self, source: str, source_key: str) -> Observation | None:
        """The version of a result that counts; one that was entered in error too."""
        return self._session.scalar(
            select(Observation).where(
                results.c.source == source, results.c.source_key == source_key, results.c.superseded_at.is_(None)
            )
        )

    def versions(self, source: str, source_key: str) -> Sequence[Observation]:
        """Every version of a result, oldest first."""
        return self._session.scalars(_versions(source, source_key)).all()

    def versions_of(self, observation_id: str) -> Sequence[Observation]:
        """Every version of the result to which this version belongs, oldest first."""
        found = self.get(observation_id)
        return self.versions(found.source, found.source_key) if found is not None else []

    def latest(
        self, patient_id: str, codes: Collection[str], *, until: datetime | None = None
    ) -> dict[str, Observation]:
        """The newest result with a value of each code, of those that there are; `until`: as it was at an instant."""
        if not codes:
            return {}
        wanted = select(func.unnest(cast(sorted(codes), ARRAY(String))).label("code")).subquery()
        newest = (
            select(results.c.id)
            .where(*_counts(patient_id), results.c.code == wanted.c.code, results.c.value.is_not(None))
            .order_by(results.c.taken_at.desc(), results.c.recorded_at.desc())
            .limit(1)
        )
        if until is not None:
            newest = newest.where(results.c.taken_at <= until)
        # One look into the index for each code: somebody's cuff may have measured a hundred thousand times.
        each_newest = newest.lateral("newest")
        ids = select(each_newest.c.id).select_from(wanted.join(each_newest, true()))
        query = select(Observation).where(results.c.id.in_(ids))
        return {each.code: each for each in self._session.scalars(query)}

    def series(
        self,
        patient_id: str,
        code: str,
        since: datetime | None = None,
        *,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Observation]:
        """The results of a code, oldest first; with a `limit` only the newest so many."""
        query = (
            _counting(patient_id)
            .where(results.c.code == code)
            .order_by(results.c.taken_at.desc(), results.c.recorded_at.desc())
            .limit(limit)
        )
        if since is not None:
            query = query.where(results.c.taken_at >= since)
        if until is not None:
            query = query.where(results.c.taken_at < until)
        return list(reversed(self._session.scalars(query).all()))

    def years(self, patient_id: str, code: str, zone: str) -> Sequence[Span]:
        """A code year by year, in the calendar of a zone; over all its results."""
        return self.spans(patient_id, code, zone, SpanKind.YEAR)

    def spans(
        self,
        patient_id: str,
        code: str,
        zone: str,
        kind: SpanKind,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Span]:
        """A code by day, week, month or year, in the calendar of a zone."""
        begins = func.date_trunc(kind.value, func.timezone(zone, results.c.taken_at))
        in_order = func.array_agg(aggregate_order_by(results.c.value, results.c.taken_at.desc()), type_=ARRAY(Float))
        by_span = (
            select(
                begins.label("begins"),
                func.count().label("number"),
                func.min(results.c.value).label("lowest"),
                func.max(results.c.value).label("highest"),
                func.avg(results.c.value).label("mean"),
                func.percentile_cont(0.5).within_group(results.c.value).label("median"),
                in_order[1].label("last"),
            )
            .where(*_counts(patient_id), results.c.code == code, results.c.value.is_not(None))
            .group_by(text("1"))
            .order_by(text("1"))
        )
        if since is not None:
            by_span = by_span.where(results.c.taken_at >= since)
        if until is not None:
            by_span = by_span.where(results.c.taken_at < until)
        return [
            Span(
                begins=row.begins.date(),
                count=row.number,
                lowest=row.lowest,
                highest=row.highest,
                mean=row.mean,
                median=row.median,
                last=row.last,
            )
            for row in self._session.execute(by_span)
        ]

    def codes_of(self, patient_id: str) -> Mapping[str, int]:
        """How many results there are of each code."""
        rows = self._session.execute(
            select(results.c.code, func.count()).where(*_counts(patient_id)).group_by(results.c.code)
        )
        return {row[0]: row[1] for row in rows}

    def page(
        self,
        patient_id: str,
        *,
        codes: Collection[str] = (),
        before: tuple[datetime, str] | None = None,
        limit: int = 100,
    ) -> Sequence[Observation]:
        """Results newest first; `before` is instant and id of the last one seen."""
        query = _counting(patient_id).order_by(results.c.taken_at.desc(), results.c.id.desc()).limit(limit)
        if codes:
            query = query.where(results.c.code.in_(codes))
        if before is not None:
            query = query.where(tuple_(results.c.taken_at, results.c.id) < before)
        return self._session.scalars(query).all()

    def derived_from(self, origin: str) -> Sequence[Observation]:
        """What counts of the results that were reckoned from a response or a call."""
        return self._session.scalars(
            select(Observation).where(results.c.derived_from == origin, results.c.superseded_at.is_(None))
        ).all()

    def _supersede(self, held: Observation, observation: Observation, versions: Sequence[Observation]) -> Put:
        self._session.execute(
            update(results).where(results.c.id == held.id).values(superseded_at=observation.recorded_at)
        )
        self._session.refresh(held)
        self._insert(observation, version=len(versions) + 1)
        return Put(outcome=PutOutcome.SUPERSEDED, observation=self._kept(observation), before=held)

    def _insert_new(self, observations: Sequence[Observation]) -> dict[str, Observation]:
        """Insert those whose key nobody has used yet; by id."""
        if not observations:
            return {}
        # In one order, so that two messages with the same results wait for each other instead of for ever.
        rows = sorted(observations, key=lambda each: (each.source, each.source_key))
        for each in rows:
            each.version, each.superseded_at = 1, None
            each.taken_at = each.taken_at.astimezone(UTC)
            each.issued_at = each.issued_at.astimezone(UTC) if each.issued_at is not None else None
        done = set(
            self._session.scalars(_KEEP_NEW, {"rows": json.dumps([_values(each) for each in rows], default=str)})
        )
        new = {each.id: each for each in rows if each.id in done}
        for each in new.values():
            # What was just written needs no reading back.
            make_transient_to_detached(each)
        self._session.add_all(new.values())
        return new

    def _insert(self, observation: Observation, *, version: int, superseded_at: datetime | None = None) -> bool:
        values = {**_values(observation), "version": version, "superseded_at": superseded_at}
        done = self._session.execute(upsert(results).values(**values).on_conflict_do_nothing().returning(results.c.id))
        return done.scalar() is not None

    def _kept(self, observation: Observation) -> Observation:
        kept = self._session.get(Observation, observation.id)
        if kept is None:
            raise LookupError(f"result {observation.id} was not kept although nothing refused it")
        return kept

    def _locked(self, observation: Observation) -> tuple[Observation, Sequence[Observation]]:
        # A row's lock would not do: whoever waits for it finds it superseded and nothing in its place.
        named = f"{observation.source} {observation.source_key}"
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(named, 24))))
        versions = self._session.scalars(
            _versions(observation.source, observation.source_key).execution_options(populate_existing=True)
        ).all()
        return next(each for each in versions if each.superseded_at is None), versions


def _values(observation: Observation) -> dict[str, Any]:
    return {column.name: getattr(observation, column.name) for column in results.c}


def _was_taken_back(version: Observation | None, versions: Sequence[Observation]) -> bool:
    """True if what counts is what was there before this version: it was undone."""
    held = next(each for each in versions if each.superseded_at is None)
    if version is None or held is version:
        return False
    return any(each.version < version.version and each.says_the_same_as(held) for each in versions)


def _versions(source: str, source_key: str) -> Select[Observation]:
    return (
        select(Observation)
        .where(results.c.source == source, results.c.source_key == source_key)
        .order_by(results.c.version)
    )


def _counts(patient_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        results.c.patient_id == patient_id,
        results.c.superseded_at.is_(None),
        # Written out, so that the index of what counts is used by prepared statements too.
        literal_column("results.status <> 'entered_in_error'", Boolean),
    )


def _counting(patient_id: str) -> Select[Observation]:
    return select(Observation).where(*_counts(patient_id))
