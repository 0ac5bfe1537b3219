"""A call's score in one grader's hand, the agent's answer to it, and rounds in which several graders judge blindly."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations
from statistics import NormalDist, mean, stdev

from followup.grader_agreement import Agreement, cohen, fleiss
from followup.scorecards import CardScore, ItemMark, MarkKind, QualityState, ScoreTrigger, next_score_state

APPEAL_WITHIN = timedelta(days=7)
"""After that a score stands."""
FEW_SCORES = 5


class AppealRefusedError(ValueError):
    """The agent cannot appeal any more, or somebody may not decide on it; the text says why."""


@dataclass(kw_only=True, eq=False)
class QualityScore:
    """What one grader says of one call; in a round it counts for the agreement only."""

    id: str
    attempt_id: str
    recording_id: str | None
    patient_id: str
    agent_id: str
    card: str
    card_version: int
    round_id: str | None = None
    grader_id: str
    state: QualityState = QualityState.DRAFT
    marks: list[ItemMark] = field(default_factory=list)
    remark: str = ""
    value: float | None = None  # of 100; None while it is a draft, and where nothing applied
    fatal: list[str] = field(default_factory=list)
    begun_at: datetime
    changed_at: datetime
    given_at: datetime | None = None
    answered_at: datetime | None = None  # when the agent acknowledged or appealed
    appeal: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision: str = ""
    value_before: float | None = None  # what it was before an appeal changed it

    def give(self, score: CardScore, now: datetime) -> None:
        """Finish it: from now on its agent sees it, unless it belongs to a round."""
        self.state = next_score_state(self.state, ScoreTrigger.GIVE)
        self.value, self.fatal = score.value, list(score.fatal)
        self.given_at = self.changed_at = now

    def acknowledge(self, now: datetime) -> None:
        """The agent has seen it and agrees."""
        self.state = next_score_state(self.state, ScoreTrigger.ACKNOWLEDGE)
        self.answered_at = self.changed_at = now

    def appeal_against(self, text: str, now: datetime) -> None:
        """The agent does not agree, and says why."""
        state = next_score_state(self.state, ScoreTrigger.APPEAL)
        if self.given_at is not None and now - self.given_at > APPEAL_WITHIN:
            raise AppealRefusedError(
                f"a score can be appealed against for {APPEAL_WITHIN.days} days; speak with a supervisor"
            )
        self.state, self.appeal = state, text
        self.answered_at = self.changed_at = now

    def decide(self, text: str, changed: CardScore | None, *, by: str, now: datetime) -> None:
        """A second person decides: it stays, or `changed` is its score now."""
        if by == self.grader_id:
            raise AppealRefusedError("nobody decides on an appeal against his own score; ask another supervisor")
        self.state = next_score_state(self.state, ScoreTrigger.UPHOLD if changed is None else ScoreTrigger.CHANGE)
        self.decision, self.decided_by = text, by
        self.decided_at = self.changed_at = now
        if changed is not None:
            self.value_before, self.value, self.fatal = self.value, changed.value, list(changed.fatal)


class RoundKind(StrEnum):
    """What a round is for."""

    DOUBLE = "double"  # calls judged twice, blindly, to see whether scores can be compared
    CALIBRATION = "calibration"  # all graders judge a few calls and speak about them afterwards


@dataclass(kw_only=True, eq=False)
class GradingRound:
    """Calls that several graders judge without seeing each other's marks until it is closed."""

    id: str
    kind: RoundKind
    title: str
    card: str
    card_version: int
    attempt_ids: list[str]
    grader_ids: list[str]
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedCall:
    """One grader's finished marks of one call of a round."""

    attempt_id: str
    grader_id: str
    marks: tuple[ItemMark, ...]
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAgreement:
    """How far the graders agree on one item; a low one wants clearer words."""

    item: str
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement:
    """How far two graders agree."""

    one: str
    other: str
    agreement: Agreement
    apart: float | None  # by how many points their scores differ in the mean


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundAgreement:
    """What a round says: over all items and graders, by pair, by item, and the marks that differ."""

    overall: Agreement
    pairs: tuple[PairAgreement, ...]
    items: tuple[ItemAgreement, ...]
    differing: tuple[tuple[str, str], ...]  # attempt and item
    complete: int  # calls that every grader has judged


def agreement_of(marked: Iterable[MarkedCall], *, graders: Collection[str], items: Sequence[str]) -> RoundAgreement:
    """The agreement of a round; calls that a grader has not judged count only between those who have."""
    of_call: dict[str, dict[str, MarkedCall]] = defaultdict(dict)
    for each in marked:
        of_call[each.attempt_id][each.grader_id] = each
    whole = {attempt: by for attempt, by in sorted(of_call.items()) if set(graders) <= set(by)}
    rows = [
        (attempt, item, [_mark(by[grader], item) for grader in sorted(graders)])
        for attempt, by in whole.items()
        for item in items
    ]
    several = len(graders) > 1
    return RoundAgreement(
        overall=fleiss([marks for _, _, marks in rows]) if several else fleiss([]),
        pairs=tuple(_pair(of_call.values(), one, other, items) for one, other in combinations(sorted(graders), 2)),
        items=tuple(
            ItemAgreement(
                item=item, agreement=fleiss([marks for _, named, marks in rows if named == item] if several else [])
            )
            for item in items
        ),
        differing=tuple((attempt, item) for attempt, item, marks in rows if len(set(marks)) > 1),
        complete=len(whole),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanScore:
    """The mean of some scores with its interval (95 %), which wants two scores at least."""

    scores: int
    mean: float | None
    low: float | None
    high: float | None
    fatal: int

    @property
    def few(self) -> bool:
        """Whether there are too few to compare people by."""
        return self.scores < FEW_SCORES


def mean_score(values: Sequence[float], *, fatal: int) -> MeanScore:
    """The mean of scores of 100."""
    if len(values) < 2:
        return MeanScore(scores=len(values), mean=values[0] if values else None, low=None, high=None, fatal=fatal)
    middle = mean(values)
    half = NormalDist().inv_cdf(0.975) * stdev(values) / len(values) ** 0.5
    return MeanScore(
        scores=len(values), mean=middle, low=max(0.0, middle - half), high=min(100.0, middle + half), fatal=fatal
    )


def _mark(marked: MarkedCall, item: str) -> MarkKind:
    return next(each.mark for each in marked.marks if each.item == item)


def _pair(calls: Collection[dict[str, MarkedCall]], one: str, other: str, items: Sequence[str]) -> PairAgreement:
    both = [(by[one], by[other]) for by in calls if one in by and other in by]
    marks = [(_mark(first, item), _mark(second, item)) for first, second in both for item in items]
    apart = [
        abs(first.value - second.value)
        for first, second in both
        if first.value is not None and second.value is not None
    ]
    return PairAgreement(one=one, other=other, agreement=cohen(marks), apart=mean(apart) if apart else None)
