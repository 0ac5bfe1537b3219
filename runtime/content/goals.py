"""content/goals: what results may come to, in how long, and what is done for it."""

from typing import Self

from pydantic import Field, model_validator

from care.goals import Comparator, Target
from runtime.content.documents import Head, Strict, Wording


class TargetDocument(Strict):
    code: str
    comparator: Comparator
    value: float

    def made(self) -> Target:
        return Target(code=self.code, comparator=self.comparator, value=self.value)


class GoalDocument(Head):
    title: Wording
    action: Wording
    targets: tuple[TargetDocument, ...] = Field(min_length=1)
    readings: int = Field(ge=1)
    days: int = Field(ge=1)
    groups: tuple[str, ...] = ()  # of illnesses for which it is offered
    not_for_groups: tuple[str, ...] = ()
    younger_than: int | None = None
    older_than: int | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.days < self.readings:
            raise ValueError("days must leave room for the readings")
        return self

    def offered_to(self, groups: frozenset[str], age: int | None) -> bool:
        """Whether it is proposed for somebody with these illnesses of this age."""
        if (self.younger_than is not None or self.older_than is not None) and age is None:
            return False
        return (
            bool(groups & set(self.groups))
            and not groups & set(self.not_for_groups)
            and (self.younger_than is None or age is None or age < self.younger_than)
            and (self.older_than is None or age is None or age > self.older_than)
        )
