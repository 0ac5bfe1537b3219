"""Goals, advice, medicines, education and proposals over the API, with the record followed as the worker does it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.adherence import Helper
from care.history import EntryState, HistoryEntry, HistoryKind
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.plans import Anchor
from followup.requests import PatientRequest, RequestState, Viewer
from record.advice import follow_advice
from record.answers import follow_answers, follow_response
from record.following import RecordParts
from record.goals import follow_goals
from runtime.embedded import Engines
from runtime.identifiers import new_id
from scheduler.planning import start_plan
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import HOSPITAL, a_patient, a_queue, a_step, a_task, a_template, an_encounter
from tests.support.scenario import MovedClock
from tests.support.waiting import until

PHARMACY = CONTENT.adherence_document.departments[Helper.PHARMACIST]


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def house(
    module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory, clock: MovedClock
) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("house")
    with open_house(module_database_url, engines.broker_url, folder, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="module")
def parts(house: House) -> RecordParts:
    return RecordParts(units_of_work=house.units, content=CONTENT, zone=HOSPITAL.zone)


@pytest.fixture(scope="module")
def nurse(house: House) -> Asking:
    return house.caller(Role.AGENT)


@pytest.fixture(scope="module")
def doctor(house: House) -> Asking:
    return house.caller(Role.DOCTOR)


@pytest.fixture(scope="module")
def pharmacist(house: House) -> Asking:
    asking = house.caller(Role.AGENT)
    with house.rows() as uow:
        user = uow.users.get(asking.user_id)
        assert user is not None
        user.departments = [PHARMACY]
    return asking


@pytest.fixture
def patient(house: House) -> Patient:
    with house.rows() as uow:
        return a_patient(uow, born=date(1968, 1, 1), sex="male")


def diagnosed(
    house: House, patient: Patient, *codes: str, kind: HistoryKind = HistoryKind.CONDITION, **more: Any
) -> None:
    with house.rows() as uow:
        for code in codes:
            uow.history.put(
                HistoryEntry(
                    **{
                        "id": new_id(),
                        "patient_id": patient.id,
                        "kind": kind,
                        "code": code,
                        "name": code,
                        "state": EntryState.ACTIVE,
                        "source": "hand:test",
                        "source_key": f"{patient.id}/{code}",
                        "recorded_at": uow.now,
                        **more,
                    }
                )
            )


def measured(house: House, patient: Patient, day: int, *, key: str = "", **values: float) -> dict[str, Observation]:
    """Results of a day from today on, as a feed puts them."""
    put = {}
    with house.rows() as uow:
        for code, value in values.items():
            put[code] = uow.observations.put(
                Observation(
                    id=new_id(),
                    patient_id=patient.id,
                    code=code,
                    value=value,
                    taken_at=uow.now + timedelta(days=day),
                    setting=Setting.OFFICE,
                    status=ObservationStatus.CORRECTED if key else ObservationStatus.FINAL,
                    issued_at=uow.now,
                    source="hl7:LIS",
                    source_key=key or f"{patient.id}/{code}/{day}",
                    recorded_at=uow.now,
                )
            ).observation
    return put


def follow(parts: RecordParts, patient: Patient) -> None:
    """What the worker does after RECORD_CHANGED; twice, as every task may run."""
    for _ in range(2):
        for follower in (follow_goals, follow_advice, follow_answers):
            with parts.units_of_work() as uow:
                follower(uow, parts, patient.id)
                uow.commit()


def answered(house: House, agent: Asking, patient: Patient, form: str, answers: dict[str, Any]) -> str:
    """A form filled in on a call's task and completed."""
    with house.rows() as uow:
        task = a_task(uow, patient, a_queue(uow))
    response_id: str = agent.put(f"/tasks/{task.id}/responses/{form}").json()["id"]
    for link_id, value in answers.items():
        given = agent.put(f"/responses/{response_id}/answers/{link_id}", {"value": value})
        assert given.status_code == 200, given.text
    done = agent.post(f"/responses/{response_id}/complete", {})
    assert done.status_code == 200, done.text
    return response_id


def look_at(parts: RecordParts, response_id: str) -> None:
    """What the worker does after RESPONSE_COMPLETED; twice."""
    for _ in range(2):
        with parts.units_of_work() as uow:
            follow_response(uow, parts, response_id)
            uow.commit()


def open_requests(house: House, patient: Patient) -> list[PatientRequest]:
    everything = Viewer(user_id=new_id(), departments=(), oversees=True)
    with house.units() as uow:
        return list(uow.requests.visible(everything, patient_id=patient.id))


# Goals


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


# Advice


def fits(agent: Asking, patient: Patient) -> dict[str, str]:
    found = agent.get(f"/patients/{patient.id}/advice").json()["advice"]
    return {each["article"]: each["fit"] for each in found}


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


# Medicines


def test_stopped_because_of_a_cough_becomes_the_pharmacists_request_once(
    house: House, nurse: Asking, pharmacist: Asking, parts: RecordParts, patient: Patient
) -> None:
    response = answered(
        house,
        nurse,
        patient,
        "adherence",
        {
            "missed_days": 7,
            "changed_dose": False,
            "stopped": True,
            "main_reason": "side_effects",
            "reason_said": "一吃就咳嗽",
        },
    )
    with house.rows() as uow:
        an_encounter(uow, patient, department="心内科")  # the pharmacy has never seen him
    assert pharmacist.get(f"/patients/{patient.id}/medicines").status_code == 403
    look_at(parts, response)
    follow(parts, patient)
    (request,) = open_requests(house, patient)
    assert request.owner_id == pharmacist.user_id
    assert pharmacist.get(f"/patients/{patient.id}/medicines").status_code == 200
    assert request.cause == "medicine"
    assert "咳嗽" in request.text
    with house.units() as uow:
        today = uow.now.astimezone(HOSPITAL.zone).date()
        assert request.due_on == uow.calendar.of("CN").add_working_days(today, 1)
    assert [each["id"] for each in pharmacist.get("/requests?limit=200").json()["requests"]].count(request.id) == 1
    (said,) = nurse.get(f"/patients/{patient.id}/medicines").json()["said"]
    assert (said["adherent"], said["route"], said["request_id"]) == (False, "trouble_from_medicine", request.id)
    # A second form on the same matter is a remark, not a second request.
    more = answered(house, nurse, patient, "discharge_core", DISCHARGE | {"missed_days": 0, "side_effects": "还是咳嗽"})
    look_at(parts, more)
    assert len(open_requests(house, patient)) == 1
    with house.units() as uow:
        assert [line.kind.value for line in uow.requests.story(request.id)] == ["received", "remark"]


DISCHARGE: dict[str, Any] = {
    "feeling": "better",
    "medicines_obtained": True,
    "missed_days": 0,
    "knows_appointment": False,
    "knows_whom_to_call": True,
}


def test_an_amended_answer_is_a_new_finding_and_the_old_one_is_kept(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    steady = {"missed_days": 0, "changed_dose": False, "stopped": False}
    response = answered(house, nurse, patient, "adherence", steady)
    look_at(parts, response)
    assert open_requests(house, patient) == []
    amended = nurse.post(
        f"/responses/{response}/amendments", {"link_id": "missed_days", "value": 4, "reason": "患者更正"}
    )
    assert amended.status_code == 200, amended.text
    follow(parts, patient)
    (said,) = nurse.get(f"/patients/{patient.id}/medicines").json()["said"]
    assert (said["adherent"], said["missed_days"], said["route"]) == (False, 4, "reason_not_known")
    assert len(open_requests(house, patient)) == 1
    with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(text("UPDATE adherence_findings SET adherent = true"))


def test_days_covered_are_reckoned_from_what_was_handed_out(house: House, nurse: Asking, patient: Patient) -> None:
    with house.units() as uow:
        today = uow.now.astimezone(HOSPITAL.zone).date()
    for back, lasts in ((99, 30), (59, 30)):
        body = {"code": "C10AA05", "name": "阿托伐他汀", "days_supplied": lasts}
        body["dispensed_on"] = (today - timedelta(days=back)).isoformat()
        assert nurse.post(f"/patients/{patient.id}/dispenses", body).status_code == 201
    (covered,) = nurse.get(f"/patients/{patient.id}/medicines").json()["coverage"]
    assert (covered["days_covered"], covered["days"], covered["share"], covered["adherent"]) == (60, 100, 0.6, False)
    tomorrow = {
        "code": "C10AA05",
        "name": "x",
        "days_supplied": 3,
        "dispensed_on": (today + timedelta(days=1)).isoformat(),
    }
    assert nurse.post(f"/patients/{patient.id}/dispenses", tomorrow).json()["field"] == "dispensed_on"


# Proposals


def test_an_agent_changes_no_medicine_and_a_doctors_decision_returns_to_the_plan(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    prescribed = {"basis": "prescribed", "name": "依那普利", "code": "C09AA02", "dose": "10 mg"}
    refused = nurse.post(f"/patients/{patient.id}/medicines", prescribed)
    assert (refused.status_code, refused.json()["code"]) == (403, "doctor_needed")
    assert "treatment-proposals" in refused.json()["reason"]
    medicine = doctor.post(f"/patients/{patient.id}/medicines", prescribed).json()
    stop = nurse.post(f"/medicines/{medicine['id']}/changes", {"state": "stopped", "reason": "咳嗽"})
    assert stop.json()["code"] == "doctor_needed"
    said = nurse.post(f"/patients/{patient.id}/medicines", {"basis": "reported", "name": "鱼油"})
    assert said.status_code == 201
    with house.rows() as uow:
        plan_id = a_plan(uow, patient)
    proposal = nurse.post(
        f"/patients/{patient.id}/treatment-proposals",
        {
            "kind": "medicine",
            "finding": "吃依那普利后干咳三周",
            "proposal": "考虑换药",
            "medicine_id": medicine["id"],
            "plan_id": plan_id,
            "doctor_id": doctor.user_id,
        },
    ).json()
    assert (proposal["state"], proposal["doctor_id"]) == ("proposed", doctor.user_id)
    path = f"/treatment-proposals/{proposal['id']}"
    assert nurse.post(f"{path}/decision", {"decision": "accept"}).json()["code"] == "forbidden"
    assert proposal["id"] in {each["id"] for each in doctor.get("/treatment-proposals").json()["proposals"]}
    assert doctor.post(f"{path}/decision", {"decision": "change"}).json()["field"] == "text"
    decided = doctor.post(
        f"{path}/decision",
        {
            "decision": "change",
            "text": "停依那普利,换缬沙坦80毫克每日一次",
            "medicine": {"name": "缬沙坦", "code": "C09CA03", "dose": "80 mg", "schedule": "每日一次"},
        },
    ).json()
    assert (decided["state"], decided["decided_by"]) == ("changed", doctor.user_id)
    now = nurse.get(f"/patients/{patient.id}/medicines").json()["medicines"]
    assert {(each["name"], each["state"]) for each in now} == {("缬沙坦", "active"), ("鱼油", "active")}
    story = nurse.get(f"/medicines/{medicine['id']}").json()["versions"]
    assert [each["name"] for each in story] == ["依那普利", "缬沙坦"]
    with house.units() as uow:
        line = uow.plan_records.history(plan_id)[-1]
        assert (line.change.value, line.detail["proposal"]) == ("treatment_decided", proposal["id"])
    assert proposal["id"] in {each["id"] for each in nurse.get("/treatment-proposals?which=untold").json()["proposals"]}
    assert nurse.post(f"{path}/told").json()["told_by"] == nurse.user_id
    again = doctor.post(f"{path}/decision", {"decision": "decline", "text": "x"})
    assert again.json()["code"] == "not_possible_now"
    assert nurse.post(f"{path}/withdraw", {"reason": "x"}).json()["code"] == "not_possible_now"
    with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match="cannot be changed"):
        connection.execute(text("UPDATE treatment_proposals SET decision = 'other'"))


def a_plan(uow: UnitOfWork, patient: Patient) -> str:
    queue = a_queue(uow)
    encounter = an_encounter(uow, patient)
    template = a_template(a_step(queue=queue.name), anchor=Anchor.DISCHARGE)
    plan = start_plan(
        uow,
        patient=patient,
        encounter=encounter,
        template=template,
        queues_by_name={queue.name: queue},
        now=uow.now,
        variables={},
        time=HOSPITAL,
        roster=None,
    )
    return str(plan.id)


# Education


def test_a_wrong_answer_to_a_teach_back_question_is_told_again_by_somebody_by_a_day(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    started = nurse.post(
        f"/patients/{patient.id}/education", {"programme": "discharge_basics", "moment": "discharge"}
    ).json()
    assert {each["key"] for each in started["lessons"]} == {"medicines", "whom_to_call"}
    wrong = answered(house, nurse, patient, "discharge_core", DISCHARGE | {"medicines_told_back": "wrong"})
    look_at(parts, wrong)
    follow(parts, patient)
    (plan,) = nurse.get(f"/patients/{patient.id}/education").json()["plans"]
    (again,) = [each for each in plan["lessons"] if each["again_of"]]
    assert again["key"] == "medicines"
    by_lesson = {each["link_id"]: each for each in plan["teach_backs"]}
    assert by_lesson["medicines_told_back"]["understanding"] == "wrong"
    assert by_lesson["knows_whom_to_call"]["understanding"] == "right"
    (request,) = open_requests(house, patient)
    assert (request.owner_id, request.due_on.isoformat()) == (nurse.user_id, again["due_on"])
    assert request.state is RequestState.RECEIVED
    given = nurse.post(f"/education-plans/{plan['id']}/lessons/{again['id']}/given", {"way": "call"}).json()
    assert [each["given_by"] for each in given["lessons"] if each["again_of"]] == [nurse.user_id]
    right = answered(house, nurse, patient, "discharge_core", DISCHARGE | {"medicines_told_back": "right"})
    look_at(parts, right)
    assert len(open_requests(house, patient)) == 1


def test_whoever_was_asked_and_did_not_know_is_taught_even_if_nobody_had_begun(
    house: House, nurse: Asking, parts: RecordParts, patient: Patient
) -> None:
    right = answered(house, nurse, patient, "teach_back_diabetes", {"low_glucose_told_back": "right"})
    look_at(parts, right)
    assert nurse.get(f"/patients/{patient.id}/education").json()["plans"] == []
    wrong = answered(house, nurse, patient, "teach_back_diabetes", {"low_glucose_told_back": "partly"})
    look_at(parts, wrong)
    (plan,) = nurse.get(f"/patients/{patient.id}/education").json()["plans"]
    assert plan["programme_id"] == "diabetes_low_glucose"
    assert len(open_requests(house, patient)) == 1
    # The answers are looked at after every change of the record: what was seen to is not begun again.
    assert nurse.post(f"/education-plans/{plan['id']}/end", {"reason": "完成"}).status_code == 200
    follow(parts, patient)
    assert [each["id"] for each in nurse.get(f"/patients/{patient.id}/education").json()["plans"]] == [plan["id"]]
    assert len(open_requests(house, patient)) == 1


QUIZ_BEFORE = {"quiz_salt": "unknown", "quiz_feel_well": "stop", "quiz_rest": "five", "quiz_call": "unknown"}
QUIZ_AFTER = {"quiz_salt": "g5", "quiz_feel_well": "keep", "quiz_rest": "five", "quiz_call": "b180"}


def test_the_quiz_before_and_after_shows_the_change(house: House, nurse: Asking, patient: Patient) -> None:
    programme = {"programme": "hypertension_at_home", "moment": "enrolment"}
    plan = nurse.post(f"/patients/{patient.id}/education", programme).json()
    assert nurse.post(f"/patients/{patient.id}/education", programme).json()["id"] == plan["id"]
    answered(house, nurse, patient, "quiz_hypertension", QUIZ_BEFORE)
    (shown,) = nurse.get(f"/patients/{patient.id}/education").json()["plans"]
    assert (shown["quiz"]["before"], shown["quiz"]["change"]) == (1.0, None)
    answered(house, nurse, patient, "quiz_hypertension", QUIZ_AFTER)
    (shown,) = nurse.get(f"/patients/{patient.id}/education").json()["plans"]
    assert (shown["quiz"]["before"], shown["quiz"]["after"], shown["quiz"]["change"]) == (1.0, 4.0, 3.0)
    effect = house.caller(Role.SUPERVISOR).get("/education-programmes/hypertension_at_home/effect").json()
    assert (effect["quiz_before_and_after"], effect["mean_change"], effect["improved"]) == (1, 3.0, 1)
    lesson = plan["lessons"][0]["id"]
    assert nurse.post(f"/education-plans/{plan['id']}/lessons/{lesson}/opened").json()["code"] == "not_possible_now"
    nurse.post(f"/education-plans/{plan['id']}/lessons/{lesson}/given", {"way": "link"})
    opened = nurse.post(f"/education-plans/{plan['id']}/lessons/{lesson}/opened").json()
    assert [each["id"] for each in opened["lessons"] if each["opened_at"]] == [lesson]
    nurse.post(f"/education-plans/{plan['id']}/end", {"reason": "完成"})
    late = nurse.post(f"/education-plans/{plan['id']}/lessons/{lesson}/given", {"way": "link"})
    assert late.json()["code"] == "not_possible_now"


def test_what_was_said_of_medicines_and_advice_is_never_written_over(
    house: House, nurse: Asking, patient: Patient
) -> None:
    nurse.post(f"/patients/{patient.id}/medicines", {"basis": "reported", "name": "鱼油"})
    nurse.post(f"/patients/{patient.id}/advice", {"article": "sleep_well", "way": "call"})
    nurse.post(f"/patients/{patient.id}/goals", {"template": "hba1c_7"})
    for statement in (
        "UPDATE medicine_statements SET dose = 'more'",
        "DELETE FROM medicine_statements",
        "UPDATE advice_given SET text = 'other'",
        "DELETE FROM goal_events",
    ):
        with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match=r"never changed|append-only"):
            connection.execute(text(statement))


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


def test_of_two_doctors_who_change_a_medicine_at_once_the_second_reads_the_first(
    house: House, doctor: Asking, patient: Patient
) -> None:
    asked = {"basis": "prescribed", "name": "氨氯地平", "dose": "5 mg", "schedule": "qd"}
    medicine = doctor.post(f"/patients/{patient.id}/medicines", asked).json()
    with ThreadPoolExecutor(1) as second, house.units() as uow:
        held = uow.medicines.for_update(medicine["id"])
        assert held is not None
        change = {"schedule": "bid", "reason": "血压仍高"}
        answer = second.submit(doctor.post, f"/medicines/{medicine['id']}/changes", change)
        until(lambda: waits_for_a_lock(house), timeout=10, what="the second doctor waits for the first")
        uow.medicines.put(replace(held, id=new_id(), dose="10 mg", recorded_at=uow.now))
        uow.commit()
    assert answer.result().json()["code"] == "not_possible_now"
    versions = doctor.get(f"/medicines/{medicine['id']}").json()["versions"]
    assert [(each["dose"], each["schedule"]) for each in versions] == [("5 mg", "qd"), ("10 mg", "qd")]


def waits_for_a_lock(house: House) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with house.units.engine.connect() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())


def test_a_doctor_of_another_department_may_open_what_he_has_to_decide(
    house: House, nurse: Asking, patient: Patient
) -> None:
    surgeon = house.caller(Role.DOCTOR)
    with house.rows() as uow:
        an_encounter(uow, patient, department="心内科")
        user = uow.users.get(surgeon.user_id)
        assert user is not None
        user.departments = ["外科"]
    asked = {"kind": "examination", "finding": "伤口渗液", "proposal": "换药", "doctor_id": surgeon.user_id}
    proposal = nurse.post(f"/patients/{patient.id}/treatment-proposals", asked).json()
    assert [each["id"] for each in surgeon.get("/treatment-proposals").json()["proposals"]] == [proposal["id"]]
    assert surgeon.get(f"/treatment-proposals/{proposal['id']}").status_code == 200
    wrong = nurse.post(f"/patients/{patient.id}/treatment-proposals", {**asked, "doctor_id": nurse.user_id})
    assert wrong.json()["field"] == "doctor_id"
    stranger = house.caller(Role.DOCTOR)
    with house.rows() as uow:
        user = uow.users.get(stranger.user_id)
        assert user is not None
        user.departments = ["眼科"]
    assert stranger.get("/treatment-proposals?which=open").json()["proposals"] == []
    assert stranger.get(f"/treatment-proposals/{proposal['id']}").status_code == 403
