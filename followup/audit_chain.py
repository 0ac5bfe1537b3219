"""The audit log's chain: each row of the log is sealed by a link whose checksum covers the row and the link before it.

Rows are written by many at once and sealed in passing by one, so that nobody who writes waits for another. Whoever
changes, takes out or exchanges a sealed row would have to change every later link, and with them the signed heads.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

BEGINNING = "0" * 64
"""What the first link names as the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """A row of the log as it stands there."""

    position: int
    at: datetime
    user_id: str | None
    action: str
    subject_kind: str
    subject: str
    patient_id: str | None
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The seal of one row: its place in the chain, which row, and when it was sealed."""

    place: int
    position: int
    sealed_at: datetime
    hash: str


def next_link(last: Link | None, row: AuditRow, *, sealed_at: datetime) -> Link:
    """The link behind `last`, over this row."""
    place = last.place + 1 if last else 1
    previous = last.hash if last else BEGINNING
    return Link(
        place=place,
        position=row.position,
        sealed_at=sealed_at,
        hash=_checksum(row, place=place, sealed_at=sealed_at, previous=previous),
    )


def faults_in(pairs: Iterable[tuple[Link, AuditRow | None]], before: Link | None = None) -> Iterator[str]:
    """A sentence for each link whose row is gone or another, or that does not follow the one before it."""
    for link, row in pairs:
        fault = _fault_of(link, row, before)
        if fault:
            yield f"audit link {link.place} (row {link.position}): {fault}"
        before = link


def _fault_of(link: Link, row: AuditRow | None, before: Link | None) -> str:
    expected = before.place + 1 if before else 1
    if link.place != expected:
        return f"the links before it are missing, from {expected} on"
    if row is None:
        return "its row was taken out of the log"
    previous = before.hash if before else BEGINNING
    if _checksum(row, place=link.place, sealed_at=link.sealed_at, previous=previous) != link.hash:
        return "its row, or the link before it, was changed after it was sealed"
    return ""


def _checksum(row: AuditRow, *, place: int, sealed_at: datetime, previous: str) -> str:
    text = json.dumps(
        {
            "place": place,
            "sealed_at": sealed_at.astimezone(UTC).isoformat(),
            "previous": previous,
            "position": row.position,
            "at": row.at.astimezone(UTC).isoformat(),
            "user": row.user_id,
            "action": row.action,
            "subject_kind": row.subject_kind,
            "subject": row.subject,
            "patient": row.patient_id,
            "detail": dict(row.detail),
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()
