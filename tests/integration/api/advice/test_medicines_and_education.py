"""Medicines, proposals to doctors and education over the API, with answers followed as the worker does it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from care.patients import Patient
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.plans import Anchor
from followup.requests import RequestState
from record.following import RecordParts
from runtime.identifiers import new_id
from scheduler.planning import start_plan
from tests.integration.api.advice.steps import answered, follow, look_at, open_requests
from tests.integration.api.house import Asking, House
from tests.support.builders import HOSPITAL, a_patient, a_queue, a_step, a_template, an_encounter
from tests.support.waiting import until

DISCHARGE: dict[str, Any] = {
    "feeling": "better",
    "medicines_obtained": True,
    "missed_days": 0,
    "knows_appointment": False,
    "knows_whom_to_call": True,
}


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


QUIZ_BEFORE = {"quiz_salt": "unknown", "quiz_feel_well": "stop", "quiz_rest": "five", "quiz_call": "unknown"}


QUIZ_AFTER = {"quiz_salt": "g5", "quiz_feel_well": "keep", "quiz_rest": "five", "quiz_call": "b180"}


def waits_for_a_lock(house: House) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with house.units.engine.connect() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())


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


def test_a_programmes_effect_takes_as_many_questions_to_the_database_for_many_as_for_none(
    house: House, nurse: Asking
) -> None:
    overseer, effect = house.caller(Role.SUPERVISOR), "/education-programmes/conditioning_four_weeks/effect"
    asked: list[str] = []
    event.listen(house.units.engine, "before_cursor_execute", lambda *called: asked.append(called[2]))
    overseer.get(effect)
    for_none, told = len(asked), {"programme": "conditioning_four_weeks", "moment": "enrolment"}
    for _ in range(3):
        with house.rows() as uow:
            patient = a_patient(uow)
        assert nurse.post(f"/patients/{patient.id}/education", told).status_code == 201
    asked.clear()
    assert overseer.get(effect).json()["started"] == 3
    assert len(asked) == for_none


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
