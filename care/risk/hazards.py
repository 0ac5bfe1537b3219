"""Scores of a proportional-hazards model (China-PAR, Framingham): 1 − S ^ exp(Σ − mean), in percent."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, prod

from care.risk.models import CannotReckonError, Reckoned, Values, number, truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A summand: its coefficient times the logarithms and plain values of inputs, where a yes or no allows it."""

    coefficient: float
    ln: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    when: str = ""
    unless: str = ""

    def value(self, values: Values) -> float:
        """What the term adds."""
        if self.when and not truth(values, self.when):
            return 0.0
        if self.unless and truth(values, self.unless):
            return 0.0
        return self.coefficient * prod(
            (*(_ln(values, name) for name in self.ln), *(number(values, n) for n in self.of))
        )

    @property
    def names(self) -> frozenset[str]:
        """The inputs it asks for."""
        return frozenset(name for name in (*self.ln, *self.of, self.when, self.unless) if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """One sex's terms, the mean of their sum and the share that stays well."""

    terms: tuple[Term, ...]
    mean: float
    survival: float

    def percent(self, values: Values) -> float:
        """The risk."""
        beyond_mean = sum(term.value(values) for term in self.terms) - self.mean
        return 100.0 * (1.0 - float(self.survival ** exp(beyond_mean)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardMethod:
    """An equation for each sex."""

    equations: Mapping[str, Equation]

    @property
    def needs_sex(self) -> bool:
        """There is one for each."""
        return True

    def reckon(self, values: Values, variant: str) -> Reckoned:  # noqa: ARG002 it has none
        """The risk in percent."""
        equation = self.equations.get(str(values.get("sex")))
        if equation is None:
            raise CannotReckonError(f"there is no equation for sex {values.get('sex')}")
        return Reckoned(value=equation.percent(values))


def _ln(values: Values, name: str) -> float:
    value = number(values, name)
    if value <= 0:
        raise CannotReckonError(f"{name} must be above 0")
    return log(value)
