"""One timeline over all tables that tell of a patient, read newest first in one query.

A table that comes later joins by a function of its own in STRANDS: nothing else has to change.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    DateTime,
    Integer,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    union_all,
)
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
    Strand(frozenset({TimelineKind.TAG}), care_strands.tagged),
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
    Strand(frozenset({TimelineKind.MESSAGE}), contact_strands.received),
)


_PATIENT = bindparam("patient", type_=Uuid(as_uuid=False))


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
        asked = {"patient": patient_id, "limit": limit}
        if before is not None:
            asked |= {"before_at": before.at, "before_kind": before.kind.value, "before_id": before.id}
        wanted = frozenset(kinds)
        if wanted and not any(strand.kinds & wanted for strand in STRANDS):
            return []
        statement = _page_of(wanted, _hashable(viewer), before is not None)
        return [
            TimelineItem(at=row.at, kind=TimelineKind(row.kind), id=str(row.id), source=row.source, facts=row.facts)
            for row in self._session.execute(statement, asked)
        ]

    def counts(self, patient_id: str, viewer: Viewer) -> dict[TimelineKind, int]:
        """How many items of each kind there are."""
        counted = self._session.execute(_counts_for(_hashable(viewer)), {"patient": patient_id})
        return {TimelineKind(row.kind): row.items for row in counted}


# To put twenty strands together takes longer than to ask them: each shape of question is built once.
@lru_cache(maxsize=256)
def _page_of(kinds: frozenset[TimelineKind], viewer: Viewer, goes_on: bool) -> Select[Any]:
    parts = []
    for strand in STRANDS:
        if kinds and not strand.kinds & kinds:
            continue
        story = strand.select(_PATIENT, viewer).subquery()
        part = select(story)
        if kinds:
            part = part.where(story.c.kind.in_(sorted(kind.value for kind in kinds)))
        if goes_on:
            part = part.where(_older(story.c))
        parts.append(_newest_first(part, story.c).subquery())
    whole = union_all(*(select(part) for part in parts)).subquery()
    return _newest_first(select(whole), whole.c)


@lru_cache(maxsize=256)
def _counts_for(viewer: Viewer) -> CompoundSelect[Any]:
    parts = []
    for strand in STRANDS:
        story = strand.select(_PATIENT, viewer).subquery()
        parts.append(select(story.c.kind, func.count().label("items")).group_by(story.c.kind))
    return union_all(*parts)


def _hashable(viewer: Viewer) -> Viewer:
    return replace(viewer, departments=tuple(sorted(viewer.departments)))


def _newest_first(query: Select[Any], story: Any) -> Select[Any]:
    return query.order_by(story.at.desc(), story.kind.desc(), story.id.desc()).limit(bindparam("limit", type_=Integer))


def _older(story: Any) -> ColumnElement[bool]:
    at = bindparam("before_at", type_=DateTime(timezone=True))
    place = tuple_(bindparam("before_kind", type_=String), bindparam("before_id", type_=Uuid(as_uuid=False)))
    # The plain comparison lets an index on the instant end the search.
    return and_(story.at <= at, or_(story.at < at, tuple_(story.kind, story.id) < place))
