"""Estimated glomerular filtration rate from creatinine, age and sex (CKD-EPI 2021)."""

from collections.abc import Mapping
from dataclasses import dataclass

from care.risk.models import CannotReckonError, Reckoned, Values, number


@dataclass(frozen=True, slots=True, kw_only=True)
class KidneySex:
    """One sex's figures."""

    kappa: float
    alpha: float
    multiplier: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KidneyMethod:
    """scale · min(Scr/κ, 1)^α · max(Scr/κ, 1)^power · yearly^age · multiplier, creatinine in mg/dL."""

    scale: float
    power: float
    yearly: float
    sexes: Mapping[str, KidneySex]

    @property
    def needs_sex(self) -> bool:
        """κ and α differ."""
        return True

    def reckon(self, values: Values, variant: str) -> Reckoned:  # noqa: ARG002 it has none
        """mL/min/1.73 m²."""
        sex = self.sexes.get(str(values.get("sex")))
        if sex is None:
            raise CannotReckonError(f"there are no figures for sex {values.get('sex')}")
        creatinine = number(values, "creatinine")
        if creatinine <= 0:
            raise CannotReckonError("creatinine must be above 0")
        share = creatinine / sex.kappa
        return Reckoned(
            value=self.scale
            * min(share, 1.0) ** sex.alpha
            * max(share, 1.0) ** self.power
            * self.yearly ** number(values, "age")
            * sex.multiplier
        )
