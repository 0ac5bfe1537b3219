"""Signs of danger in what was answered: rules are values (content/answer_alerts), the judgement is here and pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from care.bounds import Bounds
from followup.alerts import LEVEL_ORDER, AlertLevel

ANY_FORM = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAnswers:
    """What the same patient answered or was measured at before."""

    at: datetime
    answers: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that a rule may look at."""

    answers: Mapping[str, object]
    scores: Mapping[str, float]  # of complete forms only: an incomplete one has no low score
    earlier: Sequence[EarlierAnswers]
    at: datetime
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that has to be true: exactly one of its kinds is set.

    `item` with bounds or values, `item` with `rises_by` within so many days, `score` with bounds, `every` or `some` of
    other conditions.
    """

    item: str | None = None
    score: str | None = None
    bounds: Bounds | None = None
    values: frozenset[object] = frozenset()
    rises_by: float | None = None
    within_days: int | None = None
    every: tuple["Condition", ...] = ()
    some: tuple["Condition", ...] = ()

    def items(self) -> frozenset[str]:
        """Every item that it looks at."""
        own = frozenset({self.item}) if self.item else frozenset[str]()
        return own.union(*(part.items() for part in (*self.every, *self.some)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """A second look that a sign wants: a person rings again after so long and asks this form."""

    after: timedelta
    within: timedelta
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule:
    """When an answer is a sign of danger, how soon a person must act, and what is said to the patient."""

    code: str
    form: str  # an id, or ANY_FORM
    level: AlertLevel
    when: Condition
    title: Mapping[str, str]
    advice: Mapping[str, str]  # by language; empty: the level's own
    family: str = ""  # of one family only the most urgent sign counts
    call_priority: int | None = None  # of the call back; None: the level's own
    call_queue: str = ""  # whose agents ring back, by the queue's name, where there is such a queue
    at_any_hour: bool = False  # the call back does not wait for the hours of calls
    recheck: Recheck | None = None
    version: int = 1
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredSign:
    """A rule that came true, with the answers that made it so."""

    rule: AnswerRule
    form: str
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """What it is a sign of."""
        return self.rule.code

    @property
    def level(self) -> AlertLevel:
        """How soon a person must act."""
        return self.rule.level


def alerts_for(
    form: str,
    rules: Iterable[AnswerRule],
    answers: Mapping[str, object],
    earlier: Sequence[EarlierAnswers],
    *,
    at: datetime,
    zone: str,
    scores: Mapping[str, float] | None = None,
) -> tuple[AnsweredSign, ...]:
    """The signs of danger in a form's answers so far, the most urgent first.

    Nothing is concluded from what was not answered. Days of a span are those of the patient's calendar.
    """
    known = Known(answers=answers, scores=scores or {}, earlier=earlier, at=at, zone=zone)
    true = sorted(
        (rule for rule in rules if rule.form in (form, ANY_FORM) and _holds(rule.when, known)),
        key=lambda rule: (LEVEL_ORDER[rule.level], rule.code),
    )
    found: list[AnsweredSign] = []
    families: set[str] = set()
    for rule in true:
        if rule.family and rule.family in families:
            continue
        families.add(rule.family)
        found.append(AnsweredSign(rule=rule, form=form, evidence=_evidence(rule, known)))
    return tuple(found)


def red_rules(forms: Iterable[str], rules: Iterable[AnswerRule], items: Mapping[str, frozenset[str]]) -> list[str]:
    """Codes of the red rules that answers of these forms can make true; `items` are each form's own."""
    wanted = list(forms)
    return sorted(
        {
            rule.code
            for rule in rules
            if rule.level is AlertLevel.RED
            for form in wanted
            if rule.form == form or (rule.form == ANY_FORM and rule.when.items() & items.get(form, frozenset()))
        }
    )


def _holds(condition: Condition, known: Known) -> bool:
    if condition.every:
        return all(_holds(part, known) for part in condition.every)
    if condition.some:
        return any(_holds(part, known) for part in condition.some)
    if condition.score is not None:
        score = known.scores.get(condition.score)
        return score is not None and condition.bounds is not None and condition.bounds.hold(score)
    answer = known.answers.get(condition.item or "")
    if condition.values:
        given = answer if isinstance(answer, list | tuple) else (answer,)
        return any(_same(one, wanted) for one in given for wanted in condition.values)
    value = _number(answer)
    if value is None:
        return False
    if condition.rises_by is not None:
        return any(value - before >= condition.rises_by - _TINY for before in _values_before(condition, known))
    return condition.bounds is not None and condition.bounds.hold(value)


_TINY = 1e-6
"""62.0 - 61.0 is not always 1.0 in binary."""


def _values_before(condition: Condition, known: Known) -> Iterable[float]:
    zone = ZoneInfo(known.zone)
    today = known.at.astimezone(zone).date()
    for one in known.earlier:
        days = (today - one.at.astimezone(zone).date()).days
        value = _number(one.answers.get(condition.item or ""))
        if (
            value is not None
            and one.at < known.at
            and condition.within_days is not None
            and days <= condition.within_days
        ):
            yield value


def _number(answer: object) -> float | None:
    # True is a number to Python, and a yes to us.
    return float(answer) if isinstance(answer, int | float) and not isinstance(answer, bool) else None


def _same(given: object, wanted: object) -> bool:
    return isinstance(given, bool) == isinstance(wanted, bool) and given == wanted


def _evidence(rule: AnswerRule, known: Known) -> Mapping[str, object]:
    found: dict[str, object] = {
        item: known.answers[item] for item in sorted(rule.when.items()) if item in known.answers
    }
    if known.scores:
        found["scores"] = dict(known.scores)
    return found
