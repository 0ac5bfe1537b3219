"""Assessments as they are kept: what was reckoned when, from what, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from care.patients import PatientId
from care.risk.assessing import Assessed, UsedInput
from care.risk.inputs import Origin


class AssessmentCause(StrEnum):
    """Why it was reckoned."""

    ASKED = "asked"
    RECORD_CHANGED = "record_changed"


class WithdrawalReason(StrEnum):
    """Why an assessment counts no more though no newer one took its place."""

    NOT_APPLICABLE = "not_applicable"  # the model is not for this patient any more
    INPUT_GONE = "input_gone"  # a value was taken back
    INPUTS_TOO_OLD = "inputs_too_old"  # one value changed, another is too old to reckon anew


@dataclass(kw_only=True, eq=False)
class RiskAssessment:
    """One result (FHIR RiskAssessment). Rows are never changed: a newer one takes its place, or it is withdrawn."""

    id: str
    patient_id: PatientId
    encounter_id: str | None
    model: str
    model_version: int
    variant: str
    value: float
    unit: str
    band: str | None
    out_of_range: bool
    inputs: list[dict[str, Any]]
    titles: dict[str, dict[str, str]]  # the words of the day: of the model, the band and its meaning
    assessed_at: datetime  # the day that ages and limits were counted by
    valid_until: datetime | None
    cause: AssessmentCause
    changes: list[str] = field(default_factory=list)  # inputs that were not as in the one before
    replaces: str | None = None
    recorded_at: datetime
    recorded_by: str | None
    superseded_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_because: WithdrawalReason | None = None
    withdrawn_inputs: list[str] | None = None
    request_id: str | None = None  # somebody tells the patient that it is another now, or counts no more

    @property
    def is_current(self) -> bool:
        """True if nothing has taken its place and nobody has taken it back."""
        return self.superseded_at is None and self.withdrawn_at is None

    def used(self) -> tuple[UsedInput, ...]:
        """The inputs as they were used."""
        return tuple(_read(each) for each in self.inputs)


def written(inputs: Sequence[UsedInput]) -> list[dict[str, Any]]:
    """Inputs as they are kept."""
    kept = []
    for each in inputs:
        line = asdict(each)
        line["references"] = list(each.references)
        for name in ("taken_at", "valid_until"):
            line[name] = line[name].isoformat() if line[name] is not None else None
        kept.append(line)
    return kept


def _read(line: Mapping[str, Any]) -> UsedInput:
    values = dict(line)
    values["origin"] = Origin(values["origin"])
    values["references"] = tuple(values["references"])
    for name in ("taken_at", "valid_until"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] is not None else None
    return UsedInput(**values)


def titles_of(assessed: Assessed) -> dict[str, dict[str, str]]:
    """The words by which the result was told, so that it reads the same when content has changed."""
    titles = {"model": dict(assessed.model.titles)}
    if assessed.band is not None:
        titles["band"] = dict(assessed.band.titles)
        titles["meaning"] = dict(assessed.band.meanings)
    for remark in assessed.model.remarks:
        titles[f"remark.{remark.key}"] = dict(remark.texts)
    return titles


def changed_inputs(before: Sequence[UsedInput], now: Sequence[UsedInput]) -> tuple[str, ...]:
    """Inputs that are not the same any more; another birthday alone is no change of the record."""
    held = {each.name: each for each in before}
    found = {each.name: each for each in now}
    return tuple(
        sorted(
            name
            for name in held.keys() | found.keys()
            if name not in held or name not in found or not held[name].is_as(found[name])
        )
    )
