"""Scores that add points (LACE, HOSPITAL, FINDRISC, NCDRS, CHA2DS2-VASc, HAS-BLED)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from care.risk.models import ALWAYS, CannotReckonError, Reckoned, Threshold, Values, number, truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """So many points from a threshold on."""

    points: float
    begins: Threshold = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class PointItem:
    """One line of the score. Exactly one of steps, words and present/absent gives its points."""

    input: str
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)  # by sex, "" for both
    words: Mapping[str, float] = field(default_factory=dict)
    present: float = 0.0
    absent: float = 0.0
    variant: str = ""  # only in this variant; empty: in all

    def points(self, values: Values) -> float:
        """What the values are worth."""
        if self.words:
            word = str(values.get(self.input))
            if word not in self.words:
                raise CannotReckonError(f"{self.input}: {word} is worth nothing that is known")
            return self.words[word]
        if self.steps:
            steps = self.steps.get(str(values.get("sex"))) or self.steps.get("", ())
            value = number(values, self.input)
            reached = [step for step in steps if step.begins.is_reached_by(value)]
            if not reached:
                raise CannotReckonError(f"{self.input}: no points are known for {value:g}")
            return reached[-1].points
        return self.present if truth(values, self.input) else self.absent


@dataclass(frozen=True, slots=True, kw_only=True)
class PointMethod:
    """Items whose points are added."""

    items: tuple[PointItem, ...]

    @property
    def needs_sex(self) -> bool:
        """True if any item is worth something else for each sex."""
        return any(set(item.steps) - {""} or item.input == "sex" for item in self.items)

    def reckon(self, values: Values, variant: str) -> Reckoned:
        """The sum, and the points of each input."""
        points: dict[str, float] = {}
        for item in self.items:
            if item.variant in ("", variant):
                points[item.input] = points.get(item.input, 0.0) + item.points(values)
        return Reckoned(value=sum(points.values()), points=points)
