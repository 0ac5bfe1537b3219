"""content/attempt_policies: how often, how soon and how else to try again, a row for every outcome."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

from pydantic import Field, ValidationError

from followup.messages import Channel
from followup.outcomes import AttemptOutcome
from followup.what_next import AttemptPolicy, NextAction, OutcomeRow
from runtime.content.documents import Head, Strict


class PolicyChangeError(ValueError):
    """A queue's own values do not make a policy; the sentence names the field and what it may be."""


class RowDocument(Strict):
    gap_seconds: float = Field(gt=0)
    counts: bool
    repeats: int = Field(default=0, ge=0, le=20)
    at_most: int | None = Field(default=None, ge=1, le=20)
    other_day_part: bool = False
    other_day: bool = False
    other_number: bool = False
    other_channel: bool = False
    message_before: str | None = None
    message_after: str | None = None
    escalate: bool = False

    def value(self) -> OutcomeRow:
        return OutcomeRow(
            gap=timedelta(seconds=self.gap_seconds),
            counts=self.counts,
            repeats=self.repeats,
            at_most=self.at_most,
            other_day_part=self.other_day_part,
            other_day=self.other_day,
            other_number=self.other_number,
            other_channel=self.other_channel,
            message_before=self.message_before,
            message_after=self.message_after,
            escalate=self.escalate,
        )


class PolicyDocument(Head):
    max_attempts: int = Field(ge=1, le=20)
    day_parts: tuple[time, ...] = Field(min_length=1)
    per_day: int | None = Field(default=None, ge=1)
    spread_days: int = Field(default=1, ge=1, le=7)
    spread_parts: int = Field(default=1, ge=1, le=6)
    uncounted_limit: int = Field(default=10, ge=1, le=100)
    when_exhausted: NextAction
    fast_rejection_seconds: float = Field(default=3, ge=0, le=30)
    fast_rejection_gap_seconds: float = Field(default=14400, gt=0)
    best_hour: bool = False
    channels: tuple[Channel, ...] = ()
    message_before_first: str | None = None
    message_lead_seconds: float = Field(default=900, ge=0, le=86400)
    messages_after_misses: bool = False
    message_when_exhausted: str | None = None
    messages_per_task: int = Field(default=2, ge=0, le=10)
    messages_per_day: int = Field(default=2, ge=0, le=10)
    closing_seconds: float = Field(default=14400, ge=0)
    undo_within_seconds: float = Field(default=1800, ge=0)
    outcomes: dict[AttemptOutcome, RowDocument]

    def texts(self) -> set[str]:
        """The messages that this policy may send."""
        rows = (text for row in self.outcomes.values() for text in (row.message_before, row.message_after))
        return {text for text in (*rows, self.message_before_first, self.message_when_exhausted) if text is not None}

    def value(self) -> AttemptPolicy:
        return AttemptPolicy(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            max_attempts=self.max_attempts,
            rows={outcome: row.value() for outcome, row in self.outcomes.items()},
            day_parts=tuple(sorted(self.day_parts)),
            per_day=self.per_day,
            spread_days=self.spread_days,
            spread_parts=self.spread_parts,
            uncounted_limit=self.uncounted_limit,
            when_exhausted=self.when_exhausted,
            fast_rejection=timedelta(seconds=self.fast_rejection_seconds),
            fast_rejection_gap=timedelta(seconds=self.fast_rejection_gap_seconds),
            best_hour=self.best_hour,
            channels=self.channels,
            message_before_first=self.message_before_first,
            message_lead=timedelta(seconds=self.message_lead_seconds),
            messages_after_misses=self.messages_after_misses,
            message_when_exhausted=self.message_when_exhausted,
            messages_per_task=self.messages_per_task,
            messages_per_day=self.messages_per_day,
            closing=timedelta(seconds=self.closing_seconds),
            undo_within=timedelta(seconds=self.undo_within_seconds),
        )

    def changed(self, changes: Mapping[str, Any]) -> "PolicyDocument":
        """This policy with a queue's own values in it; rows are changed field by field. PolicyChangeError if wrong."""
        fixed = sorted({"id", "version", "status", "source"} & set(changes))
        if fixed:
            raise PolicyChangeError(f"{', '.join(fixed)}: belongs to the file; change the other values only")
        whole = self.model_dump(mode="json")
        rows = changes.get("outcomes", {})
        if not isinstance(rows, Mapping) or not all(isinstance(row, Mapping) for row in rows.values()):
            raise PolicyChangeError("outcomes: write each outcome with the values of its row that differ")
        merged = {**whole, **changes, "outcomes": dict(whole["outcomes"])}
        for outcome, row in rows.items():
            merged["outcomes"][outcome] = {**merged["outcomes"].get(outcome, {}), **row}
        try:
            document = PolicyDocument.model_validate(merged)
            document.value()
        except ValidationError as error:
            faults = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
            raise PolicyChangeError("; ".join(faults)) from error
        except ValueError as error:
            raise PolicyChangeError(str(error)) from error
        return document
