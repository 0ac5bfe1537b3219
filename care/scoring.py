"""Scores of a form's answers: a value and its class, or incomplete; half a form never looks like a low score."""

from dataclasses import dataclass
from enum import StrEnum

from care.forms import Answers, Band, Form, FormItem, ItemType, Score, ScoreMethod, counted_answers, enabled_items


class ScoreState(StrEnum):
    """Whether there is a score."""

    SCORED = "scored"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult:
    """What the answers come to. `value` and `band` are None while incomplete, `band` also where a sex is not known."""

    id: str
    state: ScoreState
    value: float | None = None
    band: str | None = None
    leads_to: str | None = None
    missing: tuple[str, ...] = ()


def scores_of(form: Form, answers: Answers, *, sex: str | None = None) -> tuple[ScoreResult, ...]:
    """Every score of the form."""
    return tuple(score_of(form, score, answers, sex=sex) for score in form.scores)


def score_of(form: Form, score: Score, answers: Answers, *, sex: str | None = None) -> ScoreResult:
    """One score. A question closed by another answer counts nothing; an answer without points leaves the reckoning."""
    given = counted_answers(form, answers)
    standing = {item.link_id: item for item in enabled_items(form, answers)}
    asked = [standing[link_id] for link_id in score.items if link_id in standing]
    missing = tuple(item.link_id for item in asked if item.link_id not in given)
    points = [point for item in asked if item.link_id in given for point in _points(item, given)]
    if len(missing) > score.missing_allowed or not points:
        return ScoreResult(id=score.id, state=ScoreState.INCOMPLETE, missing=missing)
    total = sum(points)
    value = total if score.method is ScoreMethod.SUM else total / len(points)
    band = band_of(score, value, sex)
    return ScoreResult(
        id=score.id,
        state=ScoreState.SCORED,
        value=value,
        band=band.code if band else None,
        leads_to=band.leads_to if band else None,
        missing=missing,
    )


def band_of(score: Score, value: float, sex: str | None) -> Band | None:
    """The class of a value: the highest band that it reaches, among those for everybody and for this sex."""
    reached = [band for band in score.bands if band.sex in (None, sex) and value >= band.at_least]
    return max(reached, key=lambda band: band.at_least, default=None)


def _points(item: FormItem, given: Answers) -> list[float]:
    answer = given[item.link_id]
    if item.type is ItemType.CHOICE:
        score = next(option.score for option in item.options if option.value == answer)
        return [] if score is None else [score]
    if isinstance(answer, str):
        return []
    number = float(answer)
    if not item.steps:
        return [number]
    reached = [step for step in item.steps if number >= step.at_least]
    return [max(reached, key=lambda step: step.at_least).score] if reached else []
