"""Assessing a patient by a model: refused with every reason, or reckoned with each input's date, source and share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from care.risk.findings import Findings
from care.risk.inputs import CardField, Known, Origin, RiskInput, Span, Value
from care.risk.models import Band, Need, Reckoned, RiskModel


class LackReason(StrEnum):
    """Why an input keeps a model from being used."""

    MISSING = "missing"
    TOO_OLD = "too_old"
    OUT_OF_RANGE = "out_of_range"  # the model does not hold there
    KNOWN_ILLNESS = "known_illness"  # the model is for people without it
    WITHOUT_ILLNESS = "without_illness"  # the model is for people with it


NOT_APPLICABLE = frozenset({LackReason.OUT_OF_RANGE, LackReason.KNOWN_ILLNESS, LackReason.WITHOUT_ILLNESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One input that keeps a model from being used, and why."""

    input: str
    reason: LackReason
    known: Known | None = None
    needed: Span | None = None
    within_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedInput:
    """A value as it was used, and what it did to the result."""

    name: str
    value: Value  # in the record's unit
    unit: str
    used: Value  # in the model's
    used_unit: str
    origin: Origin
    taken_at: datetime | None
    source: str
    references: tuple[str, ...]
    out_of_range: bool = False  # beyond what the model was tried with
    points: float | None = None
    share: float | None = None  # the result less what it would be with the favorable value
    reference: Value | None = None
    valid_until: datetime | None = None

    def is_as(self, other: "UsedInput") -> bool:
        """True if it is the same value of the same rows: nothing has changed. A birthday changes nothing."""
        if self.origin is Origin.CARD and self.references:
            return self.references == other.references
        return (self.used, self.origin, self.references) == (other.used, other.origin, other.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The model says nothing; where it does not apply at all, only that is told, not what else is missing."""

    model: RiskModel
    lacks: tuple[Lack, ...]
    inputs: tuple[UsedInput, ...]  # those that are known

    @property
    def applies(self) -> bool:
        """True if the model would hold for this patient with more or newer inputs."""
        return not any(lack.reason in NOT_APPLICABLE for lack in self.lacks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """A result with everything that it rests on."""

    model: RiskModel
    variant: str
    value: float
    band: Band | None
    inputs: tuple[UsedInput, ...]
    at: datetime
    valid_until: datetime | None = None

    @property
    def out_of_range(self) -> bool:
        """True if an input lies beyond what the model was tried with."""
        return any(each.out_of_range for each in self.inputs)


def assess(
    model: RiskModel, inputs: Mapping[str, RiskInput], findings: Findings, *, variant: str = ""
) -> Assessed | Refused:
    """The result, or why there is none."""
    needs = model.needs_for(findings.sex)
    known = {need.name: findings.known(inputs[need.name], need) for need in needs}
    there = {name: each for name, each in known.items() if each is not None}
    used = {need.name: _used(need, inputs[need.name], there[need.name]) for need in needs if need.name in there}
    lacks = _not_for(model, inputs, findings) + _out_of_range(model, needs, known)
    if lacks := lacks or _missing_or_old(needs, there, findings):
        return Refused(model=model, lacks=lacks, inputs=tuple(used.values()))
    chosen = variant or (model.variants[0] if model.variants else "")
    values = {name: each.used for name, each in used.items()}
    made = model.method.reckon(values, chosen)
    value = round(made.value, model.decimals)
    return Assessed(
        model=model,
        variant=chosen,
        value=value,
        # By the value as it is shown, so that 5.00 is never called below 5.
        band=model.band_of(value, values.get(CardField.SEX.value)),
        inputs=tuple(_explained(model, need, used[need.name], values, made, chosen) for need in needs),
        at=findings.at,
        valid_until=min((each.valid_until for each in used.values() if each.valid_until), default=None),
    )


def _not_for(model: RiskModel, inputs: Mapping[str, RiskInput], findings: Findings) -> tuple[Lack, ...]:
    """Illnesses with which, or without which, the model must not be used."""
    lacks = []
    for name in model.refused_with:
        known = findings.known(inputs[name], Need(name=name))
        if known is not None and known.value is True:
            lacks.append(Lack(input=name, reason=LackReason.KNOWN_ILLNESS, known=known))
    for name in model.only_with:
        known = findings.known(inputs[name], Need(name=name))
        if known is None or known.value is not True:
            lacks.append(Lack(input=name, reason=LackReason.WITHOUT_ILLNESS, known=known))
    return tuple(lacks)


def _out_of_range(model: RiskModel, needs: tuple[Need, ...], known: Mapping[str, Known | None]) -> tuple[Lack, ...]:
    lacks = []
    for need in needs:
        each = known[need.name]
        if each is None:
            continue
        used = _in_the_models_unit(need, each.value)
        if isinstance(used, int | float) and not isinstance(used, bool) and used not in need.valid:
            lacks.append(Lack(input=need.name, reason=LackReason.OUT_OF_RANGE, known=each, needed=need.valid))
        if need.name == CardField.SEX.value and model.method.needs_sex and each.value not in ("male", "female"):
            lacks.append(Lack(input=need.name, reason=LackReason.OUT_OF_RANGE, known=each))
    return tuple(lacks)


def _missing_or_old(needs: tuple[Need, ...], there: Mapping[str, Known], findings: Findings) -> tuple[Lack, ...]:
    lacks = []
    for need in needs:
        known = there.get(need.name)
        days = need.within.days if need.within is not None else None
        if known is None:
            lacks.append(Lack(input=need.name, reason=LackReason.MISSING, within_days=days))
        elif need.within is not None and known.taken_at is not None and known.taken_at < findings.at - need.within:
            lacks.append(Lack(input=need.name, reason=LackReason.TOO_OLD, known=known, within_days=days))
    return tuple(lacks)


def _in_the_models_unit(need: Need, value: Value) -> Value:
    if isinstance(value, bool | str) or need.factor == 1.0:
        return value
    return value * need.factor


def _used(need: Need, wanted: RiskInput, known: Known) -> UsedInput:
    used = _in_the_models_unit(need, known.value)
    beyond = isinstance(used, int | float) and not isinstance(used, bool) and used not in need.derived_in
    return UsedInput(
        name=need.name,
        value=known.value,
        unit=wanted.unit,
        used=used,
        used_unit=need.unit or wanted.unit,
        origin=known.origin,
        taken_at=known.taken_at,
        source=known.source,
        references=known.references,
        out_of_range=beyond,
        reference=need.reference,
        valid_until=known.taken_at + need.within if known.taken_at is not None and need.within is not None else None,
    )


def _explained(
    model: RiskModel,
    need: Need,
    used: UsedInput,
    values: Mapping[str, Value],
    made: Reckoned,
    variant: str,
) -> UsedInput:
    """The input with its points, or with how much of the result it makes over its favorable value."""
    share = None
    if need.reference is not None:
        better = model.method.reckon({**values, need.name: need.reference}, variant)
        share = round(made.value - better.value, model.decimals)
    return replace(used, points=made.points.get(need.name), share=share)
