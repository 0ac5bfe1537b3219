"""Findings of an invented patient for risk models: results, diagnoses, statements, a visit."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from care.history import EntryState, HistoryEntry, HistoryKind
from care.medicines import MedicineBasis, MedicineState, MedicineStatement
from care.observations import Observation, Setting
from care.patients import Encounter, PatientId
from care.risk.assessing import Assessed, Refused, assess
from care.risk.findings import Findings
from care.risk.inputs import RiskFact, Value
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
WHO = PatientId("1b4e28ba-2fa1-41d2-883f-0016d3cca427")
MG_PER_MMOL = 38.67
"""Cholesterol in mg/dL that is 1 mmol/L."""


def a_result(code: str, value: float | None, **values: Any) -> Observation:
    """A final result of yesterday."""
    taken_at = values.pop("taken_at", NOW - timedelta(days=1))
    return Observation(
        **{
            "id": new_id(),
            "patient_id": WHO,
            "code": code,
            "value": value,
            "taken_at": taken_at,
            "setting": Setting.LABORATORY,
            "source": "hl7:LIS",
            "source_key": new_id(),
            "recorded_at": taken_at,
            **values,
        }
    )


def an_entry(code: str, **values: Any) -> HistoryEntry:
    """An active diagnosis."""
    return HistoryEntry(
        **{
            "id": new_id(),
            "patient_id": WHO,
            "kind": HistoryKind.CONDITION,
            "code": code,
            "name": code,
            "state": EntryState.ACTIVE,
            "source": "hl7:HIS",
            "source_key": new_id(),
            "recorded_at": NOW - timedelta(days=30),
            **values,
        }
    )


def a_fact(name: str, value: Value, **values: Any) -> RiskFact:
    """Something stated an hour ago."""
    at = values.pop("taken_at", NOW - timedelta(hours=1))
    return RiskFact(
        **{
            "id": new_id(),
            "patient_id": WHO,
            "encounter_id": None,
            "name": name,
            "value": value,
            "taken_at": at,
            "recorded_at": at,
            "recorded_by": "u1",
            **values,
        }
    )


def a_medicine(code: str, **values: Any) -> MedicineStatement:
    """A medicine that was prescribed a month ago and is taken."""
    return MedicineStatement(
        **{
            "id": new_id(),
            "patient_id": WHO,
            "basis": MedicineBasis.PRESCRIBED,
            "code": code,
            "name": code or "草药",
            "state": MedicineState.ACTIVE,
            "source": "hl7:HIS",
            "source_key": new_id(),
            "recorded_at": NOW - timedelta(days=30),
            **values,
        }
    )


def a_stay(**values: Any) -> Encounter:
    """A discharge of today."""
    return Encounter(
        **{"id": new_id(), "patient_id": WHO, "department": "ward", "kind": "discharge", "occurred_at": NOW, **values}
    )


def findings(
    *,
    sex: str | None = "male",
    age: int | None = 60,
    results: Mapping[str, float] | None = None,
    more_results: Iterable[Observation] = (),
    diagnoses: Iterable[str] = (),
    history: Iterable[HistoryEntry] = (),
    stated: Mapping[str, Value] | None = None,
    facts: Iterable[RiskFact] = (),
    medicines: Iterable[MedicineStatement] = (),
    visit: Encounter | None = None,
    visits: Iterable[Encounter] = (),
) -> Findings:
    """A patient who turned `age` some months ago."""
    observed: dict[str, list[Observation]] = {}
    for each in (*(a_result(code, value) for code, value in (results or {}).items()), *more_results):
        observed.setdefault(each.code, []).append(each)
    inputs = CONTENT.risk_inputs
    return Findings(
        at=NOW,
        zone=ZoneInfo("Asia/Shanghai"),
        born=None if age is None else date(NOW.year - age, 3, 1),
        sex=sex,
        results=observed,
        history=(*(an_entry(code) for code in diagnoses), *history),
        facts=(
            *(
                a_fact(name, value, encounter_id=visit.id if visit and inputs[name].stated_for_visit else None)
                for name, value in (stated or {}).items()
            ),
            *facts,
        ),
        medicines=tuple(medicines),
        visit=visit,
        visits=tuple(visits),
    )


def assessed(model: str, found: Findings, *, variant: str = "") -> Assessed:
    """The result; it must not be refused."""
    result = assess(CONTENT.risk_models[model], CONTENT.risk_inputs, found, variant=variant)
    assert isinstance(result, Assessed), result.lacks
    return result


def refused(model: str, found: Findings) -> Refused:
    """The refusal; there must be one."""
    result = assess(CONTENT.risk_models[model], CONTENT.risk_inputs, found)
    assert isinstance(result, Refused), result.value
    return result


def china_par(**changes: Any) -> dict[str, Any]:
    """What China-PAR asks of the man in the acceptance scenario: 58 years, check-up of 2026."""
    base: dict[str, Any] = {
        "age": 58,
        "results": {"systolic": 148, "total_cholesterol": 5.2, "hdl": 1.1, "waist": 94, "smoker": 1},
        "stated": {"treated": True, "north": True, "urban": True, "family_ascvd": False},
    }
    return {**base, **changes}
