"""Results by API: a device's and a nurse's, trends, classes, versions, and codes that wait for a word."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from care.patients import Patient
from db.users import Role
from interop.results import SentResult, settle_all, take_results
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import a_patient


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
def patient(house: House) -> Patient:
    with house.rows() as uow:
        return a_patient(uow, born=date(1960, 5, 1), sex="female")


@pytest.fixture
def nurse(house: House) -> Asking:
    return house.caller(Role.AGENT)


@pytest.fixture
def registrar(house: House) -> Asking:
    return house.caller(Role.REGISTRAR)


def take(house: House, patient: Patient, source: str, *results: tuple[str, str, str, str]) -> None:
    with house.rows() as uow:
        take_results(
            uow,
            CONTENT,
            [
                SentResult(
                    patient_id=patient.id,
                    source=source,
                    source_key=new_id(),
                    code=code,
                    value=value,
                    unit=unit,
                    taken_at=datetime.fromisoformat(day).replace(hour=1, tzinfo=UTC),
                )
                for code, value, unit, day in results
            ],
        )


def cuff(at: datetime, systolic: float = 186, diastolic: float = 112, **more: Any) -> dict[str, Any]:
    return {
        "taken_at": at.isoformat(),
        "setting": "device",
        "device": "omron-7",
        "results": [{"code": "systolic", "value": systolic}, {"code": "diastolic", "value": diastolic}],
        **more,
    }


def test_a_device_posts_a_pressure_that_passes_the_same_rules_and_sent_again_is_the_same(
    house: House, nurse: Asking, patient: Patient
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=3)
    first = nurse.post(f"/patients/{patient.id}/observations", cuff(at)).json()
    assert [kept["outcome"] for kept in first["results"]] == ["new", "new"]
    assert [alert["code"] for alert in first["open_alerts"]] == ["blood_pressure_very_high"]
    assert first["results"][0]["result"]["mark"] == "high"
    again = nurse.post(f"/patients/{patient.id}/observations", cuff(at)).json()
    assert [kept["outcome"] for kept in again["results"]] == ["same", "same"]
    assert again["open_alerts"] == first["open_alerts"]
    with house.rows() as uow:
        assert len(uow.alerts.of_patient(patient.id)) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"results": [{"code": "systolic", "value": 1200}]}, "results[0].value"),
        ({"results": [{"code": "happiness", "value": 3}]}, "results[0].code"),
        ({"results": [{"code": "weight", "value": 70, "unit": "mmHg"}]}, "results[0].value"),
        ({"results": [{"code": "weight", "value": " "}]}, "results[0]"),
        ({"results": []}, "results"),
        ({"device": None}, ""),
        ({"taken_at": "2999-01-01T00:00:00Z"}, "taken_at"),
        ({"encounter_id": "00000000-0000-4000-8000-000000000000"}, "encounter_id"),
    ],
)
def test_what_cannot_be_kept_is_refused_whole_and_names_its_place(
    house: House, nurse: Asking, patient: Patient, change: dict[str, Any], field: str
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=3)
    answer = nurse.post(f"/patients/{patient.id}/observations", {**cuff(at), **change})
    assert answer.status_code in (404, 422)
    assert answer.json()["field"].startswith(field)
    with house.rows() as uow:
        assert uow.observations.page(patient.id) == []


def test_four_years_of_glucose_in_two_units_are_one_line_with_marks_years_and_slope(
    house: House, nurse: Asking, patient: Patient
) -> None:
    take(
        house,
        patient,
        "hl7:LIS",
        ("FPG", "104", "mg/dL", "2023-05-01"),
        ("FPG", "5.9", "mmol/L", "2024-05-01"),
        ("FPG", "112", "mg/dL", "2025-05-01"),
        ("FPG", "6.7", "mmol/L", "2026-05-01"),
    )
    (trend,) = nurse.get(f"/patients/{patient.id}/trends?code=glucose_fasting").json()["trends"]
    assert [point["value"] for point in trend["line"]] == [5.77, 5.9, 6.22, 6.7]
    assert trend["unit"] == "mmol/L"
    assert trend["band"] == {"low": 3.9, "high": 6.1}
    assert [row["mark"] for row in trend["results"]] == ["normal", "normal", "high", "high"]
    assert (trend["results"][0]["sent_value"], trend["results"][0]["sent_unit"]) == ("104", "mg/dL")
    assert [(year["year"], year["count"]) for year in trend["years"]] == [(2023, 1), (2024, 1), (2025, 1), (2026, 1)]
    assert [year["change"] for year in trend["years"]][1:] == pytest.approx([0.13, 0.32, 0.48])
    assert trend["slope"]["method"] == "theil_sen"
    assert trend["slope"]["value"] == pytest.approx(0.3, abs=0.05)
    since = nurse.get(f"/patients/{patient.id}/trends?code=glucose_fasting&since=2025-01-01T00:00:00Z").json()
    assert since["trends"][0]["count"] == 2
    assert since["trends"][0]["slope"] is None


def test_somebody_who_was_never_measured_has_empty_trends_classes_and_lists(nurse: Asking, patient: Patient) -> None:
    (trend,) = nurse.get(f"/patients/{patient.id}/trends?code=ldl").json()["trends"]
    assert (trend["count"], trend["line"], trend["slope"], trend["years"]) == (0, [], None, [])
    classes = nurse.get(f"/patients/{patient.id}/result-classes").json()
    assert (classes["classes"], classes["control"]) == ([], [])
    assert nurse.get(f"/patients/{patient.id}/results").json() == {"results": [], "next": None}
    assert nurse.get(f"/patients/{patient.id}/trends?code=luck").json()["field"] == "code"
    assert nurse.get(f"/patients/{new_id()}/trends?code=ldl").status_code == 404


def test_a_device_that_measured_for_years_is_told_by_the_week_and_its_list_by_pages(
    house: House, nurse: Asking, patient: Patient
) -> None:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    with house.rows() as uow:
        take_results(
            uow,
            CONTENT,
            [
                SentResult(
                    patient_id=patient.id,
                    source="device:cuff",
                    source_key=f"{place}",
                    code="systolic",
                    value=str(150 - place / 60),
                    unit="mmHg",
                    taken_at=begin + timedelta(days=place),
                )
                for place in range(900)
            ],
        )
    (trend,) = nurse.get(f"/patients/{patient.id}/trends?code=systolic").json()["trends"]
    assert (trend["count"], trend["line_by"], trend["more"], len(trend["results"])) == (900, "week", True, 400)
    assert len(trend["line"]) == 129
    assert trend["slope"]["value"] == pytest.approx(-365.2425 / 60, rel=0.01)
    assert trend["slope"]["clear"]
    seen: list[str] = []
    following = f"/patients/{patient.id}/results?limit=200"
    while following:
        page = nurse.get(following).json()
        seen += [row["id"] for row in page["results"]]
        following = f"/patients/{patient.id}/results?limit=200&before={page['next']}" if page["next"] else ""
    assert len(seen) == len(set(seen)) == 900


def test_classes_and_control_are_told_under_both_rule_sets_with_their_days(
    house: House, nurse: Asking, patient: Patient
) -> None:
    take(
        house,
        patient,
        "hl7:HIS",
        ("SBP", "146", "mmHg", "2025-05-01"),
        ("DBP", "82", "mmHg", "2025-05-01"),
        ("SBP", "138", "mmHg", "2026-05-01"),
        ("DBP", "84", "mmHg", "2026-05-01"),
        ("FPG", "6.5", "mmol/L", "2026-05-01"),
        ("身高", "160", "cm", "2024-05-01"),
        ("体重", "72", "kg", "2026-05-01"),
        ("腰围", "85", "cm", "2026-05-01"),
    )
    told = nurse.get(f"/patients/{patient.id}/result-classes").json()
    assert {each["subject"]: each["code"] for each in told["classes"]} == {
        "blood_pressure": "high_normal",
        "bmi": "obese",
        "waist": "central",
        "glucose_fasting": "impaired",
    }
    pressure = {each["rule_set"]: each for each in told["control"] if each["topic"] == "hypertension"}
    # 138/84 at 66: below 150/90 of the one set, above 130/80 of the other, where the year before was high too.
    assert pressure["BPHS-2017"]["control"] == "controlled"
    assert pressure["BPHS-2017"]["in_force"]
    assert pressure["NHC-primary-2025"]["control"] == "repeatedly_uncontrolled"
    assert pressure["NHC-primary-2025"]["effective_from"] == "2025-01-01"
    assert not pressure["NHC-primary-2025"]["in_force"]
    glucose = {each["rule_set"]: each["control"] for each in told["control"] if each["topic"] == "diabetes"}
    assert glucose["BPHS-2017"] == "controlled"
    assert "不作诊断" in told["note"]


def test_a_result_taken_back_counts_no_more_and_tells_why(nurse: Asking, patient: Patient) -> None:
    body = {
        "taken_at": datetime.now(UTC).isoformat(),
        "setting": "home",
        "results": [{"code": "weight", "value": 140, "unit": "斤"}],
    }
    kept = nurse.post(f"/patients/{patient.id}/observations", body).json()["results"][0]["result"]
    assert (kept["value"], kept["unit"], kept["sent_unit"]) == (70.0, "kg", "斤")
    gone = nurse.post(f"/results/{kept['id']}/withdraw", {"reason": "the neighbour's scale"}).json()
    assert (gone["status"], gone["text"], gone["version"]) == ("entered_in_error", "the neighbour's scale", 2)
    versions = nurse.get(f"/results/{kept['id']}/versions").json()["versions"]
    assert [each["status"] for each in versions] == ["final", "entered_in_error"]
    assert nurse.post(f"/results/{kept['id']}/withdraw", {"reason": "again"}).status_code == 409
    assert nurse.get(f"/patients/{patient.id}/results").json()["results"] == []
    assert nurse.get(f"/results/{new_id()}/versions").json()["code"] == "unknown_result"


def test_an_unknown_code_is_seen_mapped_and_applied_and_a_wrong_mapping_refused(
    house: House, nurse: Asking, registrar: Asking, patient: Patient
) -> None:
    source = f"hl7:{new_id()[:8]}"
    take(house, patient, source, ("GLU", "104", "mg/dL", "2026-05-01"), ("GLU", "110", "", "2026-06-01"))
    seen = registrar.get(f"/unmapped-results?source={source}").json()
    assert (seen["waiting"], seen["codes"][0]["code"], seen["codes"][0]["sent_value"]) == (2, "glu", "110")
    waiting = registrar.get(f"/unmapped-results/of-code?source={source}&code=GLU").json()["results"]
    assert [each["sent"]["value"] for each in waiting] == ["104", "110"]
    ask = {"source": source, "code": "GLU", "concept": "glucose_fasting", "reason": "fasting only"}
    assert registrar.post("/code-mappings", {**ask, "concept": "sugar"}).json()["field"] == "concept"
    assert registrar.post("/code-mappings", {**ask, "unit": "mmHg"}).json()["field"] == "unit"
    assert nurse.post("/code-mappings", ask).status_code == 403
    mapped = registrar.post("/code-mappings", ask).json()
    assert mapped["waiting"] == 2
    assert settle_all(house.units, CONTENT, mapped["position"]) == 1
    assert settle_all(house.units, CONTENT, mapped["position"]) == 0
    # The one without a unit waits until somebody says which is meant.
    (left,) = registrar.get(f"/unmapped-results?source={source}").json()["codes"]
    assert left["waiting"] == 1
    position = registrar.post("/code-mappings", {**ask, "unit": "mg/dL"}).json()["position"]
    assert settle_all(house.units, CONTENT, position) == 1
    values = [row["value"] for row in nurse.get(f"/patients/{patient.id}/results").json()["results"]]
    assert values == [6.11, 5.77]
    decisions = registrar.get(f"/code-mappings?source={source}").json()["mappings"]
    assert [each["unit"] for each in decisions] == ["mg/dL", ""]


def test_a_parked_result_that_is_none_is_dismissed_once_with_a_reason(
    house: House, registrar: Asking, patient: Patient
) -> None:
    source = f"hl7:{new_id()[:8]}"
    take(house, patient, source, ("SBP", "1200", "mmHg", "2026-05-01"))
    (parked,) = registrar.get(f"/unmapped-results/of-code?source={source}&code=sbp").json()["results"]
    assert parked["reason"] == "implausible"
    done = registrar.post(f"/unmapped-results/{parked['id']}/dismiss", {"reason": "slip"}).json()
    assert (done["settlement"], done["settled_by"]) == ("dismissed", registrar.user_id)
    assert registrar.post(f"/unmapped-results/{parked['id']}/dismiss", {"reason": "slip"}).status_code == 409
    assert registrar.post(f"/unmapped-results/{new_id()}/dismiss", {"reason": "slip"}).status_code == 404
    assert registrar.get(f"/unmapped-results?source={source}").json() == {"codes": [], "waiting": 0}


def test_the_concepts_are_told_with_units_and_ranges(registrar: Asking) -> None:
    concepts = {each["code"]: each for each in registrar.get("/concepts").json()["concepts"]}
    assert concepts["glucose_fasting"]["unit"] == "mmol/L"
    assert concepts["hemoglobin"]["ranges"][0] == {
        "low": 130, "high": 175, "sex": "male", "age_from": 18, "age_under": None,
    }  # fmt: skip
