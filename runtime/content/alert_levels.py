"""content/alert_levels.yaml: what each level of alert demands."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from followup.alerts import AlertClock, AlertLevel, AlertOutcome, ClockStep
from followup.duty import DutyRole
from runtime.content.documents import Head, Strict, Wording


class ClockStepDocument(Strict):
    after_minutes: float = Field(ge=0)
    role: DutyRole


class LevelDocument(Strict):
    acknowledge_within_minutes: float | None = Field(default=None, gt=0)
    acknowledge_within_working_days: int | None = Field(default=None, ge=1, le=30)
    steps: tuple[ClockStepDocument, ...] = Field(min_length=1)
    call_back_within_minutes: float | None = Field(default=None, gt=0)
    emergency: bool = False
    outcome_within_minutes: float = Field(gt=0)
    title: Wording
    advice: Wording


class AlertLevelsDocument(Head):
    levels: dict[AlertLevel, LevelDocument]
    outcomes: dict[AlertOutcome, Wording]

    @model_validator(mode="after")
    def _all_there(self) -> Self:
        missing = ", ".join(sorted(set(AlertLevel) - set(self.levels)))
        if missing:
            raise ValueError(f"no clock for {missing}; every level needs one")
        wordless = ", ".join(sorted(set(AlertOutcome) - set(self.outcomes)))
        if wordless:
            raise ValueError(f"no words for the outcome {wordless}; add them in zh and en")
        return self

    def value(self) -> Mapping[AlertLevel, AlertClock]:
        return {level: _clock(level, document) for level, document in self.levels.items()}


def _clock(level: AlertLevel, document: LevelDocument) -> AlertClock:
    return AlertClock(
        level=level,
        acknowledge_within=_minutes(document.acknowledge_within_minutes),
        working_days=document.acknowledge_within_working_days,
        steps=tuple(ClockStep(after=timedelta(minutes=step.after_minutes), role=step.role) for step in document.steps),
        call_back_within=_minutes(document.call_back_within_minutes),
        emergency=document.emergency,
        outcome_within=timedelta(minutes=document.outcome_within_minutes),
        advice=document.advice.model_dump(),
    )


def _minutes(count: float | None) -> timedelta | None:
    return timedelta(minutes=count) if count is not None else None
