"""How far graders who did not see each other's marks agree beyond chance: Cohen's and Fleiss' kappa."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

GOOD_ENOUGH = 0.6
FEW = 30
"""Below so many marks a kappa says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Observed share of agreement, and kappa: None where chance alone would always agree, or nothing is marked."""

    subjects: int
    observed: float | None
    kappa: float | None

    @property
    def few(self) -> bool:
        """Whether there are too few to say much."""
        return self.subjects < FEW

    @property
    def good_enough(self) -> bool | None:
        """Whether they agree well enough to be compared; None where kappa is unknown."""
        return None if self.kappa is None else self.kappa >= GOOD_ENOUGH


def cohen(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """Two graders: their marks of the same subjects."""
    count = len(pairs)
    if count == 0:
        return Agreement(subjects=0, observed=None, kappa=None)
    observed = sum(one == other for one, other in pairs) / count
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(first[mark] * second[mark] for mark in first) / count**2
    return Agreement(subjects=count, observed=observed, kappa=_beyond(observed, chance))


def fleiss(subjects: Sequence[Sequence[Hashable]]) -> Agreement:
    """Any number of graders, from two on: the marks of each subject, as many for each of them."""
    if not subjects:
        return Agreement(subjects=0, observed=None, kappa=None)
    graders = len(subjects[0])
    if graders < 2 or any(len(marks) != graders for marks in subjects):
        raise ValueError("every subject needs a mark of each of two graders or more; leave out those that lack one")
    counts = [Counter(marks) for marks in subjects]
    alike = [(sum(number**2 for number in each.values()) - graders) / (graders * (graders - 1)) for each in counts]
    observed = sum(alike) / len(subjects)
    totals: Counter[Hashable] = Counter()
    for each in counts:
        totals.update(each)
    chance = sum((number / (len(subjects) * graders)) ** 2 for number in totals.values())
    return Agreement(subjects=len(subjects), observed=observed, kappa=_beyond(observed, chance))


def _beyond(observed: float, chance: float) -> float | None:
    if math.isclose(chance, 1.0):
        return None
    return (observed - chance) / (1 - chance)
