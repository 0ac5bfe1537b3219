"""A plan's own steps as one JSON column: they are read and written whole."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from followup.offsets import Offset
from followup.plans import HolidayRule, TaskMode, TemplateStep

_OFFSETS = ("target", "earliest", "latest", "every", "until")
_PLAIN = ("key", "queue", "form", "flow", "priority")


class PlanSteps(TypeDecorator[list[TemplateStep]]):
    """A list of steps in Python, a JSON array in the database. To change it, assign a new list."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: list[TemplateStep] | None, dialect: Dialect) -> list[dict[str, Any]] | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else [_row(step) for step in value]

    def process_result_value(self, value: Any, dialect: Dialect) -> list[TemplateStep] | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else [_step(row) for row in value]


def _row(step: TemplateStep) -> dict[str, Any]:
    offsets = {name: getattr(step, name) for name in _OFFSETS}
    return {
        **{name: getattr(step, name) for name in _PLAIN},
        **{name: None if offset is None else str(offset) for name, offset in offsets.items()},
        "mode": step.mode.value,
        "holidays": step.holidays.value,
    }


def _step(row: Mapping[str, Any]) -> TemplateStep:
    offsets: dict[str, Any] = {name: Offset.parse(row[name]) if row[name] is not None else None for name in _OFFSETS}
    plain = {name: row[name] for name in _PLAIN}
    return TemplateStep(**plain, **offsets, mode=TaskMode(row["mode"]), holidays=HolidayRule(row["holidays"]))
