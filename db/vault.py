"""The vault's rows: wrapped keys of sealed objects, the ledger that only grows, and its signed heads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Row, String, Table, Text, Uuid, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session

from db.metadata import closed_set, instant, metadata
from db.recordings import recordings
from followup.ledger import LedgerKind, LedgerLine, facts_of, next_line
from followup.recordings import Recording, RecordingState

vault_keys = Table(
    "vault_keys",
    metadata,
    Column("uri", String(1000), primary_key=True),
    Column("wrapped", Text, nullable=False),
    Column("wrapped_by", String(300), nullable=False),
    instant("created_at"),
    instant("wrapped_at"),
    Index("ix_vault_keys_wrapped_by", "wrapped_by", "uri"),
)

vault_ledger = Table(
    "vault_ledger",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    instant("at"),
    closed_set("kind", LedgerKind),
    Column("recording_id", Uuid(as_uuid=False), nullable=False),  # no reference: the line outlives the row
    Column("text", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_vault_ledger_recording", "recording_id", "position"),
)

vault_anchors = Table(
    "vault_anchors",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    instant("at"),
    Column("key", String(64), nullable=False),
    Column("signature", String(200), nullable=False),
)

vault_remains = Table(
    "vault_remains",
    metadata,
    Column("uri", String(1000), primary_key=True),
    instant("since"),
)
"""Objects that no row needs any more and that still have to be taken out of the store."""

_WRITERS = 0x5641554C5443  # one advisory lock for all who add lines


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """The key of one sealed object, itself encrypted; `wrapped_by` names the key that opens it."""

    uri: str
    wrapped: str
    wrapped_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A signed word that the ledger ended with this line at that time."""

    position: int
    hash: str
    at: datetime
    key: str  # the signing key's fingerprint
    signature: str  # base64


class VaultRepository:
    """Wrapped keys, ledger and anchors."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def key(self, uri: str) -> WrappedKey | None:
        """The wrapped key of the object at this address."""
        row = self._session.execute(select(vault_keys).where(vault_keys.c.uri == uri)).one_or_none()
        return None if row is None else _key(row)

    def keep_key(self, key: WrappedKey) -> WrappedKey:
        """Save the key unless its address has one; whichever is there then is answered."""
        self._session.execute(
            insert_or(vault_keys)
            .values(
                uri=key.uri,
                wrapped=key.wrapped,
                wrapped_by=key.wrapped_by,
                created_at=self._now,
                wrapped_at=self._now,
            )
            .on_conflict_do_nothing()
        )
        return _key(self._session.execute(select(vault_keys).where(vault_keys.c.uri == key.uri)).one())

    def destroy_key(self, uri: str) -> bool:
        """Forget a key: what was sealed with it can never be opened again, wherever copies of it lie."""
        gone = self._session.execute(delete(vault_keys).where(vault_keys.c.uri == uri).returning(vault_keys.c.uri))
        return gone.one_or_none() is not None

    def keys_not_wrapped_by(self, name: str, *, after: str, limit: int) -> Sequence[WrappedKey]:
        """Keys that another key wraps, behind an address, locked; those that somebody else holds are left out."""
        return [
            _key(row)
            for row in self._session.execute(
                select(vault_keys)
                .where(vault_keys.c.wrapped_by != name, vault_keys.c.uri > after)
                .order_by(vault_keys.c.uri)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
        ]

    def wrap_again(self, key: WrappedKey) -> None:
        """The same key, wrapped by another."""
        self._session.execute(
            update(vault_keys)
            .where(vault_keys.c.uri == key.uri)
            .values(wrapped=key.wrapped, wrapped_by=key.wrapped_by, wrapped_at=self._now)
        )

    def wrapping_counts(self) -> Mapping[str, int]:
        """How many keys each wrapping key holds."""
        rows = self._session.execute(
            select(vault_keys.c.wrapped_by, func.count().label("keys"))
            .group_by(vault_keys.c.wrapped_by)
            .order_by(vault_keys.c.wrapped_by)
        )
        return {row.wrapped_by: int(row[1]) for row in rows}

    def leave(self, uri: str) -> None:
        """From this transaction on no row needs the object; it is to be taken away."""
        self._session.execute(insert_or(vault_remains).values(uri=uri, since=self._now).on_conflict_do_nothing())

    def remains(self, *, before: datetime, limit: int) -> Sequence[str]:
        """Addresses of objects to take away that were left before an instant, oldest first."""
        return self._session.scalars(
            select(vault_remains.c.uri)
            .where(vault_remains.c.since < before)
            .order_by(vault_remains.c.since, vault_remains.c.uri)
            .limit(limit)
        ).all()

    def is_gone(self, uri: str) -> None:
        """The object was taken away."""
        self._session.execute(delete(vault_remains).where(vault_remains.c.uri == uri))

    def in_clear(self, *, after: str | None, limit: int) -> Sequence[Recording]:
        """Recordings whose file lies in the store unencrypted, in order of id, from behind `after`."""
        query = (
            select(Recording)
            .where(
                recordings.c.uri.is_not(None),
                recordings.c.encrypted.is_(False),
                recordings.c.state != RecordingState.EXPIRED,
            )
            .order_by(recordings.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(recordings.c.id > after)
        return self._session.scalars(query).all()

    def needs_tending(self, *, remains_before: datetime, anchored_before: datetime) -> bool:
        """Whether a file is to be sealed or taken away, or the ledger has grown since it was signed long ago."""
        head, anchor = self.head(), self.last_anchor()
        if head is not None and (
            anchor is None
            or (anchor.position < head.position and not anchored_before <= anchor.at <= self._now)  # or to come
        ):
            return True
        return bool(self.remains(before=remains_before, limit=1) or self.in_clear(after=None, limit=1))

    def enter(self, kind: LedgerKind, recording: Recording, **more: object) -> LedgerLine:
        """Add a line about a recording; others who add one wait until this transaction ends."""
        self._session.flush()
        self._session.execute(select(func.pg_advisory_xact_lock(_WRITERS)))
        line = next_line(
            self.head(),
            at=self._now,
            kind=kind,
            recording_id=recording.id,
            facts={**facts_of(recording), **more},
        )
        self._session.execute(
            insert(vault_ledger).values(
                position=line.position,
                at=line.at,
                kind=line.kind,
                recording_id=line.recording_id,
                text=line.text,
                hash=line.hash,
            )
        )
        return line

    def head(self) -> LedgerLine | None:
        """The last line."""
        row = self._session.execute(
            select(vault_ledger).order_by(vault_ledger.c.position.desc()).limit(1)
        ).one_or_none()
        return None if row is None else _line(row)

    def lines(self, *, after: int = 0, limit: int = 1000) -> Sequence[LedgerLine]:
        """The lines behind a position, in order."""
        return [
            _line(row)
            for row in self._session.execute(
                select(vault_ledger)
                .where(vault_ledger.c.position > after)
                .order_by(vault_ledger.c.position)
                .limit(limit)
            )
        ]

    def lines_of(self, recording_id: str) -> Sequence[LedgerLine]:
        """What the ledger says of one recording, in order."""
        return [
            _line(row)
            for row in self._session.execute(
                select(vault_ledger)
                .where(vault_ledger.c.recording_id == recording_id)
                .order_by(vault_ledger.c.position)
            )
        ]

    def checksums_of(self, recording_ids: Collection[str]) -> dict[str, str | None]:
        """The checksums in the rows of recordings; one that has no row is left out."""
        query = select(recordings.c.id, recordings.c.sha256).where(recordings.c.id.in_(recording_ids))
        return {row.id: row.sha256 for row in self._session.execute(query)}

    def newest_positions_of(self, recording_ids: Collection[str]) -> dict[str, int]:
        """The position of the last line about each recording."""
        query = (
            select(vault_ledger.c.recording_id, func.max(vault_ledger.c.position).label("newest"))
            .where(vault_ledger.c.recording_id.in_(recording_ids))
            .group_by(vault_ledger.c.recording_id)
        )
        return {row.recording_id: row.newest for row in self._session.execute(query)}

    def keep_anchor(self, anchor: Anchor) -> None:
        """Save a signed head; the same head signed twice is kept once."""
        self._session.execute(
            insert_or(vault_anchors)
            .values(
                position=anchor.position,
                hash=anchor.hash,
                at=anchor.at,
                key=anchor.key,
                signature=anchor.signature,
            )
            .on_conflict_do_nothing()
        )

    def last_anchor(self) -> Anchor | None:
        """The newest signed head."""
        row = self._session.execute(
            select(vault_anchors).order_by(vault_anchors.c.position.desc()).limit(1)
        ).one_or_none()
        return None if row is None else _anchor(row)

    def anchors(self) -> Sequence[Anchor]:
        """Every signed head, oldest first."""
        return [_anchor(row) for row in self._session.execute(select(vault_anchors).order_by(vault_anchors.c.position))]


def _key(row: Row[Any]) -> WrappedKey:
    return WrappedKey(uri=row.uri, wrapped=row.wrapped, wrapped_by=row.wrapped_by)


def _line(row: Row[Any]) -> LedgerLine:
    return LedgerLine(
        position=row.position,
        at=row.at.astimezone(UTC),
        kind=LedgerKind(row.kind),
        recording_id=row.recording_id,
        text=row.text,
        hash=row.hash,
    )


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(position=row.position, hash=row.hash, at=row.at.astimezone(UTC), key=row.key, signature=row.signature)
