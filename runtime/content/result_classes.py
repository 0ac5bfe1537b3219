"""content/result_classes.yaml: the classes of weight, waist, blood pressure and glucose."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from care.result_classes import BandedConcept, PressureBand, PressureClasses, ResultBand
from runtime.content.documents import Head, Strict, Wording

Place = Literal["office", "home", "ambulatory_24h", "ambulatory_day", "ambulatory_night"]
_CODE = r"^[a-z][a-z0-9_]{0,39}$"


class ResultBandDocument(Strict):
    """A class that begins at a value."""

    code: str = Field(pattern=_CODE)
    at_least: float
    sex: Literal["male", "female"] | None = None
    name: Wording

    def value(self) -> ResultBand:
        """The band."""
        return ResultBand(code=self.code, at_least=self.at_least, names=self.name.model_dump(), sex=self.sex)


class BandedConceptDocument(Strict):
    """The classes of one concept."""

    concept: str = Field(pattern=_CODE)
    source: str = Field(min_length=3)
    age_from: int | None = Field(default=None, ge=0, le=150)
    bands: tuple[ResultBandDocument, ...] = Field(min_length=2)


class PressureBandDocument(Strict):
    """A class of blood pressure."""

    code: str = Field(pattern=_CODE)
    systolic: float = Field(ge=0)
    diastolic: float = Field(ge=0)
    name: Wording


class PressurePlaceDocument(Strict):
    """The classes of a place of measuring, rising."""

    high_from: str
    bands: tuple[PressureBandDocument, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        pairs = [(band.systolic, band.diastolic) for band in self.bands]
        if pairs[0] != (0, 0) or any(a >= b or c >= d for (a, c), (b, d) in pairwise(pairs)):
            raise ValueError("bands begin at 0/0 and both numbers rise from each to the next")
        if self.high_from not in {band.code for band in self.bands}:
            raise ValueError(f"high_from {self.high_from} is none of the bands")
        return self


class PressureDocument(Strict):
    """The classes of blood pressure."""

    source: str = Field(min_length=3)
    places: dict[
        Literal["office", "home", "ambulatory_24h", "ambulatory_day", "ambulatory_night"], PressurePlaceDocument
    ]
    isolated: dict[Literal["systolic", "diastolic"], Wording]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not {"office", "home"} <= set(self.places) or len(self.isolated) != 2:
            raise ValueError("places need office and home, isolated needs systolic and diastolic")
        return self


class ResultClassesDocument(Head):
    """Every class of results."""

    concepts: tuple[BandedConceptDocument, ...]
    blood_pressure: PressureDocument

    def banded(self) -> dict[str, BandedConcept]:
        """The classes by concept."""
        return {
            each.concept: BandedConcept(
                concept=each.concept,
                source=each.source,
                bands=tuple(band.value() for band in each.bands),
                age_from=each.age_from,
            )
            for each in self.concepts
        }

    def pressure(self) -> PressureClasses:
        """The classes of blood pressure."""
        pressure = self.blood_pressure
        return PressureClasses(
            source=pressure.source,
            bands={
                place: tuple(
                    PressureBand(
                        code=band.code, systolic=band.systolic, diastolic=band.diastolic, names=band.name.model_dump()
                    )
                    for band in written.bands
                )
                for place, written in pressure.places.items()
            },
            high_from={place: written.high_from for place, written in pressure.places.items()},
            isolated={which: name.model_dump() for which, name in pressure.isolated.items()},
        )
