"""Risk over the API: assessed from what the record says, refused by name, reckoned anew when a value was wrong."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from care.history import EntryState, HistoryEntry, HistoryKind
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from db.users import Role
from record.following import RecordParts
from record.risk import follow
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import HOSPITAL, a_patient, an_encounter

NOTICE = {"zh": "仅供参考,不作诊断", "en": "For reference only; this is no diagnosis"}
CHECK_UP = {"systolic": 148.0, "diastolic": 88.0, "total_cholesterol": 5.2, "hdl": 1.1, "waist": 94.0, "smoker": 1.0}
STATED = {"treated": True, "north": True, "urban": True, "family_ascvd": False}


@pytest.fixture
def agent(house: House) -> Asking:
    return house.caller(Role.AGENT)


def a_man_of_58(house: House, **values: Any) -> Patient:
    with house.rows() as uow:
        born = date(uow.now.year - 58, 1, 1)
        return a_patient(uow, **{"sex": "male", "born": born, **values})


def results(house: House, patient: Patient, values: Mapping[str, float], **more: Any) -> dict[str, str]:
    """Results of this morning (or `days_ago`); the ids under which they were kept, by code."""
    kept = {}
    days_ago = more.pop("days_ago", 0.1)
    with house.rows() as uow:
        taken_at = uow.now - timedelta(days=days_ago)
        for code, value in values.items():
            put = uow.observations.put(
                Observation(
                    **{
                        "id": new_id(),
                        "patient_id": patient.id,
                        "code": code,
                        "value": value,
                        "unit": CONTENT.concepts[code].unit,
                        "taken_at": taken_at,
                        "setting": Setting.LABORATORY,
                        "source": "hl7:LIS",
                        "source_key": f"{patient.id}/{code}/{days_ago}",
                        "recorded_at": uow.now,
                        **more,
                    }
                )
            )
            kept[code] = put.observation.id
    return kept


def diagnosed(house: House, patient: Patient, code: str, **values: Any) -> None:
    with house.rows() as uow:
        uow.history.put(
            HistoryEntry(
                **{
                    "id": new_id(),
                    "patient_id": patient.id,
                    "kind": HistoryKind.CONDITION,
                    "code": code,
                    "name": code,
                    "source": "hl7:HIS",
                    "source_key": f"{patient.id}/{code}",
                    "recorded_at": uow.now,
                    **values,
                }
            )
        )


def record_changed(house: House, patient: Patient) -> None:
    """What the worker does after RECORD_CHANGED."""
    parts = RecordParts(units_of_work=house.units, content=CONTENT, zone=HOSPITAL.zone)
    with house.rows() as uow:
        follow(uow, parts, patient.id)


def ready(house: House, agent: Asking, **values: Any) -> Patient:
    """The man of the acceptance scenario with everything that China-PAR asks for."""
    patient = a_man_of_58(house, **values)
    results(house, patient, CHECK_UP)
    assert agent.post(f"/patients/{patient.id}/risk-facts", {"facts": STATED}).status_code == 201
    return patient


def assess(agent: Asking, patient: Patient, model: str, **more: Any) -> Any:
    return agent.post(f"/patients/{patient.id}/risk-assessments", {"model": model, **more})


def history(agent: Asking, patient: Patient) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = agent.get(f"/patients/{patient.id}/risk-assessments").json()["assessments"]
    return told


def test_the_check_up_of_the_scenario_is_assessed_with_sources_dates_shares_and_the_notice(
    house: House, agent: Asking
) -> None:
    patient = ready(house, agent)
    answer = assess(agent, patient, "china-par")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["value"] == pytest.approx(15.85, abs=0.1)
    assert (told["band"], told["unit"], told["model_version"]) == ("high", "%", 1)
    assert told["band_title"] == {"zh": "高危", "en": "high"}
    assert told["notice"] == NOTICE
    inputs = {each["input"]: each for each in told["inputs"]}
    assert set(inputs) == {
        *("age", "sex", "systolic", "total_cholesterol", "hdl", "waist"),
        *("smoker", "known_diabetes", "treated", "north", "urban", "family_ascvd"),
    }
    cholesterol = inputs["total_cholesterol"]
    assert (cholesterol["value"], cholesterol["unit"], cholesterol["used_unit"]) == (5.2, "mmol/L", "mg/dL")
    assert cholesterol["used"] == pytest.approx(201.08, abs=0.01)
    assert (cholesterol["origin"], cholesterol["source"]) == ("result", "hl7:LIS")
    assert cholesterol["taken_at"]
    assert inputs["treated"]["origin"] == "stated"
    assert inputs["known_diabetes"]["origin"] == "assumed", "that nobody recorded diabetes is shown as what it is"
    assert inputs["smoker"]["share"] > 1, "what smoking adds is told"
    assert assess(agent, patient, "china-par").status_code == 200, "asked again nothing is added"
    assert len(history(agent, patient)) == 1


def test_after_an_infarction_the_scores_of_those_who_had_none_are_refused_as_not_applicable(
    house: House, agent: Asking
) -> None:
    patient = ready(house, agent)
    diagnosed(house, patient, "I25.103")
    for model in ("china-par", "framingham-2008"):
        answer = assess(agent, patient, model)
        assert answer.status_code == 409
        problem = answer.json()
        assert problem["code"] == "risk_not_applicable"
        assert problem["field"] == "known_ascvd"
        assert problem["reasons"] == ["known_illness"]
    (standing,) = [s for s in standings(agent, patient) if s["model"] == "china-par"]
    assert (standing["applies"], standing["result"]) == (False, None)
    assert standing["lacks"][0]["words"]["zh"]


def standings(agent: Asking, patient: Patient, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = agent.get(f"/patients/{patient.id}/risks", params=query).json()["standings"]
    return found


def test_every_missing_and_every_old_input_is_named_and_nothing_is_kept(house: House, agent: Asking) -> None:
    patient = a_man_of_58(house)
    results(house, patient, {"systolic": 148, "hdl": 1.1}, days_ago=800)
    answer = assess(agent, patient, "china-par")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "risk_inputs_lacking"
    lacking = {fault["field"]: reason for fault, reason in zip(problem["errors"], problem["reasons"], strict=True)}
    missing = {"total_cholesterol", "waist", "smoker", "treated", "north", "urban", "family_ascvd"}
    assert lacking == {"systolic": "too_old", "hdl": "too_old", **dict.fromkeys(missing, "missing")}
    assert history(agent, patient) == []


def test_a_corrected_result_is_reckoned_anew_and_the_old_assessment_is_kept(house: House, agent: Asking) -> None:
    patient = ready(house, agent)
    first = assess(agent, patient, "china-par").json()
    results(house, patient, {"total_cholesterol": 4.2}, status=ObservationStatus.CORRECTED)
    record_changed(house, patient)
    new, old = history(agent, patient)
    assert (new["replaces"], new["cause"], new["changes"]) == (first["id"], "record_changed", ["total_cholesterol"])
    assert new["recorded_by"] is None
    assert new["value"] < old["value"] == first["value"]
    assert (new["current"], old["current"]) == (True, False)
    assert old["inputs"] == first["inputs"]
    with house.rows() as uow:
        request = uow.requests.get(new["request_id"])
        assert request is not None
        assert (request.owner_id, request.patient_id) == (agent.user_id, patient.id), "whoever asked tells him"
        assert "15.8" in request.text
        assert f"{new['value']:g} % 高危" in request.text
        assert request.due_on > request.received_at.date()
    record_changed(house, patient)
    assert len(history(agent, patient)) == 2, "followed twice, it is the same"
    results(house, patient, {"total_cholesterol": 3.1}, status=ObservationStatus.CORRECTED)
    record_changed(house, patient)
    assert history(agent, patient)[0]["request_id"] == new["request_id"], "an open request is told of it, not doubled"


def test_a_new_check_up_is_reckoned_and_nobody_is_sent_for_as_long_as_the_band_is_the_same(
    house: House, agent: Asking
) -> None:
    patient = ready(house, agent)
    assess(agent, patient, "china-par")
    results(house, patient, {"total_cholesterol": 5.0}, days_ago=0.05)
    record_changed(house, patient)
    new, _ = history(agent, patient)
    assert (new["changes"], new["band"], new["request_id"]) == (["total_cholesterol"], "high", None)
    results(house, patient, {"systolic": 110.0, "smoker": 0.0}, days_ago=0.01)
    record_changed(house, patient)
    newest = history(agent, patient)[0]
    assert newest["band"] != "high"
    assert newest["request_id"] is not None


def test_an_assessment_is_withdrawn_when_a_value_goes_away_or_the_illness_becomes_known(
    house: House, agent: Asking
) -> None:
    patient = ready(house, agent)
    kept = {model: assess(agent, patient, model).json()["id"] for model in ("china-par", "framingham-2008")}
    results(house, patient, {"waist": 94.0}, status=ObservationStatus.ENTERED_IN_ERROR)
    record_changed(house, patient)
    told = {each["model"]: each for each in history(agent, patient)}
    assert told["framingham-2008"]["current"], "it does not ask for the waist"
    assert (told["china-par"]["withdrawn_because"], told["china-par"]["withdrawn_inputs"]) == ("input_gone", ["waist"])
    diagnosed(house, patient, "I63.900")
    record_changed(house, patient)
    told = {each["model"]: each for each in history(agent, patient)}
    assert told["framingham-2008"]["withdrawn_because"] == "not_applicable"
    assert told["framingham-2008"]["withdrawn_words"]["zh"]
    assert told["framingham-2008"]["request_id"]
    assert {each["id"] for each in told.values()} == set(kept.values())


def test_a_refuted_diagnosis_makes_the_score_possible_again(house: House, agent: Asking) -> None:
    patient = ready(house, agent)
    diagnosed(house, patient, "I25.103")
    assert assess(agent, patient, "china-par").status_code == 409
    diagnosed(house, patient, "I25.103", state=EntryState.REFUTED)
    assert assess(agent, patient, "china-par").status_code == 201


def test_where_sources_differ_the_more_trusted_word_counts_and_lacks_no_code_for_it(
    house: House, agent: Asking
) -> None:
    patient = ready(house, agent)
    by_hand = {"source": f"hand:{agent.user_id}", "name": "冠心病"}
    diagnosed(house, patient, "I25.103", name="冠心病")
    diagnosed(house, patient, "", source_key="h1", **by_hand)
    answer = assess(agent, patient, "china-par")
    assert answer.json()["code"] == "risk_not_applicable", "named by hand, coded by the hospital's system"
    diagnosed(house, patient, "", source_key="h1", state=EntryState.REFUTED, **by_hand)
    assert assess(agent, patient, "china-par").status_code == 201


def test_a_stay_is_assessed_with_what_was_stated_of_it_and_the_variant_that_is_asked_for(
    house: House, agent: Asking
) -> None:
    patient = a_man_of_58(house)
    with house.rows() as uow:
        stay = an_encounter(uow, patient, occurred_at=uow.now - timedelta(days=1))
        an_encounter(uow, patient, occurred_at=uow.now - timedelta(days=100))
    results(house, patient, {"hemoglobin": 112, "sodium": 133}, days_ago=2)
    of_stay = {"oncology_discharge": False, "procedure_done": True, "emergency_admission": True, "stay_days": 6}
    refused = agent.post(f"/patients/{patient.id}/risk-facts", {"facts": of_stay})
    assert refused.json()["field"] == "encounter_id"
    asked = {"facts": of_stay, "encounter_id": stay.id}
    assert agent.post(f"/patients/{patient.id}/risk-facts", asked).status_code == 201
    assert assess(agent, patient, "hospital").json()["field"] == "encounter_id"
    told = assess(agent, patient, "hospital", encounter_id=stay.id).json()
    assert (told["value"], told["variant"], told["encounter_id"]) == (6, "2016", stay.id)
    assert next(each for each in told["inputs"] if each["input"] == "admissions")["origin"] == "visits"
    assert assess(agent, patient, "hospital", encounter_id=stay.id, variant="2013").json()["value"] == 8
    assert assess(agent, patient, "hospital", encounter_id=stay.id, variant="2020").json()["field"] == "variant"
    models = {standing["model"] for standing in standings(agent, patient, encounter_id=stay.id)}
    assert {"lace", "hospital", "china-par"} <= models


def test_only_what_no_result_and_no_diagnosis_tells_may_be_stated(house: House, agent: Asking) -> None:
    patient = a_man_of_58(house)
    path = f"/patients/{patient.id}/risk-facts"
    for facts, field in (
        ({"systolic": 148}, "facts.systolic"),
        ({"known_diabetes": False}, "facts.known_diabetes"),
        ({"north": "yes"}, "facts.north"),
        ({"family_diabetes": "aunt"}, "facts.family_diabetes"),
        ({"shoe_size": 43}, "facts.shoe_size"),
    ):
        answer = agent.post(path, {"facts": facts})
        assert (answer.status_code, answer.json()["field"]) == (422, field), facts
    assert agent.post(path, {"facts": {"north": True}}).status_code == 201
    assert agent.post(path, {"facts": {"north": False}}).status_code == 201
    (fact,) = agent.get(path).json()["facts"]
    assert fact["value"] is False


def test_who_is_known_to_nobody_or_asks_for_another_patients_visit_or_an_unknown_model_is_told_so(
    house: House, agent: Asking
) -> None:
    patient, other = a_man_of_58(house), a_man_of_58(house)
    with house.rows() as uow:
        visit = an_encounter(uow, other)
    assert assess(agent, patient, "qrisk").json()["code"] == "unknown_risk_model"
    assert assess(agent, patient, "lace", encounter_id=visit.id).json()["code"] == "unknown_encounter"
    assert agent.get(f"/risk-assessments/{new_id()}").json()["code"] == "unknown_risk_assessment"


def test_the_models_tell_what_they_ask_for_and_every_look_at_a_patient_is_audited(house: House, agent: Asking) -> None:
    told = agent.get("/risk-models").json()
    assert told["notice"] == NOTICE
    models = {model["id"]: model for model in told["models"]}
    assert next(iter(models)) == "china-par", "for Chinese people it stands before Framingham"
    assert {model["status"] for model in models.values()} == {"draft"}
    needs = {need["input"]: need for need in models["china-par"]["needs"]}
    assert needs["age"]["valid"] == {"lowest": 35, "highest": 74}
    patient = ready(house, agent)
    kept = assess(agent, patient, "china-par").json()
    assert agent.get(f"/risk-assessments/{kept['id']}").json() == kept
    standings(agent, patient)
    history(agent, patient)
    with house.rows() as uow:
        actions = {entry.action for entry in uow.audit.of_patients([patient.id], before=None, limit=50)}
    assert actions >= {"risk_facts_stated", "risk_assessed", "risk_assessment_viewed", "risks_viewed"}
