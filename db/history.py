"""What patients have and had, in versions: table, mapping, repository. Rows only grow and are superseded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Boolean, Column, Date, Index, Integer, String, Table, Text, Uuid, func, select, text, update
from sqlalchemy.orm import Session

from care.history import EntryOutdatedError, EntryState, HistoryEntry, HistoryKind
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from runtime.identifiers import new_id

history_entries = Table(
    "history_entries",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    closed_set("kind", HistoryKind),
    Column("code", String(40), nullable=False, default=""),
    Column("name", String(300), nullable=False),
    closed_set("state", EntryState),
    Column("since", Date, nullable=True),
    Column("until", Date, nullable=True),
    Column("relation", String(60), nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("source", String(100), nullable=False),
    Column("source_key", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("decided", Boolean, nullable=False, default=False),
    instant("stated_at", nullable=True),
    instant("superseded_at", nullable=True),
    instant("confirmed_at", nullable=True),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    Index("ix_history_entries_patient", "patient_id", "recorded_at", "id"),
    Index("uq_history_entries_version", "patient_id", "source", "source_key", "version", unique=True),
    Index(
        "uq_history_entries_current",
        "patient_id",
        "source",
        "source_key",
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
)

mapper_registry.map_imperatively(HistoryEntry, history_entries)


class HistoryRepository:
    """Diagnoses, allergies, operations and the family's illnesses.

    The same source and key is the same entry, and what a source says again changes nothing. What a clinician decides
    about an entry is a version of it too: it holds until the source says something that it had not said before.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, entry: HistoryEntry) -> HistoryEntry:
        """Take in what a source says; the version that holds afterwards."""
        self._one_at_a_time(entry)
        story = self._story(entry.patient_id, entry.source, entry.source_key)
        if not story:
            return self._added(entry, version=1)
        current = next(version for version in story if version.superseded_at is None)
        # By the source's own clock: what came late stands among the versions, but is not its last word.
        last_word = max(
            (version for version in story if not version.decided),
            key=lambda version: (version.stated_at or version.recorded_at, version.version),
            default=None,
        )
        if last_word and entry.stated_at and last_word.stated_at and entry.stated_at < last_word.stated_at:
            if not any(version.tells() == entry.tells() for version in story):
                self._added(replace(entry, superseded_at=entry.recorded_at), version=story[-1].version + 1)
            return current
        if last_word and last_word.tells() == entry.tells() and entry.confirmed_at is None:
            return current
        return self._superseded(current, entry, version=story[-1].version + 1)

    def confirm(self, entry_id: str, *, by: str | None, at: datetime) -> HistoryEntry:
        """Somebody asked the patient, and the entry holds: a version that says so."""
        entry = self._held(entry_id)
        return self._superseded(
            entry,
            replace(entry, decided=True, confirmed_at=at, recorded_at=at, recorded_by=by),
            version=self._last_version(entry) + 1,
        )

    def decide(
        self,
        entry_id: str,
        *,
        state: EntryState,
        note: str,
        by: str | None,
        at: datetime,
        until: date | None = None,
    ) -> HistoryEntry:
        """A clinician says whether the entry holds, whatever its source sent: a version that says so."""
        entry = self._held(entry_id)
        return self._superseded(
            entry,
            replace(
                entry,
                state=state,
                note=note,
                until=until or entry.until,
                decided=True,
                confirmed_at=None,
                recorded_at=at,
                recorded_by=by,
            ),
            version=self._last_version(entry) + 1,
        )

    def get(self, entry_id: str) -> HistoryEntry | None:
        """The version with this id."""
        return self._session.get(HistoryEntry, entry_id)

    def current_of(self, patient_id: str, kind: HistoryKind | None = None) -> Sequence[HistoryEntry]:
        """What holds now, of every source: resolved and refuted entries too, newest first."""
        query = (
            select(HistoryEntry)
            .where(history_entries.c.patient_id == patient_id, history_entries.c.superseded_at.is_(None))
            .order_by(history_entries.c.recorded_at.desc(), history_entries.c.id.desc())
        )
        if kind is not None:
            query = query.where(history_entries.c.kind == kind)
        return self._session.scalars(query).all()

    def versions_of(self, entry_id: str) -> Sequence[HistoryEntry]:
        """Every version of the entry that this one is a version of, oldest first."""
        entry = self.get(entry_id)
        return self._story(entry.patient_id, entry.source, entry.source_key) if entry else []

    def _story(self, patient_id: str, source: str, source_key: str) -> Sequence[HistoryEntry]:
        return self._session.scalars(
            select(HistoryEntry)
            .where(
                history_entries.c.patient_id == patient_id,
                history_entries.c.source == source,
                history_entries.c.source_key == source_key,
            )
            .order_by(history_entries.c.version)
            .execution_options(populate_existing=True)
        ).all()

    def _held(self, entry_id: str) -> HistoryEntry:
        """The entry's version, alone in our hands, if it is the one that holds."""
        entry = self.get(entry_id)
        if entry is None:
            raise LookupError(f"history entry {entry_id} is not there")
        self._one_at_a_time(entry)
        self._session.refresh(entry)
        if entry.superseded_at is not None:
            raise EntryOutdatedError(entry_id)
        return entry

    def _last_version(self, entry: HistoryEntry) -> int:
        return self._story(entry.patient_id, entry.source, entry.source_key)[-1].version

    def _one_at_a_time(self, entry: HistoryEntry) -> None:
        key = f"history/{entry.patient_id}/{entry.source}/{entry.source_key}"
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))

    def _superseded(self, current: HistoryEntry, entry: HistoryEntry, *, version: int) -> HistoryEntry:
        self._session.execute(
            update(history_entries)
            .where(history_entries.c.id == current.id)
            .values(superseded_at=entry.recorded_at)
            .execution_options(synchronize_session=False)
        )
        self._session.expire(current)
        return self._added(replace(entry, superseded_at=None), version=version)

    def _added(self, entry: HistoryEntry, *, version: int) -> HistoryEntry:
        added = replace(entry, id=new_id() if self.get(entry.id) else entry.id, version=version)
        self._session.add(added)
        self._session.flush()
        return added
