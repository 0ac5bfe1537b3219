"""content/follow_up_rules: what a result asks for, by rule set and illness."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from followup.follow_up_rules import Control, FollowUpAction, FollowUpRules, Limit, Target
from runtime.content.documents import Head, Strict
from runtime.content.plans import WrittenOffset


class LimitDocument(Strict):
    """A value's limit, or a question answered with yes where neither bound is given."""

    item: str
    at_least: float | None = None
    at_most: float | None = None


class TargetDocument(Strict):
    """Values below which the illness is controlled."""

    below: dict[str, float] = Field(min_length=1)
    age_from: int | None = Field(default=None, ge=0, le=120)
    age_under: int | None = Field(default=None, ge=0, le=120)


class ActionDocument(Strict):
    """A contact that follows."""

    key: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    queue: str
    form: str | None = None
    priority: int = Field(default=30, ge=0, le=99)
    earliest: WrittenOffset
    target: WrittenOffset
    latest: WrittenOffset
    until_next_result: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> "ActionDocument":
        if not (self.earliest.is_at_most(self.target) and self.target.is_at_most(self.latest)):
            raise ValueError(f"action {self.key}: earliest, target and latest must stand in this order")
        return self


def _as_a_set(value: object) -> object:
    return frozenset(value) if isinstance(value, list) else value


class FollowUpRulesDocument(Head):
    rule_set: str
    topic: str
    effective_from: date
    chosen_by_default: bool = False
    counted_only_when: dict[str, Annotated[frozenset[str], BeforeValidator(_as_a_set)]] = Field(default_factory=dict)
    emergencies: tuple[LimitDocument, ...]
    worse: tuple[str, ...] = ()
    not_well: tuple[str, ...] = ()
    targets: tuple[TargetDocument, ...] = Field(min_length=1)
    tag: str
    actions: dict[Control, tuple[ActionDocument, ...]]

    @model_validator(mode="after")
    def _holds_together(self) -> "FollowUpRulesDocument":
        self.value()
        return self

    def value(self) -> FollowUpRules:
        return FollowUpRules(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            rule_set=self.rule_set,
            topic=self.topic,
            effective_from=self.effective_from,
            chosen_by_default=self.chosen_by_default,
            counted_only_when=self.counted_only_when,
            emergencies=tuple(Limit(item=e.item, at_least=e.at_least, at_most=e.at_most) for e in self.emergencies),
            worse=self.worse,
            not_well=self.not_well,
            targets=tuple(
                Target(below=target.below, age_from=target.age_from, age_under=target.age_under)
                for target in self.targets
            ),
            tag=self.tag,
            actions={control: tuple(map(_action, actions)) for control, actions in self.actions.items()},
        )


def _action(document: ActionDocument) -> FollowUpAction:
    return FollowUpAction(
        key=document.key,
        queue=document.queue,
        form=document.form,
        priority=document.priority,
        earliest=document.earliest,
        target=document.target,
        latest=document.latest,
        until_next_result=document.until_next_result,
    )
