"""Shipped clinical content read from YAML: jurisdictions, attempt policies, plan templates, flows, forms."""

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from care.consent import Purpose
from followup.calls import CauseCode
from followup.dialing_rules import AttemptPolicy, CallingHours, NextAction, Profile
from followup.flows import Flow, FlowEnding, FlowStep
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import PlanTemplate, TaskMode, TemplateStep


class ContentError(Exception):
    """A content file cannot be used; the text names the file, the place and what is wrong."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Strict):
    id: str
    version: int = Field(ge=1)
    status: Literal["draft", "active"]
    source: str = Field(min_length=3)


class _Hours(_Strict):
    weekdays: frozenset[int]
    start: time
    end: time


class _Jurisdiction(_Head):
    attempts_per_day: int = Field(ge=1)
    completed_per_day: int = Field(ge=1)
    hours: tuple[_Hours, ...]
    holidays: frozenset[str] = frozenset()

    def value(self) -> Profile:
        return Profile(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            hours=tuple(CallingHours(start=h.start, end=h.end, weekdays=h.weekdays) for h in self.hours),
            attempts_per_day=self.attempts_per_day,
            completed_per_day=self.completed_per_day,
            holidays=self.holidays,
        )


class _Policy(_Head):
    max_attempts: int = Field(ge=1, le=20)
    default_gap_seconds: float = Field(gt=0)
    gaps_seconds: dict[AttemptOutcome, float]
    other_day_part: bool
    day_parts: tuple[time, ...] = Field(min_length=1)
    when_exhausted: NextAction
    uncounted_limit: int = 10

    def value(self) -> AttemptPolicy:
        return AttemptPolicy(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            max_attempts=self.max_attempts,
            gaps={outcome: timedelta(seconds=seconds) for outcome, seconds in self.gaps_seconds.items()},
            default_gap=timedelta(seconds=self.default_gap_seconds),
            other_day_part=self.other_day_part,
            day_parts=tuple(sorted(self.day_parts)),
            uncounted_limit=self.uncounted_limit,
            when_exhausted=self.when_exhausted,
        )


class Wording(_Strict):
    """One text in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in `language`, English where there is no other."""
        return self.zh if language == "zh" else self.en


class _Step(_Strict):
    key: str
    mode: TaskMode
    queue: str
    form: str | None = None
    flow: str | None = None
    priority: int = 50
    earliest_hours: float
    target_hours: float
    latest_hours: float


class _Plan(_Head):
    title: Wording
    purpose: Purpose
    steps: tuple[_Step, ...] = Field(min_length=1)

    def value(self) -> PlanTemplate:
        return PlanTemplate(
            id=self.id,
            version=self.version,
            title=self.title.zh,
            purpose=self.purpose,
            status=self.status,
            source=self.source,
            steps=tuple(
                TemplateStep(
                    key=step.key,
                    target=timedelta(hours=step.target_hours),
                    earliest=timedelta(hours=step.earliest_hours),
                    latest=timedelta(hours=step.latest_hours),
                    mode=step.mode,
                    queue=step.queue,
                    form=step.form,
                    flow=step.flow,
                    priority=step.priority,
                )
                for step in self.steps
            ),
        )


class _Ending(_Strict):
    outcome: AttemptOutcome
    task_result: TaskOutcome | None = None
    answer: str = ""


class _FlowStep(_Strict):
    prompts: tuple[str, ...] = ()
    keys: dict[Annotated[str, BeforeValidator(str)], str] = Field(default_factory=dict)
    timeout_seconds: float = Field(default=8.0, gt=0, le=60)
    tries: int = Field(default=2, ge=1, le=5)
    otherwise: str | None = None
    ending: _Ending | None = None
    refuses_recording: bool = False


class _Flow(_Head):
    start: str
    steps: dict[str, _FlowStep]

    def value(self) -> Flow:
        return Flow(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            start=self.start,
            steps={
                key: FlowStep(
                    key=key,
                    prompts=step.prompts,
                    keys=step.keys,
                    timeout_seconds=step.timeout_seconds,
                    tries=step.tries,
                    otherwise=step.otherwise,
                    refuses_recording=step.refuses_recording,
                    ending=FlowEnding(
                        outcome=step.ending.outcome,
                        task_result=step.ending.task_result,
                        answer=step.ending.answer,
                    )
                    if step.ending
                    else None,
                )
                for key, step in self.steps.items()
            },
        )


class FormChoice(_Strict):
    """One answer that may be chosen."""

    value: str
    zh: str
    en: str


class FormItem(_Strict):
    """One question of a form."""

    key: str
    kind: Literal["choice", "text", "yes_no", "number"]
    required: bool = False
    text: Wording
    choices: tuple[FormChoice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None


class Form(_Head):
    """A versioned questionnaire (FHIR Questionnaire), as far as a call needs one."""

    title: Wording
    items: tuple[FormItem, ...] = Field(min_length=1)


class ScriptLine(_Strict):
    """One thing to say."""

    key: str
    text: Wording


class Script(_Head):
    """What an agent says word for word at the beginning of a call; the recording notice comes first."""

    lines: tuple[ScriptLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _notice_first(self) -> "Script":
        if self.lines[0].key != "notice":
            raise ValueError(f"script {self.id}: its first line is the recording notice, with the key notice")
        return self


Document = TypeVar("Document", bound=_Head)
Value = TypeVar("Value")


def _drafts_in(document: object, name: str) -> Iterator[str]:
    """Names of what is a draft in a file: the file's content itself, or entries of a list in it (prompts)."""
    if not isinstance(document, dict):
        return
    if document.get("status") == "draft":
        yield str(document.get("id", name))
    for entries in document.values():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("status") == "draft":
                yield f"{name}/{entry.get('language', '')}/{entry.get('key', '')}"


class _EndReasons(_Head):
    words: dict[CauseCode, Wording]


class Content:
    """Everything under the content folder, checked as a whole when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def jurisdictions(self) -> dict[str, Profile]:
        """Calling rules by jurisdiction."""
        return {d.id: self._made(d.value) for d in self._read("jurisdictions", _Jurisdiction)}

    @cached_property
    def policies(self) -> dict[str, AttemptPolicy]:
        """Attempt policies by id."""
        return {d.id: self._made(d.value) for d in self._read("attempt_policies", _Policy)}

    @cached_property
    def plans(self) -> dict[str, PlanTemplate]:
        """Plan templates by id."""
        return {d.id: self._made(d.value) for d in self._read("plans", _Plan)}

    @cached_property
    def flows(self) -> dict[str, Flow]:
        """Automated calls by id."""
        return {d.id: self._made(d.value) for d in self._read("flows", _Flow)}

    @cached_property
    def forms(self) -> dict[str, Form]:
        """Questionnaires by id."""
        return {d.id: d for d in self._read("forms", Form)}

    @cached_property
    def end_reasons(self) -> dict[CauseCode, Wording]:
        """Why a call ended, in words for the agent."""
        path = self._folder / "end_reasons.yaml"
        try:
            words = _EndReasons.model_validate(self._document(path)).words
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{path.name}: {error}") from error
        missing = ", ".join(sorted(set(CauseCode) - set(words)))
        if missing:
            raise ContentError(f"content/{path.name}: no words for {missing}; add them in zh and en")
        return words

    @cached_property
    def scripts(self) -> dict[str, Script]:
        """What agents say first, by id."""
        return {d.id: d for d in self._read("scripts", Script)}

    def drafts(self) -> list[str]:
        """Ids of everything that no clinician has signed yet."""
        return sorted(
            {name for path in self._folder.rglob("*.yaml") for name in _drafts_in(self._document(path), path.stem)}
        )

    def _document(self, path: Path) -> object:
        try:
            return yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ContentError(f"content/{path.relative_to(self._folder)}: {error}") from error

    def _read(self, kind: str, document: type[Document]) -> list[Document]:
        found: list[Document] = []
        for path in sorted((self._folder / kind).glob("*.yaml")):
            try:
                found.append(document.model_validate(self._document(path)))
            except ValidationError as error:
                raise ContentError(f"content/{kind}/{path.name}: {error}") from error
        if not found:
            raise ContentError(f"content/{kind} holds no YAML file; SUIFANG_CONTENT_DIR must name the content folder")
        ids = [d.id for d in found]
        if len(set(ids)) != len(ids):
            raise ContentError(f"content/{kind}: an id is used twice among {', '.join(sorted(ids))}")
        return found

    @staticmethod
    def _made(make: Callable[[], Value]) -> Value:
        try:
            return make()
        except ValueError as error:
            raise ContentError(str(error)) from error
