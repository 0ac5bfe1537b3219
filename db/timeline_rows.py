"""What every strand of the timeline has in common: five columns, and the kinds it tells of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, String, cast, func, literal, select

from care.timeline import TimelineKind
from followup.requests import Viewer

PatientBind = BindParameter[Any]
"""The patient's place in a statement that is built once and asked for everybody."""

EXCERPT = 280
"""So many characters of a longer text are told; the whole stands at the item's own address."""


def rows(
    kind: TimelineKind | ColumnElement[Any],
    *,
    at: ColumnElement[Any],
    id: ColumnElement[Any],  # noqa: A002 the column's name
    source: ColumnElement[Any] | str,
    facts: Mapping[str, ColumnElement[Any]],
) -> Select[Any]:
    """The five columns that every strand has."""
    pairs = [part for name, column in facts.items() for part in (name, column)]
    return select(
        at.label("at"),
        (literal(kind.value) if isinstance(kind, TimelineKind) else cast(kind, String)).label("kind"),
        id.label("id"),
        (literal(source) if isinstance(source, str) else source).label("source"),
        func.jsonb_build_object(*pairs).label("facts"),
    )


@dataclass(frozen=True, slots=True)
class Strand:
    """Where items of some kinds come from; `select` gives the columns of `rows` for one patient and one reader."""

    kinds: frozenset[TimelineKind]
    select: Callable[[PatientBind, Viewer], Select[Any]]


def by_hand(user: ColumnElement[Any]) -> ColumnElement[Any]:
    """The source of what a user wrote."""
    return literal("hand:") + cast(user, String)
