"""content/answer_alerts: which answers are signs of danger."""

from datetime import timedelta
from typing import Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from care.bounds import Bounds
from followup.alerts import AlertLevel
from followup.answer_alerts import AnswerRule, Condition, Recheck
from runtime.content.documents import Head, Strict, Wording


class ConditionDocument(Strict):
    item: str | None = None
    score: str | None = None
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    values: tuple[StrictBool | StrictStr | StrictInt | StrictFloat, ...] = ()
    rises_by: float | None = Field(default=None, gt=0)
    within_days: int | None = Field(default=None, ge=1, le=366)
    every: tuple["ConditionDocument", ...] = ()
    some: tuple["ConditionDocument", ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(bool(kind) for kind in (self.item, self.score, self.every, self.some)) != 1:
            raise ValueError("give exactly one of item, score, every, some")
        bounded = any(bound is not None for bound in (self.at_least, self.above, self.at_most, self.below))
        if (self.rises_by is None) != (self.within_days is None):
            raise ValueError("rises_by and within_days belong together")
        if self.item and sum((bounded, bool(self.values), self.rises_by is not None)) != 1:
            raise ValueError(f"item {self.item}: give bounds (at_least …), or values, or rises_by with within_days")
        if self.score and (not bounded or self.values or self.rises_by is not None):
            raise ValueError(f"score {self.score}: give bounds (at_least …) and nothing else")
        if (self.every or self.some) and (bounded or self.values or self.rises_by is not None):
            raise ValueError("every and some stand alone: bounds and values belong into their parts")
        return self

    def value(self) -> Condition:
        bounds = Bounds(at_least=self.at_least, above=self.above, at_most=self.at_most, below=self.below)
        return Condition(
            item=self.item,
            score=self.score,
            bounds=bounds if bounds != Bounds() else None,
            values=frozenset(self.values),
            rises_by=self.rises_by,
            within_days=self.within_days,
            every=tuple(part.value() for part in self.every),
            some=tuple(part.value() for part in self.some),
        )


class RecheckDocument(Strict):
    after_minutes: int = Field(ge=1, le=1440)
    within_minutes: int = Field(ge=1, le=1440)
    form: str

    def value(self) -> Recheck:
        return Recheck(
            after=timedelta(minutes=self.after_minutes),
            within=timedelta(minutes=self.within_minutes),
            form=self.form,
        )


class AnswerRuleDocument(Strict):
    code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    level: AlertLevel
    title: Wording
    advice: Wording | None = None
    family: str = ""
    call_priority: int | None = Field(default=None, ge=0, le=99)
    call_queue: str = Field(default="", max_length=64)
    at_any_hour: bool = False
    recheck: RecheckDocument | None = None
    when: ConditionDocument


class AnswerAlertsDocument(Head):
    """The rules of one form, or, with the form `*`, of every form that asks such a thing."""

    form: str
    title: Wording
    rules: tuple[AnswerRuleDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_once(self) -> Self:
        codes = [rule.code for rule in self.rules]
        if len(set(codes)) != len(codes):
            raise ValueError(f"{self.id}: a code is used twice")
        return self

    def value(self) -> tuple[AnswerRule, ...]:
        return tuple(
            AnswerRule(
                code=rule.code,
                form=self.form,
                level=rule.level,
                when=rule.when.value(),
                title=rule.title.model_dump(),
                advice=rule.advice.model_dump() if rule.advice else {},
                family=rule.family,
                call_priority=rule.call_priority,
                call_queue=rule.call_queue,
                at_any_hour=rule.at_any_hour,
                recheck=rule.recheck.value() if rule.recheck else None,
                version=self.version,
                source=self.source,
            )
            for rule in self.rules
        )
