"""Questionnaires (FHIR Questionnaire): which questions stand open for the answers so far, whether an answer fits."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from care.relatives import Matter

LONGEST_TEXT = 2000

AnswerValue = bool | int | float | str
Answers = Mapping[str, AnswerValue]
Texts = Mapping[str, str]
"""One text by language."""

_DAY_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}")


class ItemType(StrEnum):
    """How a question is answered; a group only holds others."""

    GROUP = "group"
    CHOICE = "choice"
    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"


class Prefill(StrEnum):
    """What of the record is laid beside a question, to be confirmed or corrected: it is never an answer by itself."""

    CONDITIONS = "conditions"
    ALLERGIES = "allergies"
    PROCEDURES = "procedures"
    FAMILY = "family"


class Operator(StrEnum):
    """How an earlier answer is compared; FHIR's own list."""

    EXISTS = "exists"
    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    LESS = "<"
    GREATER_OR_EQUAL = ">="
    LESS_OR_EQUAL = "<="


class EnableBehavior(StrEnum):
    """Whether one condition is enough."""

    ALL = "all"
    ANY = "any"


class FormError(ValueError):
    """A form cannot be used as it is written; the sentence names the form, the item and the reason."""


class AnswerRefusedError(ValueError):
    """An answer does not fit its question: which, why, and what to do instead."""

    def __init__(self, link_id: str, reason: str, next_step: str) -> None:
        super().__init__(f"{reason}; {next_step}")
        self.field = link_id
        self.reason = reason
        self.next_step = next_step


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOption:
    """One answer that may be chosen; `score` is None where it counts for nothing (not applicable)."""

    value: str
    text: Texts
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An earlier answer that opens a question. Without an answer only `exists: false` is true."""

    question: str
    operator: Operator
    answer: AnswerValue

    def holds(self, answers: Answers) -> bool:
        """True if the answers so far fulfil it."""
        given = answers.get(self.question)
        if self.operator is Operator.EXISTS:
            return (given is not None) is bool(self.answer)
        if given is None:
            return False
        if self.operator is Operator.EQUAL:
            return given == self.answer
        if self.operator is Operator.NOT_EQUAL:
            return given != self.answer
        return self._in_order(given)

    def _in_order(self, given: AnswerValue) -> bool:
        left, right = _comparable(given), _comparable(self.answer)
        if left is None or right is None:
            return False
        match self.operator:
            case Operator.GREATER:
                return left > right
            case Operator.LESS:
                return left < right
            case Operator.GREATER_OR_EQUAL:
                return left >= right
            case _:
                return left <= right


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Numbers from `at_least` on (and below the next step) count as `score`."""

    at_least: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FormItem:
    """One question, or a group of them. `link_id` is its name for ever: answers of all versions stand under it."""

    link_id: str
    type: ItemType
    text: Texts
    required: bool = False
    options: tuple[AnswerOption, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None  # UCUM
    largest_change: float | None = None  # share of the last value beyond which a number is asked again
    steps: tuple[Step, ...] = ()  # what a number or yes (1) and no (0) count in a score; none: itself
    enable_when: tuple[Condition, ...] = ()
    enable_behavior: EnableBehavior = EnableBehavior.ALL
    for_proxies: bool = True
    matter: Matter = Matter.SYMPTOMS
    prefill: Prefill | None = None
    items: tuple["FormItem", ...] = ()

    def opened_by(self, answers: Answers) -> bool:
        """True if the answers so far open it."""
        if not self.enable_when:
            return True
        held = (condition.holds(answers) for condition in self.enable_when)
        return all(held) if self.enable_behavior is EnableBehavior.ALL else any(held)


class ScoreMethod(StrEnum):
    """How the items' points become a score."""

    SUM = "sum"
    MEAN = "mean"  # of the answers that count


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A class of scores from `at_least` on; of several for different sexes the person's own counts."""

    code: str
    at_least: float
    text: Texts
    sex: str | None = None
    leads_to: str | None = None  # the form that is asked next


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a score is reckoned; `missing_allowed` items may be unanswered, none if it is not said."""

    id: str
    text: Texts
    method: ScoreMethod
    items: tuple[str, ...]
    bands: tuple[Band, ...] = ()
    missing_allowed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A versioned questionnaire, read from content/forms."""

    id: str
    version: int
    status: str  # draft or active
    source: str
    license: str
    title: Texts
    items: tuple[FormItem, ...]
    scores: tuple[Score, ...] = ()
    sensitive: bool = False  # asks for the stricter identity checks
    _by_link_id: Mapping[str, FormItem] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[str, FormItem] = {}
        for item in _walk(self.items):
            if item.link_id in found:
                raise FormError(f"form {self.id}: the link_id {item.link_id} is used twice; every question has its own")
            for condition in item.enable_when:
                if condition.question not in found:
                    raise FormError(
                        f"form {self.id}, item {item.link_id}: enable_when names {condition.question}, which is not an "
                        "earlier question; put it before"
                    )
            found[item.link_id] = item
            _check_item(self.id, item)
        object.__setattr__(self, "_by_link_id", found)
        for score in self.scores:
            for link_id in score.items:
                if link_id not in found:
                    raise FormError(
                        f"form {self.id}, score {score.id}: there is no item {link_id}; name one of the form"
                    )

    def item(self, link_id: str) -> FormItem | None:
        """The question with this name; groups are none."""
        item = self._by_link_id.get(link_id)
        return item if item is not None and item.type is not ItemType.GROUP else None

    def forms_that_follow(self) -> frozenset[str]:
        """The forms that a class of its scores leads to."""
        return frozenset(band.leads_to for score in self.scores for band in score.bands if band.leads_to is not None)

    def questions(self) -> tuple[FormItem, ...]:
        """Every question in order, groups opened."""
        return tuple(item for item in _walk(self.items) if item.type is not ItemType.GROUP)


def enabled_items(form: Form, answers: Answers) -> tuple[FormItem, ...]:
    """The questions that the answers so far open, in order; a closed question's own answer opens nothing."""
    valid: dict[str, AnswerValue] = {}
    return tuple(_enabled(form.items, answers, valid))


def counted_answers(form: Form, answers: Answers) -> dict[str, AnswerValue]:
    """The answers to questions that stand open: one given before another answer closed its question does not count."""
    return {item.link_id: answers[item.link_id] for item in enabled_items(form, answers) if item.link_id in answers}


def missing_items(form: Form, answers: Answers, skipped: Mapping[str, str] | None = None) -> tuple[FormItem, ...]:
    """The required questions that stand open without an answer and were not skipped with a reason."""
    return tuple(
        item
        for item in enabled_items(form, answers)
        if item.required and item.link_id not in answers and item.link_id not in (skipped or {})
    )


def next_item(form: Form, answers: Answers, *, after: str | None = None) -> FormItem | None:
    """The first open question without an answer, or the one that follows `after`."""
    standing = enabled_items(form, answers)
    if after is None:
        return next((item for item in standing if item.link_id not in answers), None)
    names = [item.link_id for item in standing]
    place = names.index(after) + 1 if after in names else 0
    return standing[place] if place < len(standing) else None


def checked_answer(form: Form, answers: Answers, link_id: str, value: AnswerValue) -> AnswerValue:
    """The answer as it is stored; AnswerRefusedError says what would fit."""
    item = form.item(link_id)
    if item is None:
        raise AnswerRefusedError(link_id, f"form {form.id} has no such question", "use a link_id of the form")
    if item not in enabled_items(form, answers):
        questions = ", ".join(condition.question for condition in item.enable_when)
        raise AnswerRefusedError(
            link_id, "this question is not asked after the answers given", f"correct the answer to {questions} first"
        )
    return fitting(item, value)


def fitting(item: FormItem, value: AnswerValue) -> AnswerValue:
    """The value as it is stored if it fits the question; AnswerRefusedError if not."""
    match item.type:
        case ItemType.BOOLEAN:
            if not isinstance(value, bool):
                raise AnswerRefusedError(item.link_id, "is answered with yes or no", "send true or false")
            return value
        case ItemType.INTEGER | ItemType.DECIMAL:
            return _number(item, value)
        case ItemType.CHOICE:
            allowed = [option.value for option in item.options]
            if not isinstance(value, str) or value not in allowed:
                raise AnswerRefusedError(item.link_id, "is not one of the answers", f"send one of {', '.join(allowed)}")
            return value
        case ItemType.DATE:
            return _day(item, value)
        case _:
            if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
                raise AnswerRefusedError(
                    item.link_id, "is answered in words", f"send a text of 1 to {LONGEST_TEXT} characters"
                )
            return value


def differs_much(item: FormItem, value: float, last: float | None) -> bool:
    """True if a number lies so far from the last one that it has to be confirmed (a slip of a key)."""
    if item.largest_change is None or not last:
        return False
    return abs(value - last) > item.largest_change * abs(last)


def _number(item: FormItem, value: AnswerValue) -> int | float:
    limits = f"send a number{_limits(item)}"
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        raise AnswerRefusedError(item.link_id, "is answered with a number", limits)
    if item.type is ItemType.INTEGER and value != int(value):
        raise AnswerRefusedError(item.link_id, "is answered with a whole number", limits)
    if item.minimum is not None and value < item.minimum:
        raise AnswerRefusedError(item.link_id, f"is below {item.minimum:g}", f"ask again; {limits}")
    if item.maximum is not None and value > item.maximum:
        raise AnswerRefusedError(item.link_id, f"is above {item.maximum:g}", f"ask again; {limits}")
    return int(value) if item.type is ItemType.INTEGER else value


def _limits(item: FormItem) -> str:
    low = "" if item.minimum is None else f" from {item.minimum:g}"
    high = "" if item.maximum is None else f" to {item.maximum:g}"
    return low + high


def _day(item: FormItem, value: AnswerValue) -> str:
    if isinstance(value, str) and _DAY_SHAPE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise AnswerRefusedError(
                item.link_id, "is no day of the calendar", "send one such as 2026-03-02"
            ) from error
    raise AnswerRefusedError(item.link_id, "is answered with a day", "send one such as 2026-03-02")


def _enabled(items: Sequence[FormItem], answers: Answers, valid: dict[str, AnswerValue]) -> Iterator[FormItem]:
    for item in items:
        if not item.opened_by(valid):
            continue
        if item.type is ItemType.GROUP:
            yield from _enabled(item.items, answers, valid)
            continue
        if item.link_id in answers:
            valid[item.link_id] = answers[item.link_id]
        yield item


def _walk(items: Sequence[FormItem]) -> Iterator[FormItem]:
    for item in items:
        yield item
        yield from _walk(item.items)


def _comparable(value: AnswerValue) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value)


def _check_item(form: str, item: FormItem) -> None:
    where = f"form {form}, item {item.link_id}"
    if (item.type is ItemType.GROUP) != bool(item.items):
        raise FormError(f"{where}: a group holds items, and nothing else does")
    if (item.type is ItemType.CHOICE) != bool(item.options):
        raise FormError(f"{where}: a choice has options, and nothing else does")
    if item.prefill is not None and item.type is not ItemType.TEXT:
        raise FormError(f"{where}: what the record says is confirmed in words; make its type text")
    values = [option.value for option in item.options]
    if len(set(values)) != len(values):
        raise FormError(f"{where}: two options have the same value")
    if item.minimum is not None and item.maximum is not None and item.minimum > item.maximum:
        raise FormError(f"{where}: minimum lies above maximum")
    for condition in item.enable_when:
        if condition.question == item.link_id:
            raise FormError(f"{where}: it cannot open itself")
