"""The chain over the audit log: links in a table of their own, which only grows as the log does, and signed heads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Row, String, Table, and_, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session

from db.audit import audit_log
from db.metadata import instant, metadata
from db.vault import Anchor
from followup.audit_chain import AuditRow, Link, next_link

audit_links = Table(
    "audit_links",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),  # no reference: a link outlives a row that was taken out
    instant("sealed_at"),
    Column("hash", String(64), nullable=False),
    Index("uq_audit_links_position", "position", unique=True),
)

audit_anchors = Table(
    "audit_anchors",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    instant("at"),
    Column("key", String(64), nullable=False),
    Column("signature", String(200), nullable=False),
)

LONGEST_WRITE = timedelta(hours=1)
"""A row shows when its transaction ends, behind rows with greater numbers: so far back it is looked for."""
_SEALER = 0x4155444954  # one advisory lock for whoever seals


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """Where the chain stands: its last link, how many rows wait to be sealed, the last signed head."""

    head: Link | None
    unsealed: int
    anchor: Anchor | None


class AuditChain:
    """Links and signed heads."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def seal(self, *, limit: int) -> int:
        """Seal rows that have no link yet, in order of their number; how many. None while somebody else seals."""
        if not self._session.scalar(select(func.pg_try_advisory_xact_lock(_SEALER))):
            return 0
        last = self.head()
        links = []
        for row in self._unsealed(limit=limit):
            last = next_link(last, row, sealed_at=self._now)
            links.append(
                {"place": last.place, "position": last.position, "sealed_at": last.sealed_at, "hash": last.hash}
            )
        if links:
            self._session.execute(insert(audit_links), links)
        return len(links)

    def head(self) -> Link | None:
        """The last link."""
        row = self._session.execute(select(audit_links).order_by(audit_links.c.place.desc()).limit(1)).one_or_none()
        return None if row is None else _link(row)

    def link(self, place: int) -> Link | None:
        """The link at this place."""
        row = self._session.execute(select(audit_links).where(audit_links.c.place == place)).one_or_none()
        return None if row is None else _link(row)

    def pairs(self, *, after: int, limit: int) -> Sequence[tuple[Link, AuditRow | None]]:
        """Links behind a place, in order, each with its row if the log still has it."""
        found = self._session.execute(
            select(
                audit_links.c.place,
                audit_links.c.position.label("sealed_position"),
                audit_links.c.sealed_at,
                audit_links.c.hash,
                *audit_log.c,
            )
            .select_from(audit_links.outerjoin(audit_log, audit_log.c.position == audit_links.c.position))
            .where(audit_links.c.place > after)
            .order_by(audit_links.c.place)
            .limit(limit)
        )
        return [
            (
                Link(
                    place=row.place,
                    position=row.sealed_position,
                    sealed_at=row.sealed_at.astimezone(UTC),
                    hash=row.hash,
                ),
                None if row.position is None else _audit_row(row),
            )
            for row in found
        ]

    def never_sealed(self, *, before: datetime, limit: int) -> Sequence[int]:
        """Rows older than an instant that have no link: they came in beside the sealing, or it stands still."""
        return self._session.scalars(
            select(audit_log.c.position)
            .outerjoin(audit_links, audit_links.c.position == audit_log.c.position)
            .where(audit_links.c.place.is_(None), audit_log.c.at < before)
            .order_by(audit_log.c.position)
            .limit(limit)
        ).all()

    def state(self) -> ChainState:
        """Where the chain stands."""
        waiting = self._session.scalar(
            select(func.count()).select_from(
                select(audit_log.c.position)
                .outerjoin(audit_links, audit_links.c.position == audit_log.c.position)
                .where(and_(audit_links.c.place.is_(None), audit_log.c.position > self._floor()))
                .subquery()
            )
        )
        return ChainState(head=self.head(), unsealed=waiting or 0, anchor=self.last_anchor())

    def wants_signing(self, *, before: datetime) -> bool:
        """Whether the chain has grown since its head was signed, longer ago than an instant."""
        head, anchor = self.head(), self.last_anchor()
        if head is None:
            return False
        return anchor is None or (anchor.position < head.place and not before <= anchor.at <= self._now)  # or to come

    def keep_anchor(self, anchor: Anchor) -> None:
        """Save a signed head; the same head signed twice is kept once."""
        self._session.execute(
            insert_or(audit_anchors)
            .values(
                place=anchor.position,
                hash=anchor.hash,
                at=anchor.at,
                key=anchor.key,
                signature=anchor.signature,
            )
            .on_conflict_do_nothing()
        )

    def last_anchor(self) -> Anchor | None:
        """The newest signed head."""
        row = self._session.execute(select(audit_anchors).order_by(audit_anchors.c.place.desc()).limit(1)).one_or_none()
        return None if row is None else _anchor(row)

    def anchors(self, *, after: int = 0) -> Sequence[Anchor]:
        """Every signed head behind a place, oldest first."""
        return [
            _anchor(row)
            for row in self._session.execute(
                select(audit_anchors).where(audit_anchors.c.place > after).order_by(audit_anchors.c.place)
            )
        ]

    def _unsealed(self, *, limit: int) -> Sequence[AuditRow]:
        return [
            _audit_row(row)
            for row in self._session.execute(
                select(audit_log)
                .outerjoin(audit_links, audit_links.c.position == audit_log.c.position)
                .where(audit_links.c.place.is_(None), audit_log.c.position > self._floor())
                .order_by(audit_log.c.position)
                .limit(limit)
            )
        ]

    def _floor(self) -> int:
        """The last row sealed before the longest write: nothing in front of it can still come to light."""
        return (
            self._session.scalar(
                select(audit_links.c.position)
                .where(audit_links.c.sealed_at < self._now - LONGEST_WRITE)
                .order_by(audit_links.c.place.desc())
                .limit(1)
            )
            or 0
        )


def _link(row: Row[Any]) -> Link:
    return Link(place=row.place, position=row.position, sealed_at=row.sealed_at.astimezone(UTC), hash=row.hash)


def _audit_row(row: Row[Any]) -> AuditRow:
    return AuditRow(
        position=row.position,
        at=row.at.astimezone(UTC),
        user_id=row.user_id,
        action=row.action,
        subject_kind=row.subject_kind,
        subject=row.subject,
        patient_id=row.patient_id,
        detail=row.detail,
    )


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(position=row.place, hash=row.hash, at=row.at.astimezone(UTC), key=row.key, signature=row.signature)
