"""A risk model: what it needs, whom it is not for, how it is reckoned and which bands its values fall into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from care.observations import Setting
from care.risk.inputs import ANYWHERE, Span, Value

Values = Mapping[str, Value]


class CannotReckonError(ValueError):
    """The values given do not fit the model; the sentence says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A lower bound: from a value on, or only above it; neither: always."""

    at_least: float | None = None
    above: float | None = None

    def is_reached_by(self, value: float) -> bool:
        """True if the value lies beyond the bound."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.above is None or value > self.above


ALWAYS = Threshold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A class of values, from a threshold on."""

    key: str
    titles: Mapping[str, str]
    meanings: Mapping[str, str] = field(default_factory=dict)
    begins: Threshold = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One input of a model, and in which unit and range the model takes it."""

    name: str
    factor: float = 1.0  # from the record's unit to the model's
    unit: str = ""  # the model's
    within: timedelta | None = None  # older values are too old
    settings: frozenset[Setting] = frozenset()  # of results; empty: any
    valid: Span = ANYWHERE  # outside of it the model does not hold
    derived_in: Span = ANYWHERE  # outside of it the model was not tried: reckoned, and said
    only_for: str = ""  # a sex
    reference: Value | None = None  # a favorable value, by which the input's share is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What a method makes of the values."""

    value: float
    points: Mapping[str, float] = field(default_factory=dict)  # by input


class Method(Protocol):
    """A way of reckoning, its figures handed in from content."""

    def reckon(self, values: Values, variant: str) -> Reckoned:
        """The value; CannotReckonError where the values do not fit."""

    @property
    def needs_sex(self) -> bool:
        """True if there is a formula for each sex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Words that belong beside every result of a model."""

    key: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """One score or class (content/risk)."""

    id: str
    version: int
    status: str
    source: str
    titles: Mapping[str, str]
    method: Method
    needs: tuple[Need, ...]
    unit: str
    decimals: int
    bands: Mapping[str, tuple[Band, ...]]  # by sex, "" for both
    refused_with: tuple[str, ...] = ()  # inputs: who answers yes is refused
    only_with: tuple[str, ...] = ()  # who does not is refused
    of_visit: bool = False  # about one visit, as it was at its end
    variants: tuple[str, ...] = ()  # the first one counts unless another is asked for
    remarks: tuple[Remark, ...] = ()
    order: int = 0  # in lists

    @property
    def names(self) -> frozenset[str]:
        """Every input that matters here."""
        return frozenset((*(need.name for need in self.needs), *self.refused_with, *self.only_with))

    def needs_for(self, sex: object) -> tuple[Need, ...]:
        """What is needed for a sex; for an unknown one everything."""
        return tuple(need for need in self.needs if need.only_for in ("", sex) or sex is None)

    def bands_for(self, sex: object) -> tuple[Band, ...]:
        """The bands that hold for a sex, in ascending order."""
        return self.bands.get(str(sex)) or self.bands.get("", ())

    def band_of(self, value: float, sex: object) -> Band | None:
        """The highest band that a value reaches."""
        reached = [band for band in self.bands_for(sex) if band.begins.is_reached_by(value)]
        return reached[-1] if reached else None


def number(values: Values, name: str) -> float:
    """A number among the values, yes as 1 and no as 0."""
    value = values.get(name)
    if isinstance(value, str) or value is None:
        raise CannotReckonError(f"{name} must be a number")
    return float(value)


def truth(values: Values, name: str) -> bool:
    """A yes or no among the values."""
    value = values.get(name)
    if not isinstance(value, bool):
        raise CannotReckonError(f"{name} must be answered with yes or no")
    return value
