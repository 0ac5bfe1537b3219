"""content/retention: how long recordings are kept, by what the call was about, in each jurisdiction."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from care.consent import Purpose
from followup.alerts import AlertLevel
from followup.offsets import Offset
from followup.outcomes import AttemptOutcome
from followup.retention import RetentionRule, RetentionRules, rules_below_floor
from runtime.content.documents import Head, Strict, Wording

FOR_EVER: Literal["for_ever"] = "for_ever"


def _time(text: str) -> str:
    if Offset.parse(text).count <= 0:
        raise ValueError(f"{text} is no time of keeping; write for example 3 y, 90 d or {FOR_EVER}")
    return text


class RetentionRuleDocument(Strict):
    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    keep: str
    purposes: frozenset[Purpose] = frozenset()
    departments: frozenset[str] = frozenset()
    outcomes: frozenset[AttemptOutcome] = frozenset()
    alert_levels: frozenset[AlertLevel] = frozenset()
    complaint: bool = False
    words: Wording

    @field_validator("keep")
    @classmethod
    def _known_time(cls, value: str) -> str:
        return value if value == FOR_EVER else _time(value)

    def value(self) -> RetentionRule:
        return RetentionRule(
            id=self.id,
            keep=None if self.keep == FOR_EVER else Offset.parse(self.keep),
            purposes=self.purposes,
            departments=self.departments,
            outcomes=self.outcomes,
            alert_levels=self.alert_levels,
            complaint=self.complaint,
        )


class RetentionDocument(Head):
    floor: str  # the law's own least
    rules: tuple[RetentionRuleDocument, ...] = Field(min_length=1)

    @field_validator("floor")
    @classmethod
    def _known_floor(cls, value: str) -> str:
        return _time(value)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        ids = [rule.id for rule in self.rules]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"rules named twice: {', '.join(twice)}")
        if below := rules_below_floor([rule.value() for rule in self.rules], Offset.parse(self.floor)):
            raise ValueError(f"{', '.join(below)}: kept for less than the law's {self.floor}; make it longer")
        return self

    def value(self) -> RetentionRules:
        return RetentionRules(
            id=self.id,
            version=self.version,
            floor=Offset.parse(self.floor),
            rules=tuple(rule.value() for rule in self.rules),
        )
