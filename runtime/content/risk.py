"""content/risk: one file for each score or class, with its figures, bands, limits and whom it is not for."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from care.observations import Setting
from care.risk.hazards import Equation, HazardMethod, Term
from care.risk.inputs import InputKind, RiskInput, Value
from care.risk.kidney import KidneyMethod, KidneySex
from care.risk.models import Band, CannotReckonError, Method, Need, Remark, RiskModel, Threshold
from care.risk.points import PointItem, PointMethod, Step
from runtime.content.documents import Head, Strict, Wording
from runtime.content.risk_inputs import SpanDocument

Sex = Literal["male", "female"]


class ThresholdDocument(Strict):
    at_least: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> "ThresholdDocument":
        if self.at_least is not None and self.above is not None:
            raise ValueError("write at_least or above, not both")
        return self

    def threshold(self) -> Threshold:
        return Threshold(at_least=self.at_least, above=self.above)


class BandDocument(ThresholdDocument):
    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    title: Wording
    meaning: Wording | None = None

    def band(self) -> Band:
        return Band(
            key=self.key,
            titles=self.title.model_dump(),
            meanings=self.meaning.model_dump() if self.meaning is not None else {},
            begins=self.threshold(),
        )


class StepDocument(ThresholdDocument):
    points: float


class NeedDocument(Strict):
    input: str
    factor: float = Field(default=1.0, gt=0)
    unit: str = ""
    within_days: int | None = Field(default=None, ge=1)
    settings: tuple[Setting, ...] = ()
    valid: SpanDocument = SpanDocument()
    derived_in: SpanDocument = SpanDocument()
    only_for: Sex | Literal[""] = ""
    reference: float | bool | str | None = None

    def value(self) -> Need:
        return Need(
            name=self.input,
            factor=self.factor,
            unit=self.unit,
            within=timedelta(days=self.within_days) if self.within_days is not None else None,
            settings=frozenset(self.settings),
            valid=self.valid.value(),
            derived_in=self.derived_in.value(),
            only_for=self.only_for,
            reference=self.reference,
        )


class TermDocument(Strict):
    ln: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    when: str = ""
    unless: str = ""
    coefficient: float

    def value(self) -> Term:
        return Term(coefficient=self.coefficient, ln=self.ln, of=self.of, when=self.when, unless=self.unless)


class EquationDocument(Strict):
    mean: float
    survival: float = Field(gt=0, lt=1)
    terms: tuple[TermDocument, ...] = Field(min_length=1)

    def value(self) -> Equation:
        return Equation(terms=tuple(term.value() for term in self.terms), mean=self.mean, survival=self.survival)


class HazardDocument(Strict):
    kind: Literal["hazard"]
    equations: dict[Sex, EquationDocument] = Field(min_length=1)

    def value(self) -> Method:
        return HazardMethod(equations={sex: each.value() for sex, each in self.equations.items()})


class PointItemDocument(Strict):
    input: str
    steps: tuple[StepDocument, ...] | dict[Sex, tuple[StepDocument, ...]] = ()
    words: dict[str, float] = Field(default_factory=dict)
    present: float = 0.0  # YAML reads yes and no as truth values, so no field may be called so
    absent: float = 0.0
    variant: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> "PointItemDocument":
        if bool(self.steps) + bool(self.words) + bool(self.present or self.absent) != 1:
            raise ValueError(f"item {self.input}: write steps, or words, or present and absent")
        return self

    def value(self) -> PointItem:
        by_sex = self.steps if isinstance(self.steps, dict) else {"": self.steps}
        return PointItem(
            input=self.input,
            steps={
                sex: tuple(Step(points=step.points, begins=step.threshold()) for step in steps)
                for sex, steps in by_sex.items()
                if steps
            },
            words=self.words,
            present=self.present,
            absent=self.absent,
            variant=self.variant,
        )


class PointsDocument(Strict):
    kind: Literal["points"]
    items: tuple[PointItemDocument, ...] = Field(min_length=1)

    def value(self) -> Method:
        return PointMethod(items=tuple(item.value() for item in self.items))


class KidneySexDocument(Strict):
    kappa: float = Field(gt=0)
    alpha: float
    multiplier: float = 1.0


class KidneyDocument(Strict):
    kind: Literal["kidney"]
    scale: float
    power: float
    yearly: float
    sexes: dict[Sex, KidneySexDocument]

    def value(self) -> Method:
        return KidneyMethod(
            scale=self.scale,
            power=self.power,
            yearly=self.yearly,
            sexes={
                sex: KidneySex(kappa=each.kappa, alpha=each.alpha, multiplier=each.multiplier)
                for sex, each in self.sexes.items()
            },
        )


class RemarkDocument(Strict):
    key: str
    text: Wording


MethodDocument = Annotated[HazardDocument | PointsDocument | KidneyDocument, Field(discriminator="kind")]


class RiskModelDocument(Head):
    title: Wording
    order: int
    unit: str = ""
    decimals: int = Field(default=0, ge=0, le=4)
    of_visit: bool = False
    variants: tuple[str, ...] = ()
    refused_with: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    needs: tuple[NeedDocument, ...] = Field(min_length=1)
    method: MethodDocument
    bands: tuple[BandDocument, ...] | dict[Sex, tuple[BandDocument, ...]]
    remarks: tuple[RemarkDocument, ...] = ()

    def value(self, inputs: dict[str, RiskInput]) -> RiskModel:
        by_sex = self.bands if isinstance(self.bands, dict) else {"": self.bands}
        model = RiskModel(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            titles=self.title.model_dump(),
            method=self.method.value(),
            needs=tuple(need.value() for need in self.needs),
            unit=self.unit,
            decimals=self.decimals,
            bands={sex: tuple(band.band() for band in bands) for sex, bands in by_sex.items()},
            refused_with=self.refused_with,
            only_with=self.only_with,
            of_visit=self.of_visit,
            variants=self.variants,
            remarks=tuple(Remark(key=each.key, texts=each.text.model_dump()) for each in self.remarks),
            order=self.order,
        )
        _try_out(model, inputs)
        return model


def _try_out(model: RiskModel, inputs: dict[str, RiskInput]) -> None:
    """Reckon once for each sex and variant with values that are possible: a slip in a name or bound shows here."""
    unknown = sorted(model.names - set(inputs))
    if unknown:
        raise ValueError(f"content/risk: {model.id} asks for {', '.join(unknown)}, which content/risk_inputs lacks")
    named = [need.name for need in model.needs]
    if len(set(named)) != len(named):
        raise ValueError(f"content/risk: {model.id} names an input twice among its needs")
    if model.method.needs_sex and "sex" not in named:
        raise ValueError(f"content/risk: {model.id} differs for the sexes; name sex among its needs")
    for sex in ("male", "female"):
        for variant in model.variants or ("",):
            values = {need.name: _possible(need, inputs[need.name], sex) for need in model.needs_for(sex)}
            try:
                model.method.reckon(values, variant)
            except CannotReckonError as error:
                raise ValueError(f"content/risk: {model.id} cannot be reckoned for a {sex}: {error}") from error


def _possible(need: Need, wanted: RiskInput, sex: str) -> Value:
    if need.name == "sex":
        return sex
    if wanted.kind is InputKind.YES_NO:
        return False
    if wanted.kind is InputKind.CHOICE:
        return next(iter(wanted.choices))
    for bound in (need.valid.lowest, need.derived_in.lowest, need.valid.highest):
        if bound is not None and bound > 0:
            return bound
    return 1.0
