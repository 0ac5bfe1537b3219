"""Classes of results: weight, waist, blood pressure, glucose, by bands that are content/result_classes.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultBand:
    """A class that begins at a value."""

    code: str
    at_least: float
    names: Mapping[str, str]
    sex: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BandedConcept:
    """The classes of one concept, for people from an age on."""

    concept: str
    source: str
    bands: tuple[ResultBand, ...]
    age_from: int | None = None

    def class_of(self, value: float, *, sex: str | None, age: int | None) -> ResultBand | None:
        """The highest band that the value reaches; None where the bands are not meant for the person."""
        if self.age_from is not None and (age is None or age < self.age_from):
            return None
        meant = [band for band in self.bands if band.sex in (None, sex)]
        return max((band for band in meant if value >= band.at_least), key=lambda band: band.at_least, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureBand:
    """A class of blood pressure: either number reaches it."""

    code: str
    systolic: float
    diastolic: float
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureClass:
    """The class of a pair, and whether only one of the two is high."""

    band: PressureBand
    isolated: str | None = None  # systolic or diastolic


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureClasses:
    """The classes of blood pressure by where it was measured; `high_from` is where it counts as high."""

    source: str
    bands: Mapping[str, tuple[PressureBand, ...]]  # by place: office, home, ambulatory …
    high_from: Mapping[str, str]  # by place, the code of the first band that is high
    isolated: Mapping[str, Mapping[str, str]]  # names by systolic, diastolic

    def class_of(self, systolic: float, diastolic: float, *, place: str) -> PressureClass:
        """The higher of the two classes; isolated if the other number stays below what is high."""
        bands: Sequence[PressureBand] = self.bands[place]
        reached = [band for band in bands if systolic >= band.systolic or diastolic >= band.diastolic]
        band = max(reached, key=bands.index)
        high = next(band for band in bands if band.code == self.high_from[place])
        isolated = None
        if (systolic >= high.systolic) != (diastolic >= high.diastolic):
            isolated = "systolic" if systolic >= high.systolic else "diastolic"
        return PressureClass(band=band, isolated=isolated)


def bmi_of(*, weight_kg: float, height_cm: float) -> float:
    """Weight by squared height."""
    return weight_kg / (height_cm / 100) ** 2
