"""Figures of a survey from the answers that were given: satisfied, top box, recommendation; none for too few."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

ENOUGH = 30
"""Answers below which a figure says more about chance than about a department."""

SATISFIED_FROM = 4
TOP = 5
PROMOTER_FROM, DETRACTOR_UP_TO = 9, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFigures:
    """In percent, to one decimal; None where there are too few answers."""

    n: int
    satisfied: float | None  # 4 or 5 of 5
    top_box: float | None  # 5 of 5
    recommendation: float | None  # promoters (9, 10) less detractors (0 to 6), of 0 to 10

    @property
    def insufficient(self) -> bool:
        """True if nothing may be said."""
        return self.n < ENOUGH


def survey_figures(scores: Collection[int], recommend: Collection[int]) -> SurveyFigures:
    """The figures of all answers on a scale of 5, and on the scale of 0 to 10 of who would recommend us."""
    n = len(scores)
    if n < ENOUGH:
        return SurveyFigures(n=n, satisfied=None, top_box=None, recommendation=None)
    promoters = sum(score >= PROMOTER_FROM for score in recommend)
    detractors = sum(score <= DETRACTOR_UP_TO for score in recommend)
    return SurveyFigures(
        n=n,
        satisfied=_percent(sum(score >= SATISFIED_FROM for score in scores), n),
        top_box=_percent(sum(score == TOP for score in scores), n),
        recommendation=_percent(promoters - detractors, len(recommend)) if len(recommend) >= ENOUGH else None,
    )


def figures_by_department(scores: Mapping[str, Collection[int]]) -> dict[str, SurveyFigures]:
    """Satisfaction of each department by itself."""
    return {department: survey_figures(given, ()) for department, given in scores.items()}


def _percent(part: int, of: int) -> float:
    return round(100 * part / of, 1)
