"""Whether a patient takes his medicine as agreed, as he says himself, and to whom the reason goes if he does not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from care.forms import Answers

_MARKS = "。.!!?? "


class Helper(StrEnum):
    """Who can help with a reason."""

    PHARMACIST = "pharmacist"
    DOCTOR = "doctor"
    NURSE = "nurse"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdherenceItems:
    """Under which names forms ask: the answers of all forms stand under the same ones."""

    missed_days: str
    changed_dose: str
    stopped: str
    main_reason: str
    reason_said: str
    side_effects: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdherenceRoute:
    """To whom a reason goes and within how many working days. It is known by its code, or by words that were said."""

    id: str
    reasons: frozenset[str]
    words: tuple[str, ...]
    helper: Helper
    working_days: int
    text: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdherenceRules:
    """content/adherence.yaml: what counts as adherent, and the routes in the order in which they are tried."""

    version: int
    items: AdherenceItems
    missed_days_at_most: int
    coverage_at_least: float
    coverage_days: int
    nothing_said: frozenset[str]
    routes: tuple[AdherenceRoute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adherence:
    """What a patient says of his medicines; None where he was not asked."""

    missed_days: int | None
    changed_dose: bool | None
    stopped: bool | None
    reason: str
    said: str  # the reason in his own words
    side_effects: str
    adherent: bool | None  # None: too little was asked to say so


def adherence_in(answers: Answers, rules: AdherenceRules) -> Adherence | None:
    """What answers to any form say of taking medicine; None if they say nothing."""
    items = rules.items
    missed = answers.get(items.missed_days)
    changed, stopped = _yes(answers, items.changed_dose), _yes(answers, items.stopped)
    side_effects = _words(answers, items.side_effects, rules)
    reason, said = str(answers.get(items.main_reason, "")), _words(answers, items.reason_said, rules)
    missed_days = int(missed) if isinstance(missed, (int, float)) and not isinstance(missed, bool) else None
    if missed_days is None and changed is None and stopped is None and not side_effects:
        return None
    departs = (missed_days or 0) > rules.missed_days_at_most or bool(changed) or bool(stopped)
    asked_all = missed_days is not None and changed is not None and stopped is not None
    return Adherence(
        missed_days=missed_days,
        changed_dose=changed,
        stopped=stopped,
        reason=reason,
        said=said,
        side_effects=side_effects,
        adherent=False if departs else (True if asked_all else None),
    )


def route_of(adherence: Adherence, rules: AdherenceRules) -> AdherenceRoute | None:
    """Who has to look into it; None if nothing is the matter.

    Trouble from a medicine goes its way even where every dose was taken. Otherwise the first route counts that knows
    the reason; one without reasons and words is for what no other knows.
    """
    if adherence.adherent is not False and not adherence.side_effects:
        return None
    said = f"{adherence.said} {adherence.side_effects}".casefold()
    named = _first(rules.routes, lambda route: bool(route.words) and any(word in said for word in route.words))
    if named is not None:
        return named
    coded = _first(rules.routes, lambda route: adherence.reason in route.reasons)
    if coded is not None:
        return coded
    return _first(rules.routes, lambda route: not route.reasons and not route.words)


def _first(routes: Sequence[AdherenceRoute], fits: Callable[[AdherenceRoute], bool]) -> AdherenceRoute | None:
    return next((route for route in routes if fits(route)), None)


def _yes(answers: Answers, link_id: str) -> bool | None:
    value = answers.get(link_id)
    return value if isinstance(value, bool) else None


def _words(answers: Answers, link_id: str, rules: AdherenceRules) -> str:
    value = answers.get(link_id)
    text = value.strip() if isinstance(value, str) else ""
    return "" if text.casefold().strip(_MARKS) in rules.nothing_said else text
