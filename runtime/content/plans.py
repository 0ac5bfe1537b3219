"""content/plans: which contacts follow a visit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from care.consent import Purpose
from followup.offsets import Offset
from followup.plans import Anchor, HolidayRule, PlanTemplate, TaskMode, TemplateStep
from runtime.content.documents import Head, Strict, Wording


def _read_offset(text: object) -> object:
    return Offset.parse(text) if isinstance(text, str) else text


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone} is not a time zone of the IANA list; write Asia/Shanghai, or leave it out")
    return zone


WrittenOffset = Annotated[Offset, BeforeValidator(_read_offset)]


class RepeatDocument(Strict):
    """How often a contact comes again."""

    every: WrittenOffset
    until: WrittenOffset | None = None


class StepDocument(Strict):
    """One contact; its offsets are written as 48 h, 7 d, 6 w, 3 mo, 1 y."""

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    mode: TaskMode
    queue: str
    form: str | None = None
    flow: str | None = None
    priority: int = Field(default=50, ge=0, le=99)
    earliest: WrittenOffset
    target: WrittenOffset
    latest: WrittenOffset
    holidays: HolidayRule = HolidayRule.NONE
    repeat: RepeatDocument | None = None

    def value(self) -> TemplateStep:
        return TemplateStep(
            key=self.key,
            target=self.target,
            earliest=self.earliest,
            latest=self.latest,
            mode=self.mode,
            queue=self.queue,
            form=self.form,
            flow=self.flow,
            priority=self.priority,
            holidays=self.holidays,
            every=self.repeat.every if self.repeat else None,
            until=self.repeat.until if self.repeat else None,
        )


class PlanDocument(Head):
    title: Wording
    purpose: Purpose
    anchor: Anchor
    zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    red_flags: tuple[str, ...] = ()
    rules: str | None = None
    steps: tuple[StepDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> "PlanDocument":
        self.value()
        return self

    def value(self) -> PlanTemplate:
        return PlanTemplate(
            id=self.id,
            version=self.version,
            title=self.title.zh,
            purpose=self.purpose,
            status=self.status,
            source=self.source,
            anchor=self.anchor,
            zone=self.zone,
            red_flags=self.red_flags,
            rules=self.rules,
            steps=tuple(step.value() for step in self.steps),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What plans may name, read from the other content."""

    queues: Mapping[str, tuple[TaskMode, Purpose]]
    forms: frozenset[str]
    flows: frozenset[str]
    red_flags: frozenset[str]
    rules: frozenset[str]


def missing_in(document: PlanDocument, known: Named) -> str | None:
    """The first thing that a plan names and nobody knows: its place and what to do; None if all is there."""
    for flags in document.red_flags:
        if flags not in known.red_flags:
            return f"red_flags: there is no content/red_flags/{flags}.yaml; {_one_of(known.red_flags)}"
    if document.rules is not None and document.rules not in known.rules:
        return f"rules: no file in content/follow_up_rules has the topic {document.rules}; {_one_of(known.rules)}"
    for step in document.steps:
        place = f"step {step.key}"
        if step.queue not in known.queues:
            return f"{place}: content/queues.yaml has no queue {step.queue}; add it there, or {_one_of(known.queues)}"
        mode, purpose = known.queues[step.queue]
        if mode is not step.mode:
            return f"{place} is {step.mode.value}, but queue {step.queue} is {mode.value}: name a queue of its mode"
        if purpose is not document.purpose:
            return f"{place}: queue {step.queue} is for {purpose.value}, the plan for {document.purpose.value}"
        if step.form is not None and step.form not in known.forms:
            return f"{place}: there is no form {step.form} in content/forms; {_one_of(known.forms)}"
        if step.flow is not None and step.flow not in known.flows:
            return f"{place}: there is no flow {step.flow} in content/flows; {_one_of(known.flows)}"
    return None


def _one_of(names: Iterable[str]) -> str:
    return f"name one of {', '.join(sorted(names))}"
