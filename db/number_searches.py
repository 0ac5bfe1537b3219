"""Searches for a new number: open from the moment a number turns out to be of no use until somebody has looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, Index, String, Table, select, text
from sqlalchemy.orm import Session

from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from followup.outcomes import AttemptOutcome
from runtime.identifiers import new_id


@dataclass(kw_only=True, eq=False)
class NumberSearch:
    """Somebody of the registry has to find a number of this patient."""

    id: str
    patient_id: str
    contact_point_id: str  # the one that was of no use
    attempt_id: str
    because: AttemptOutcome
    none_left: bool  # there is no other number to dial: the patient cannot be reached until it is found
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    found_id: str | None = None  # the contact point that was found
    closing_words: str = ""


number_searches = Table(
    "number_searches",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    reference("contact_point_id", "contact_points.id", index=False),
    reference("attempt_id", "attempts.id", index=False),
    closed_set("because", AttemptOutcome),
    Column("none_left", Boolean, nullable=False),
    instant("opened_at"),
    instant("closed_at", nullable=True),
    reference("closed_by", "users.id", nullable=True, index=False),
    reference("found_id", "contact_points.id", nullable=True, index=False),
    Column("closing_words", String(500), nullable=False, default=""),
    # Two queues that find the same number wrong ask the registry once.
    Index("uq_number_searches_open", "contact_point_id", unique=True, postgresql_where=text("closed_at IS NULL")),
)

mapper_registry.map_imperatively(NumberSearch, number_searches)


class NumberSearchRepository:
    """Open and closed searches."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(
        self,
        *,
        patient_id: str,
        contact_point_id: str,
        attempt_id: str,
        because: AttemptOutcome,
        none_left: bool,
        now: datetime,
    ) -> NumberSearch:
        """The open search for another number than this one; begun now if there is none."""
        found = self._session.scalar(
            select(NumberSearch).where(
                number_searches.c.contact_point_id == contact_point_id, number_searches.c.closed_at.is_(None)
            )
        )
        if found is not None:
            found.none_left = found.none_left or none_left
            return found
        search = NumberSearch(
            id=new_id(),
            patient_id=patient_id,
            contact_point_id=contact_point_id,
            attempt_id=attempt_id,
            because=because,
            none_left=none_left,
            opened_at=now,
        )
        self._session.add(search)
        self._session.flush()
        return search

    def for_update(self, search_id: str) -> NumberSearch | None:
        """The search with this id, locked."""
        return self._session.scalar(
            select(NumberSearch)
            .where(number_searches.c.id == search_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def opened_by(self, attempt_id: str) -> Sequence[NumberSearch]:
        """Searches that an attempt began and nobody has closed, locked."""
        return self._session.scalars(
            select(NumberSearch)
            .where(number_searches.c.attempt_id == attempt_id, number_searches.c.closed_at.is_(None))
            .with_for_update()
        ).all()

    def page(self, *, still_open: bool, after: str | None, limit: int) -> Sequence[NumberSearch]:
        """Searches in order of id, from behind `after`."""
        closed = number_searches.c.closed_at
        query = select(NumberSearch).where(closed.is_(None) if still_open else closed.is_not(None))
        if after:
            query = query.where(number_searches.c.id > after)
        return self._session.scalars(query.order_by(number_searches.c.id).limit(limit)).all()
