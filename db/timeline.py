"""One timeline over all tables that tell of a patient, read newest first in one query.

A table that comes later joins by a function of its own in STRANDS: nothing else has to change.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Uuid, and_, cast, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session

from care.timeline import TimelineItem, TimelineKind, TimelinePlace
from db import care_strands, contact_strands
from db.timeline_rows import Strand
from followup.requests import Viewer

_HISTORY = frozenset({TimelineKind.CONDITION, TimelineKind.ALLERGY, TimelineKind.PROCEDURE, TimelineKind.FAMILY})

STRANDS: tuple[Strand, ...] = (
    Strand(frozenset({TimelineKind.VISIT}), care_strands.visits),
    Strand(_HISTORY, care_strands.history),
    Strand(frozenset({TimelineKind.RESULT}), care_strands.results),
    Strand(frozenset({TimelineKind.MEDICINE}), care_strands.medicines),
    Strand(frozenset({TimelineKind.DISPENSE}), care_strands.handed_out),
    Strand(frozenset({TimelineKind.RISK}), care_strands.risks),
    Strand(frozenset({TimelineKind.GOAL}), care_strands.set_goals),
    Strand(frozenset({TimelineKind.ADVICE}), care_strands.advice),
    Strand(frozenset({TimelineKind.LESSON}), care_strands.lessons),
    Strand(frozenset({TimelineKind.PROPOSAL}), care_strands.proposals),
    Strand(frozenset({TimelineKind.SUMMARY}), care_strands.summaries),
    Strand(frozenset({TimelineKind.PERSON}), care_strands.words_about_the_person),
    Strand(frozenset({TimelineKind.CONSENT}), contact_strands.consents),
    Strand(frozenset({TimelineKind.PLAN}), contact_strands.plans),
    Strand(frozenset({TimelineKind.CALL}), contact_strands.calls),
    Strand(frozenset({TimelineKind.NOTE}), contact_strands.notes),
    Strand(frozenset({TimelineKind.FORM}), contact_strands.forms),
    Strand(frozenset({TimelineKind.ALERT}), contact_strands.alerts),
    Strand(frozenset({TimelineKind.REQUEST}), contact_strands.requests),
    Strand(frozenset({TimelineKind.MESSAGE}), contact_strands.messages),
)


class TimelineRepository:
    """The story of a patient, page by page."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        patient_id: str,
        viewer: Viewer,
        *,
        kinds: Collection[TimelineKind] = (),
        before: TimelinePlace | None = None,
        limit: int = 50,
    ) -> Sequence[TimelineItem]:
        """What happened before a place, newest first; only these kinds, all if none is named."""
        parts = []
        for strand in _asked(kinds):
            story = strand.select(patient_id, viewer).subquery()
            part = select(story)
            if kinds:
                part = part.where(story.c.kind.in_([kind.value for kind in kinds]))
            if before is not None:
                part = part.where(_older(story.c, before))
            parts.append(
                part.order_by(story.c.at.desc(), story.c.kind.desc(), story.c.id.desc()).limit(limit).subquery()
            )
        if not parts:
            return []
        whole = union_all(*(select(part) for part in parts)).subquery()
        ordered = select(whole).order_by(whole.c.at.desc(), whole.c.kind.desc(), whole.c.id.desc()).limit(limit)
        return [
            TimelineItem(at=row.at, kind=TimelineKind(row.kind), id=str(row.id), source=row.source, facts=row.facts)
            for row in self._session.execute(ordered)
        ]

    def counts(self, patient_id: str, viewer: Viewer) -> dict[TimelineKind, int]:
        """How many items of each kind there are."""
        parts = []
        for strand in STRANDS:
            story = strand.select(patient_id, viewer).subquery()
            parts.append(select(story.c.kind, func.count().label("items")).group_by(story.c.kind))
        return {TimelineKind(row.kind): row.items for row in self._session.execute(union_all(*parts))}


def _asked(kinds: Collection[TimelineKind]) -> tuple[Strand, ...]:
    return tuple(strand for strand in STRANDS if not kinds or strand.kinds & set(kinds))


def _older(story: Any, before: TimelinePlace) -> ColumnElement[bool]:
    place = tuple_(literal(before.kind.value), cast(before.id, Uuid(as_uuid=False)))
    # The plain comparison lets an index on the instant end the search.
    return and_(story.at <= before.at, or_(story.at < before.at, tuple_(story.kind, story.id) < place))
