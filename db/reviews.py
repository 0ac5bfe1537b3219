"""What was said of entries of the record while a form was filled in: table and repository; rows are only added."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Column, Index, String, Table, Uuid, insert, select
from sqlalchemy.orm import Session

from care.intake import EntryReview, Verdict
from db.metadata import closed_set, id_column, instant, metadata, reference

entry_reviews = Table(
    "entry_reviews",
    metadata,
    id_column(),
    reference("response_id", "responses.id", index=False),
    Column("link_id", String(60), nullable=False),
    reference("entry_id", "history_entries.id", index=False),
    closed_set("verdict", Verdict),
    Column("text", String(200), nullable=False, default=""),
    reference("result_id", "history_entries.id", nullable=True, index=False),
    Column("by", Uuid(as_uuid=False), nullable=False),
    Column("relative_id", Uuid(as_uuid=False), nullable=True),
    Column("attempt_id", Uuid(as_uuid=False), nullable=True),
    instant("at"),
    Index("ix_entry_reviews_response", "response_id", "at"),
)


class ReviewRepository:
    """Verdicts on what the record said."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, review: EntryReview) -> None:
        """Append one."""
        self._session.execute(insert(entry_reviews).values(**asdict(review)))

    def of_response(self, response_id: str) -> Sequence[EntryReview]:
        """Everything said in a response, oldest first."""
        rows = self._session.execute(
            select(entry_reviews)
            .where(entry_reviews.c.response_id == response_id)
            .order_by(entry_reviews.c.at, entry_reviews.c.id)
        )
        return [EntryReview(**row) for row in rows.mappings()]
