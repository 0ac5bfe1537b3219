"""content/observations.yaml, unit_conversions.yaml, code_maps: what is measured, in which unit, under which codes."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from care.concepts import CodeMap, Concept, Conversion, MappedCode, ReferenceRange, UnitRules, tidy
from runtime.content.documents import Head, Strict, Wording

_CODE = r"^[a-z][a-z0-9_]{0,39}$"


class RangeDocument(Strict):
    """What is usual for a sex and an age."""

    low: float | None = None
    high: float | None = None
    sex: Literal["male", "female"] | None = None
    age_from: int | None = Field(default=None, ge=0, le=150)
    age_under: int | None = Field(default=None, ge=0, le=150)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a range has low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} lies above high {self.high}")
        return self


class ConceptDocument(Strict):
    """One thing that is measured or scored."""

    code: str = Field(pattern=_CODE)
    name: Wording
    panel: str = Field(pattern=_CODE)
    loinc: str = Field(default="", pattern=r"^(\d{1,7}-\d)?$")
    unit: str = Field(min_length=1, max_length=20)
    decimals: int = Field(ge=0, le=4)
    lowest: float
    highest: float
    ranges: tuple[RangeDocument, ...] = ()
    item: str = ""
    with_answers: dict[str, str] = Field(default_factory=dict)
    score: str = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.lowest >= self.highest:
            raise ValueError(f"{self.code}: lowest {self.lowest} must lie below highest {self.highest}")
        if self.with_answers and not self.item:
            raise ValueError(f"{self.code}: with_answers stand beside an item")
        return self

    def value(self) -> Concept:
        """The concept."""
        return Concept(
            code=self.code,
            names=self.name.model_dump(),
            panel=self.panel,
            loinc=self.loinc,
            unit=self.unit,
            decimals=self.decimals,
            lowest=self.lowest,
            highest=self.highest,
            ranges=tuple(ReferenceRange(**each.model_dump()) for each in self.ranges),
            item=self.item,
            with_answers=self.with_answers,
            score=self.score,
        )


class ObservationsDocument(Head):
    """Everything that is measured."""

    alerts_within_hours: float = Field(gt=0)  # an older result raises no alert: nobody is in danger now by it
    panels: dict[str, Wording]
    concepts: tuple[ConceptDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _once(self) -> Self:
        for what in ("code", "loinc", "score"):
            named = [getattr(each, what) for each in self.concepts if getattr(each, what)]
            twice = sorted({each for each in named if named.count(each) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} is used twice")
        unknown = sorted({each.panel for each in self.concepts} - set(self.panels))
        if unknown:
            raise ValueError(f"panels have no words for {', '.join(unknown)}")
        return self


class ConversionDocument(Strict):
    """How a unit becomes another."""

    sent: str
    to: str
    factor: float = Field(gt=0)
    offset: float = 0.0
    concepts: frozenset[str] = frozenset()

    def value(self) -> Conversion:
        """The conversion."""
        return Conversion(sent=self.sent, to=self.to, factor=self.factor, offset=self.offset, concepts=self.concepts)


class UnitsDocument(Head):
    """Spellings of units and the ways between them."""

    spellings: dict[str, tuple[str, ...]]  # UCUM → how it is written besides
    conversions: tuple[ConversionDocument, ...]

    @model_validator(mode="after")
    def _plain(self) -> Self:
        self.value()
        unknown = sorted({each.sent for each in self.conversions} - set(self.spellings))
        if unknown:
            raise ValueError(f"conversions begin with {', '.join(unknown)}, which spellings do not have")
        return self

    def value(self) -> UnitRules:
        """The rules."""
        spellings: dict[str, str] = {}
        for unit, written in self.spellings.items():
            for each in (unit, *written):
                if spellings.setdefault(tidy(each), unit) != unit:
                    raise ValueError(f"{each!r} is written for {unit} and for {spellings[tidy(each)]}")
        return UnitRules(spellings=spellings, conversions=tuple(each.value() for each in self.conversions))


class MappedCodeDocument(Strict):
    """A concept, with the unit that is meant where none is sent."""

    concept: str
    unit: str = ""


class CodeMapDocument(Head):
    """What the codes and names of some sources stand for."""

    feeds: tuple[str, ...] = Field(min_length=1)
    codes: dict[str, MappedCodeDocument]

    @field_validator("codes", mode="before")
    @classmethod
    def _short(cls, codes: object) -> object:
        if not isinstance(codes, dict):
            return codes
        return {str(key): {"concept": each} if isinstance(each, str) else each for key, each in codes.items()}

    def value(self) -> CodeMap:
        """The map, by tidied codes."""
        codes: dict[str, MappedCode] = {}
        for written, meant in self.codes.items():
            if tidy(written) in codes:
                raise ValueError(f"code map {self.id}: {written!r} stands there twice")
            codes[tidy(written)] = MappedCode(concept=meant.concept, unit=meant.unit)
        return CodeMap(id=self.id, feeds=self.feeds, codes=codes)
