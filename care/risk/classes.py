"""Classes of measured values: one value by its bands (body mass index, waist, glucose), blood pressure by two."""

from collections.abc import Mapping
from dataclasses import dataclass

from care.risk.models import CannotReckonError, Reckoned, Values, number


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMethod:
    """The value itself; its bands class it."""

    input: str
    by_sex: bool = False

    @property
    def needs_sex(self) -> bool:
        """True if the bands differ."""
        return self.by_sex

    def reckon(self, values: Values, variant: str) -> Reckoned:  # noqa: ARG002 it has none
        """The value."""
        return Reckoned(value=number(values, self.input))


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureClass:
    """A class of blood pressure: reached if either of its lower bounds is, or the class has none."""

    band: str
    systolic: float | None = None
    diastolic: float | None = None

    def is_reached_by(self, systolic: float, diastolic: float) -> bool:
        """True if either value lies in it or above it."""
        if self.systolic is None and self.diastolic is None:
            return True
        return (self.systolic is not None and systolic >= self.systolic) or (
            self.diastolic is not None and diastolic >= self.diastolic
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """From where on one of the two is raised, so that the other can be found to be not."""

    systolic: float
    diastolic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureMethod:
    """Ascending classes for each place of measuring; the higher one of the two values counts."""

    classes: Mapping[str, tuple[PressureClass, ...]]
    isolated: Mapping[str, Isolated]

    @property
    def needs_sex(self) -> bool:
        """Blood pressure is classed alike."""
        return False

    def reckon(self, values: Values, variant: str) -> Reckoned:  # noqa: ARG002 it has none
        """The class, and whether only one of the two is raised."""
        place = str(values.get("pressure_setting"))
        if place not in self.classes:
            raise CannotReckonError(f"pressure_setting: there are no classes for {place}")
        systolic, diastolic = number(values, "systolic"), number(values, "diastolic")
        reached = [each for each in self.classes[place] if each.is_reached_by(systolic, diastolic)]
        remarks: tuple[str, ...] = ()
        if limits := self.isolated.get(place):
            high = (systolic >= limits.systolic, diastolic >= limits.diastolic)
            if high == (True, False):
                remarks = ("isolated_systolic",)
            elif high == (False, True):
                remarks = ("isolated_diastolic",)
        return Reckoned(value=None, band=reached[-1].band, remarks=remarks)
