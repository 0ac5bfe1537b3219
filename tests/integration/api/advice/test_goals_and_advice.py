"""Goals that close on results, and advice by what the record says, with the record followed as the worker does it."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from care.history import EntryState, HistoryKind
from care.patients import Patient
from record.following import RecordParts
from tests.integration.api.advice.steps import answered, diagnosed, follow, measured, open_requests
from tests.integration.api.house import Asking, House
from tests.support.builders import HOSPITAL, a_patient
from tests.support.scenario import MovedClock


def fits(agent: Asking, patient: Patient) -> dict[str, str]:
    found = agent.get(f"/patients/{patient.id}/advice").json()["advice"]
    return {each["article"]: each["fit"] for each in found}


def test_a_goal_of_140_90_closes_as_achieved_on_results_and_opens_again_when_they_are_corrected(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    diagnosed(house, patient, "I10")
    measured(house, patient, -30, systolic=158, diastolic=96)
    assert nurse.get(f"/patients/{patient.id}/goals").json()["offered"] == ["blood_pressure_140_90"]
    goal = nurse.post(
        f"/patients/{patient.id}/goals", {"template": "blood_pressure_140_90", "because": {"risk": "china-par"}}
    ).json()
    assert (goal["state"], goal["owner_id"], goal["because"]) == ("active", nurse.user_id, {"risk": "china-par"})
    measured(house, patient, 3, systolic=138, diastolic=86)
    follow(parts, patient)
    assert nurse.get(f"/goals/{goal['id']}").json()["state"] == "active"
    second = measured(house, patient, 9, systolic=136, diastolic=84)
    follow(parts, patient)
    closed = nurse.get(f"/goals/{goal['id']}").json()
    assert closed["state"] == "achieved"
    assert second["systolic"].id in closed["evidence"]
    assert [line["kind"] for line in closed["story"]] == ["set", "achieved"]
    effect = {each["code"]: each for each in closed["effects"]}["systolic"]
    assert (effect["before"], effect["latest"], effect["change"]) == (158.0, 136.0, -22.0)
    measured(house, patient, 9, key=f"{patient.id}/systolic/9", systolic=163)
    follow(parts, patient)
    reopened = nurse.get(f"/goals/{goal['id']}").json()
    assert (reopened["state"], reopened["evidence"]) == ("active", [])
    assert [line["kind"] for line in reopened["story"]] == ["set", "achieved", "reopened"]


def test_a_goal_whose_last_day_went_by_is_missed_by_the_clock_alone(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient, clock: MovedClock
) -> None:
    with house.units() as uow:
        today = uow.now.astimezone(HOSPITAL.zone).date()
    goal = nurse.post(
        f"/patients/{patient.id}/goals",
        {
            "title": "少喝酒",
            "action": "每周不超过一次",
            "targets": [{"code": "alcohol_daily", "comparator": "<=", "value": 0}],
            "due_on": (today + timedelta(days=2)).isoformat(),
        },
    ).json()
    follow(parts, patient)
    assert nurse.get(f"/goals/{goal['id']}").json()["state"] == "active"
    clock.offset += timedelta(days=3)
    try:
        with house.units() as uow:
            day = uow.now.astimezone(HOSPITAL.zone).date()
            assert patient.id in uow.goals.patients_past_due(day, limit=100)
        follow(parts, patient)
        with house.units() as uow:
            missed = uow.goals.get(goal["id"])
            assert missed is not None
            assert missed.state.value == "missed"
            assert patient.id not in uow.goals.patients_past_due(day, limit=100)
    finally:
        clock.offset -= timedelta(days=3)


def test_goals_that_cannot_be_are_refused_and_a_cancelled_one_stays_so(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    path = f"/patients/{patient.id}/goals"
    assert nurse.post(path, {"template": "fly"}).json()["code"] == "unknown_template"
    assert nurse.post(path, {"title": "x", "action": "y"}).json()["field"] == "due_on"
    mistaken = {"title": "x", "action": "y", "due_on": "2099-01-01"}
    unmeasured = nurse.post(path, {**mistaken, "targets": [{"code": "luck", "comparator": ">", "value": 7}]})
    assert "luck" in unmeasured.json()["reason"]
    goal = nurse.post(path, {"template": "hba1c_7"}).json()
    ended = nurse.post(f"/goals/{goal['id']}/cancel", {"reason": "已转诊"}).json()
    assert ended["state"] == "cancelled"
    measured(house, patient, 1, hba1c=6.1)
    follow(parts, patient)
    assert nurse.get(f"/goals/{goal['id']}").json()["state"] == "cancelled"
    again = nurse.post(f"/goals/{goal['id']}/changes", {"due_on": "2099-01-01", "reason": "x"})
    assert again.json()["code"] == "not_possible_now"


def test_a_kidney_patient_gets_no_potassium_and_what_was_told_before_is_taken_back(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    diagnosed(house, patient, "I10")
    measured(house, patient, -10, egfr=92)
    assert fits(nurse, patient)["diet_salt_substitute"] == "suits"
    given = nurse.post(f"/patients/{patient.id}/advice", {"article": "diet_salt_substitute", "way": "call"})
    assert given.status_code == 201
    salt = nurse.post(f"/patients/{patient.id}/advice", {"article": "diet_salt", "way": "call"}).json()
    follow(parts, patient)
    assert open_requests(house, patient) == []
    diagnosed(house, patient, "N18.3")
    seen = nurse.get(f"/patients/{patient.id}/advice").json()
    withheld = {each["article"]: each for each in seen["advice"] if each["fit"] == "withheld"}
    assert withheld["diet_salt_substitute"]["text"] is None
    assert "potassium: group:ckd" in withheld["diet_salt_substitute"]["because"]
    refused = nurse.post(f"/patients/{patient.id}/advice", {"article": "diet_salt_substitute", "way": "call"})
    assert (refused.status_code, refused.json()["code"]) == (409, "advice_withheld")
    follow(parts, patient)
    told = {each["id"]: each for each in nurse.get(f"/patients/{patient.id}/advice").json()["given"]}
    assert told[given.json()["id"]]["withdrawn_at"] is not None
    assert told[salt["id"]]["withdrawn_at"] is None
    (request,) = open_requests(house, patient)
    assert (request.owner_id, request.id) == (nurse.user_id, told[given.json()["id"]]["request_id"])


def test_seven_days_after_a_coronary_intervention_walking_is_told_and_running_refused(
    house: House, nurse: Asking, patient: Patient
) -> None:
    with house.units() as uow:
        day = uow.now.astimezone(HOSPITAL.zone).date() - timedelta(days=7)
    diagnosed(house, patient, "I25.1", "E66.9")
    diagnosed(house, patient, "36.07", kind=HistoryKind.PROCEDURE, since=day)
    found = fits(nurse, patient)
    assert found["exercise_graded_walking"] == "suits"
    assert found["exercise_running"] == "withheld"
    assert found["exercise_moderate"] == "withheld"
    refused = nurse.post(f"/patients/{patient.id}/advice", {"article": "exercise_running", "way": "paper"})
    assert refused.json()["code"] == "advice_withheld"
    walking = nurse.post(
        f"/patients/{patient.id}/advice", {"article": "exercise_graded_walking", "way": "paper"}
    ).json()
    assert "120" in walking["text"]
    unknown = nurse.post(f"/patients/{patient.id}/advice", {"article": "fly", "way": "paper"})
    assert unknown.json()["code"] == "unknown_article"


def test_a_severe_phq_9_always_shows_the_referral_and_12356(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    assert "mind_referral" not in fits(nurse, patient)
    answers = {f"phq9_{number}": "3" for number in range(1, 8)} | {"phq9_8": "0", "phq9_9": "0"}
    answered(house, nurse, patient, "phq9", answers)
    first = nurse.get(f"/patients/{patient.id}/advice").json()["advice"][0]
    assert (first["article"], first["fit"]) == ("mind_referral", "always")
    assert first["because"] == ["band:phq9.total=severe"]
    assert "12356" in first["text"]["zh"]
    assert "12356" in first["text"]["en"]


def test_every_article_names_author_reviewer_version_and_expiry(nurse: Asking, house: House) -> None:
    articles = nurse.get("/advice-articles").json()["articles"]
    assert {each["kind"] for each in articles} == {"diet", "exercise", "mind", "sleep", "habits", "conditioning"}
    for each in articles:
        assert each["author"]
        assert each["reviewer"]
        assert each["version"] >= 1
        assert date.fromisoformat(each["expires_on"]) > date(2026, 1, 1)
        assert each["expired"] is False


def test_kidney_function_is_reckoned_from_creatinine_where_no_laboratory_sent_it(
    house: House, nurse: Asking, parts: RecordParts
) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, born=date(1948, 1, 1), sex="female")
    diagnosed(house, patient, "E78.5")
    assert fits(nurse, patient)["diet_vegetables"] == "withheld"
    measured(house, patient, -3, creatinine=60)
    assert fits(nurse, patient)["diet_vegetables"] == "suits"
    given = nurse.post(f"/patients/{patient.id}/advice", {"article": "diet_vegetables", "way": "call"}).json()
    measured(house, patient, 0, creatinine=110)  # below every limit of creatinine, and eGFR 46 at her age
    assert fits(nurse, patient)["diet_vegetables"] == "withheld"
    follow(parts, patient)
    told = {each["id"]: each for each in nurse.get(f"/patients/{patient.id}/advice").json()["given"]}
    assert "potassium: result:egfr=" in told[given["id"]]["withdrawn_because"][0]


def test_the_record_is_followed_once_more_after_advice_or_a_goal(house: House, nurse: Asking, patient: Patient) -> None:
    """What became known while the request was answered was followed before there was anything to take back."""
    given = nurse.post(f"/patients/{patient.id}/advice", {"article": "sleep_well", "way": "call"})
    goal = nurse.post(f"/patients/{patient.id}/goals", {"template": "hba1c_7"})
    assert (given.status_code, goal.status_code) == (201, 201)
    told = text("SELECT count(*) FROM outbox WHERE kind = 'record_changed' AND subject = :patient")
    with house.units.engine.connect() as connection:
        assert connection.execute(told, {"patient": patient.id}).scalar_one() == 2


def test_a_bad_kidney_of_years_ago_is_known_and_a_good_one_is_not(house: House, nurse: Asking) -> None:
    with house.rows() as uow:
        bad, good = (a_patient(uow, born=date(1948, 1, 1), sex="female") for _ in range(2))
    for who in (bad, good):
        diagnosed(house, who, "E78.5")
    measured(house, bad, -800, creatinine=110)
    measured(house, good, -800, creatinine=60)
    found = {
        who.id: next(
            each["because"]
            for each in nurse.get(f"/patients/{who.id}/advice").json()["advice"]
            if each["article"] == "diet_vegetables"
        )
        for who in (bad, good)
    }
    assert any(reason.startswith("potassium: result:egfr=") for reason in found[bad.id])
    assert found[good.id] == ["potassium: not known:egfr"]


@pytest.mark.parametrize("known", [{"state": EntryState.RESOLVED}, {"since": None}])
def test_an_operation_that_is_over_or_has_no_day_keeps_from_running(
    house: House, nurse: Asking, patient: Patient, known: dict[str, Any]
) -> None:
    diagnosed(house, patient, "E66.9")
    assert fits(nurse, patient)["exercise_running"] == "suits"
    with house.units() as uow:
        yesterday = uow.now.astimezone(HOSPITAL.zone).date() - timedelta(days=1)
    diagnosed(house, patient, "47.01", kind=HistoryKind.PROCEDURE, **{"since": yesterday, **known})
    assert fits(nurse, patient)["exercise_running"] == "withheld"


def test_an_illness_that_only_has_a_name_counts(house: House, nurse: Asking, patient: Patient) -> None:
    diagnosed(house, patient, "I10")
    measured(house, patient, -10, egfr=92)
    assert fits(nurse, patient)["diet_salt_substitute"] == "suits"
    told = {"kind": "condition", "name": "慢性肾功能不全"}
    assert nurse.post(f"/patients/{patient.id}/history", told).status_code == 201
    assert fits(nurse, patient)["diet_salt_substitute"] == "withheld"
