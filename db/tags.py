"""Tags, segments and wishes about being reached: tables, mappings, repository. A row is ended once, never rewritten."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Index, Integer, String, Table, Uuid, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from care.segments import Channel, ContactPreference, Hearing, PartOfDay, SegmentMember, Steering, steering_of
from care.tags import Tag, TagEnd, TagOrigin
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.objections import own_hours

SEGMENT_SOURCE = "segment:"
"""How the source of hours begins that no person wrote down but a segment asked for."""

tags = Table(
    "tags",
    metadata,
    id_column(),
    reference("patient_id", "patients.id", index=False),
    Column("code", String(64), nullable=False),
    closed_set("origin", TagOrigin),
    Column("rule", String(80), nullable=True),  # code/version
    Column("title", JSONB, nullable=False),
    Column("reason", String(500), nullable=False, default=""),
    Column("evidence", JSONB, nullable=False, default=list),
    instant("since"),
    instant("added_at"),
    Column("added_by", Uuid(as_uuid=False), nullable=True),
    instant("look_again_at", nullable=True),
    instant("ended_at", nullable=True),
    closed_set("end", TagEnd, nullable=True),
    Column("ended_by", Uuid(as_uuid=False), nullable=True),
    Column("end_reason", String(500), nullable=False, default=""),
    Column("end_evidence", JSONB, nullable=False, default=list),
    Index("ix_tags_patient", "patient_id", "added_at", "id"),
    Index("ix_tags_code", "code", "patient_id", postgresql_where=text("ended_at IS NULL")),
    Index("ix_tags_look_again", "look_again_at", postgresql_where=text("ended_at IS NULL")),
    # A rule's tag stands once, and one by hand may stand beside it.
    Index("uq_tags_standing", "patient_id", "code", "origin", unique=True, postgresql_where=text("ended_at IS NULL")),
)

contact_preferences = Table(
    "contact_preferences",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    closed_set("hearing", Hearing),
    closed_set("part_of_day", PartOfDay),
    closed_set("channel", Channel),
    Column("source", String(64), nullable=False),
    instant("recorded_at"),
    Column("recorded_by", Uuid(as_uuid=False), nullable=True),
    instant("superseded_at", nullable=True),
    Index("uq_contact_preferences_current", "patient_id", unique=True, postgresql_where=text("superseded_at IS NULL")),
)

segment_members = Table(
    "segment_members",
    metadata,
    id_column(),
    reference("patient_id", "patients.id"),
    Column("segment", String(64), nullable=False),
    Column("rule", String(80), nullable=False),
    Column("order", Integer, nullable=False),
    Column("steering", JSONB, nullable=False),
    Column("evidence", JSONB, nullable=False, default=list),
    instant("since"),
    instant("left_at", nullable=True),
    Index(
        "uq_segment_members_current",
        "patient_id",
        "segment",
        unique=True,
        postgresql_where=text("left_at IS NULL"),
    ),
)

mapper_registry.map_imperatively(Tag, tags)
mapper_registry.map_imperatively(ContactPreference, contact_preferences)
mapper_registry.map_imperatively(SegmentMember, segment_members)


class TagRepository:
    """What patients are tagged with, which segments they are in, how they want to be reached."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Tag | SegmentMember) -> None:
        """Save a tag, or that a patient is in a segment."""
        self._session.add(row)
        self._session.flush()

    def get(self, tag_id: str) -> Tag | None:
        """The tag with this id."""
        return self._session.get(Tag, tag_id)

    def for_update(self, tag_id: str) -> Tag | None:
        """The tag, locked until the end of the transaction."""
        return self._session.scalar(
            select(Tag).where(tags.c.id == tag_id).with_for_update().execution_options(populate_existing=True)
        )

    def standing(self, patient_id: str) -> Sequence[Tag]:
        """What a patient is tagged with now, newest first."""
        return self._session.scalars(
            select(Tag)
            .where(tags.c.patient_id == patient_id, tags.c.ended_at.is_(None))
            .order_by(tags.c.added_at.desc(), tags.c.id)
        ).all()

    def of_patient(self, patient_id: str, *, limit: int = 500) -> Sequence[Tag]:
        """Every tag a patient ever had, newest first."""
        return self._session.scalars(
            select(Tag).where(tags.c.patient_id == patient_id).order_by(tags.c.added_at.desc(), tags.c.id).limit(limit)
        ).all()

    def end(
        self,
        tag: Tag,
        end: TagEnd,
        *,
        at: datetime,
        by: str | None = None,
        reason: str = "",
        evidence: Sequence[dict[str, object]] = (),
    ) -> None:
        """It no longer stands."""
        tag.ended_at, tag.end, tag.ended_by = at, end, by
        tag.end_reason, tag.end_evidence = reason, list(evidence)
        self._session.flush()

    def to_look_at_again(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Patients who have a tag whose evidence is too old by now."""
        return self._session.scalars(
            select(tags.c.patient_id)
            .where(tags.c.ended_at.is_(None), tags.c.look_again_at <= now)
            .distinct()
            .limit(limit)
        ).all()

    def one_at_a_time(self, patient_id: str) -> None:
        """Whoever else looks at this patient's tags waits until the end of the transaction."""
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"tags/{patient_id}", 0))))

    def leave(self, member: SegmentMember, at: datetime) -> None:
        """The patient is in the segment no more."""
        member.left_at = at
        self._session.flush()

    def put_preference(self, said: ContactPreference) -> ContactPreference:
        """Keep what a patient said; said again alike it is no change."""
        held = self.preference_of(said.patient_id)
        if held is not None:
            if held.says() == said.says():
                return held
            held.superseded_at = said.recorded_at
            self._session.flush()
        self._session.add(said)
        self._session.flush()
        return said

    def preference_of(self, patient_id: str) -> ContactPreference | None:
        """What he said last."""
        return self._session.scalar(
            select(ContactPreference).where(
                contact_preferences.c.patient_id == patient_id, contact_preferences.c.superseded_at.is_(None)
            )
        )

    def segments_of(self, patient_id: str) -> Sequence[SegmentMember]:
        """The segments that a patient is in, those first that count first."""
        return self._session.scalars(
            select(SegmentMember)
            .where(segment_members.c.patient_id == patient_id, segment_members.c.left_at.is_(None))
            .order_by(segment_members.c.order, segment_members.c.segment)
        ).all()

    def steering(self, patient_id: str) -> Steering:
        """What a patient's segments ask of scheduling together."""
        return steering_of([Steering.read(member.steering) for member in self.segments_of(patient_id)])

    def hours_source(self, patient_id: str) -> str | None:
        """Who asked for the patient's own hours; None if there are none."""
        return self._session.scalar(select(own_hours.c.source).where(own_hours.c.patient_id == patient_id))
