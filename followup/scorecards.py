"""Scorecards: what a call is judged by, and the score that marks make: weights, items that do not apply, fatal ones."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from followup.states import follow

FULL = 100.0


class MarkKind(StrEnum):
    """What a grader says of one item."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardItem:
    """One thing to judge. A fatal one that is not met makes the whole score nought."""

    code: str
    weight: float
    fatal: bool = False
    may_not_apply: bool = True

    def __post_init__(self) -> None:
        if self.weight < 0 or (self.weight == 0 and not self.fatal):
            raise ValueError(f"item {self.code}: only a fatal item may weigh nothing, and none weighs less")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """One version of a card; a score keeps to the version it was made with."""

    id: str
    version: int
    items: tuple[CardItem, ...]

    def __post_init__(self) -> None:
        codes = [item.code for item in self.items]
        if len(set(codes)) != len(codes):
            raise ValueError(f"scorecard {self.id}: a code is used twice")
        if not any(item.weight > 0 for item in self.items):
            raise ValueError(f"scorecard {self.id}: no item weighs anything; give one a weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMark:
    """A grader's mark of one item, with the second of the recording that shows it."""

    item: str
    mark: MarkKind
    at_second: float | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardScore:
    """Met weight of the weight that applies, of 100; None where nothing applied. Fatal items that were not met."""

    value: float | None
    met: float
    applicable: float
    fatal: tuple[str, ...] = ()


class MarksRefusedError(ValueError):
    """Marks that do not fit their card; the text names the item and what to do."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(f"{item}: {reason}")
        self.item = item
        self.reason = reason


def check_marks(card: Scorecard, marks: Collection[ItemMark]) -> None:
    """MarksRefusedError for the first mark that the card does not know or allow."""
    items = {item.code: item for item in card.items}
    seen: set[str] = set()
    for mark in marks:
        item = items.get(mark.item)
        if item is None:
            raise MarksRefusedError(mark.item, f"the card {card.id} version {card.version} has no such item")
        if mark.item in seen:
            raise MarksRefusedError(mark.item, "is marked twice; send one mark for each item")
        if mark.mark is MarkKind.NOT_APPLICABLE and not item.may_not_apply:
            raise MarksRefusedError(mark.item, "applies to every call; mark it met or not met")
        seen.add(mark.item)


def score_of(card: Scorecard, marks: Collection[ItemMark]) -> CardScore:
    """The score of a whole card; MarksRefusedError where an item has no mark, or a bad one has no evidence."""
    check_marks(card, marks)
    given: Mapping[str, ItemMark] = {mark.item: mark for mark in marks}
    for item in card.items:
        mark = given.get(item.code)
        if mark is None:
            raise MarksRefusedError(item.code, "has no mark yet")
        if mark.mark is MarkKind.NOT_MET and mark.at_second is None and not mark.remark:
            raise MarksRefusedError(item.code, "is not met: name the second of the recording, or say what was missing")
    applying = [item for item in card.items if given[item.code].mark is not MarkKind.NOT_APPLICABLE]
    applicable = sum(item.weight for item in applying)
    met = sum(item.weight for item in applying if given[item.code].mark is MarkKind.MET)
    fatal = tuple(item.code for item in applying if item.fatal and given[item.code].mark is MarkKind.NOT_MET)
    if fatal:
        return CardScore(value=0.0, met=met, applicable=applicable, fatal=fatal)
    return CardScore(value=FULL * met / applicable if applicable else None, met=met, applicable=applicable)


class QualityState(StrEnum):
    """Where a score is."""

    DRAFT = "draft"
    GIVEN = "given"  # the agent sees it
    ACKNOWLEDGED = "acknowledged"
    APPEALED = "appealed"
    UPHELD = "upheld"  # a second person looked and left it
    CHANGED = "changed"  # a second person looked and marked it anew


class ScoreTrigger(StrEnum):
    """What moves a score."""

    GIVE = "give"
    ACKNOWLEDGE = "acknowledge"
    APPEAL = "appeal"
    UPHOLD = "uphold"
    CHANGE = "change"


SCORE_TRANSITIONS: dict[tuple[QualityState, ScoreTrigger], QualityState] = {
    (QualityState.DRAFT, ScoreTrigger.GIVE): QualityState.GIVEN,
    (QualityState.GIVEN, ScoreTrigger.ACKNOWLEDGE): QualityState.ACKNOWLEDGED,
    (QualityState.GIVEN, ScoreTrigger.APPEAL): QualityState.APPEALED,
    (QualityState.APPEALED, ScoreTrigger.UPHOLD): QualityState.UPHELD,
    (QualityState.APPEALED, ScoreTrigger.CHANGE): QualityState.CHANGED,
}


def next_score_state(state: QualityState, trigger: ScoreTrigger) -> QualityState:
    """The state after `trigger`; IllegalTransitionError if the score cannot do that now."""
    return follow("score", SCORE_TRANSITIONS, state, trigger)
