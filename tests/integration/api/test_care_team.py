"""Departments see their own patients; who is outside breaks the glass with a reason, for an hour, and is reviewed."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS
from care.care_team import GLASS_OPEN
from care.patients import Patient
from db.users import Role
from followup.messages import Channel, Message
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.support.builders import a_patient, a_queue, a_task, an_encounter

CARDIOLOGY, ORTHOPEDICS = "心内科", "骨科"
EMERGENCY = {"reason": "emergency"}


def member_of(house: House, *departments: str, role: Role = Role.AGENT) -> Asking:
    asking = house.caller(role)
    with house.rows() as uow:
        user = uow.users.get(asking.user_id)
        assert user is not None
        user.departments = list(departments)
    return asking


def an_hour_later(house: House, glass: httpx.Response) -> None:
    with house.rows() as uow:
        opened = uow.care_team.glass_for_update(glass.json()["id"])
        assert opened is not None
        opened.until = uow.now - timedelta(seconds=1)


@pytest.fixture
def wang(house: House) -> Patient:
    """A patient of cardiology, with a task that waits."""
    with house.rows() as uow:
        patient = a_patient(uow, name="王小明")
        an_encounter(uow, patient, department=CARDIOLOGY)
        a_task(uow, patient, a_queue(uow))
    return patient


def test_a_department_opens_its_own_patients_and_no_others(house: House, wang: Patient) -> None:
    own, other = member_of(house, CARDIOLOGY), member_of(house, ORTHOPEDICS)
    assert own.get(f"/patients/{wang.id}").json()["name"] == "王小明"
    refused = other.get(f"/patients/{wang.id}")
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_care_team")
    assert "王小明" not in refused.text
    assert "broken-glasses" in refused.json()["reason"]
    with house.units() as uow:
        (task,) = uow.plans.tasks_of_patient(wang.id)
    for path in (f"/tasks/{task.id}", f"/patients/{wang.id}/plans"):
        assert own.get(path).status_code == 200, path
        assert other.get(path).json()["code"] == "outside_care_team", path


def test_every_page_about_a_patient_is_shut_to_other_departments(house: House, wang: Patient) -> None:
    everything = member_of(house, ORTHOPEDICS, role=Role.AGENT)
    with house.rows() as uow:
        user = uow.users.get(everything.user_id)
        assert user is not None
        user.roles = [role.value for role in Role]
    pages = sorted(
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and re.fullmatch(r"/patients/\{patient_id\}(/[a-z-]+)*", route.path)
    )
    assert len(pages) > 12
    asked = {"topic": "hypertension", "code": "systolic"}
    for page in pages:
        answer = everything.get(page.replace("{patient_id}", wang.id), params=asked)
        assert answer.status_code == 403, f"{page}: {answer.status_code} {answer.text[:200]}"
        assert answer.json()["code"] == "outside_care_team", page


def test_nothing_is_changed_by_somebody_outside(house: House, wang: Patient) -> None:
    other = member_of(house, ORTHOPEDICS)
    visit = {"department": ORTHOPEDICS, "kind": "discharge", "occurred_at": "2026-11-20T02:00:00Z"}
    assert other.post(f"/patients/{wang.id}/encounters", visit).status_code == 403
    with house.units() as uow:
        assert len(uow.patients.encounters_of(wang.id)) == 1


def test_the_glass_is_broken_with_a_reason_for_an_hour_and_seen_by_overseers(house: House, wang: Patient) -> None:
    other, boss = member_of(house, ORTHOPEDICS), house.caller(Role.SUPERVISOR)
    path = f"/patients/{wang.id}/broken-glasses"
    assert other.post(path, {"reason": "curious"}).status_code == 422
    assert "at least five" in other.post(path, {"reason": "other", "text": "嗯"}).json()["reason"]
    assert other.post(f"/patients/{new_id()}/broken-glasses", EMERGENCY).json()["code"] == "unknown_patient"
    broken = other.post(path, {**EMERGENCY, "text": "急诊来电"})
    glass = broken.json()
    assert other.get(f"/patients/{wang.id}").status_code == 200
    (seen,) = boss.get("/broken-glasses").json()["glasses"]
    assert (seen["id"], seen["user_id"], seen["text"]) == (glass["id"], other.user_id, "急诊来电")
    with house.rows() as uow:
        noted = {row.action for row in uow.audit.of_subject("broken_glass", glass["id"])}
        assert noted == {"glass_broken"}
        opened = uow.care_team.glass_for_update(glass["id"])
        assert opened is not None
        assert opened.until - opened.broken_at == GLASS_OPEN
    an_hour_later(house, broken)
    assert other.get(f"/patients/{wang.id}").json()["code"] == "outside_care_team"


def test_a_broken_glass_is_no_way_to_stay(house: House, wang: Patient) -> None:
    other = member_of(house, ORTHOPEDICS)
    glass = other.post(f"/patients/{wang.id}/broken-glasses", EMERGENCY)
    named = {"department": ORTHOPEDICS, "role": "treats", "reason": "wants to look tomorrow too"}
    refused = other.post(f"/patients/{wang.id}/care-team", named)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    member = member_of(house, CARDIOLOGY).post(
        f"/patients/{wang.id}/care-team", {"department": "康复科", "role": "treats", "reason": "training"}
    )
    assert other.post(f"/care-team-members/{member.json()['id']}/ended", {"reason": "over"}).status_code == 409
    an_hour_later(house, glass)
    assert other.get(f"/patients/{wang.id}").status_code == 403


def test_an_answer_is_not_given_again_to_whom_the_record_is_shut_by_then(house: House, wang: Patient) -> None:
    other, key = member_of(house, ORTHOPEDICS), new_id()
    glass = other.post(f"/patients/{wang.id}/broken-glasses", EMERGENCY)
    period = {"since": "2026-01-01", "until": "2026-01-31"}
    first = other.post(f"/patients/{wang.id}/summaries", period, key=key)
    assert first.json()["facts"]["person"]["name"] == "王小明"
    again = other.post(f"/patients/{wang.id}/summaries", period, key=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    an_hour_later(house, glass)
    late = other.post(f"/patients/{wang.id}/summaries", period, key=key)
    assert (late.status_code, late.json()["code"]) == (403, "outside_care_team")


def test_a_record_that_went_into_another_opens_as_that_one_does(house: House, wang: Patient) -> None:
    own, other = member_of(house, CARDIOLOGY), member_of(house, ORTHOPEDICS)
    supervisor = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        twin = a_patient(uow, name="王小明")
        an_encounter(uow, twin, department=CARDIOLOGY)
    merged = supervisor.post(f"/patients/{wang.id}/merge", {"into": twin.id, "reason": "one person"})
    assert merged.status_code == 200, merged.text
    assert own.get(f"/patients/{wang.id}").json()["merged_into"] == twin.id
    for page in (f"/patients/{wang.id}", f"/patients/{wang.id}/record", f"/patients/{wang.id}/stated-values"):
        assert other.get(page).status_code == 403, page
    glass = other.post(f"/patients/{wang.id}/broken-glasses", EMERGENCY)
    assert glass.status_code == 201
    assert other.get(f"/patients/{wang.id}").status_code == 200


def test_messages_to_patients_of_others_are_left_out_of_the_list(house: House, wang: Patient) -> None:
    own = member_of(house, CARDIOLOGY, role=Role.SUPERVISOR)
    other = member_of(house, ORTHOPEDICS, role=Role.SUPERVISOR)
    with house.rows() as uow:
        message = Message(
            id=new_id(),
            patient_id=wang.id,
            channel=Channel.SMS,
            address="+8619900000001",
            language="zh",
            text_key="missed_call",
            text="您好。",
            planned_at=uow.now,
            send_at=uow.now,
        )
        uow.messages.plan(message)
    assert [each["id"] for each in own.get("/messages").json()["messages"]] == [message.id]
    assert other.get("/messages").json()["messages"] == []


def test_a_second_person_reviews_it_once(house: House, wang: Patient) -> None:
    head = member_of(house, ORTHOPEDICS, role=Role.SUPERVISOR)
    glass = head.post(f"/patients/{wang.id}/broken-glasses", EMERGENCY).json()
    path = f"/broken-glasses/{glass['id']}/review"
    assert head.post(path, {"review": "justified"}).json()["reason"] == "nobody reviews what he did himself"
    admin = house.caller(Role.ADMIN)
    assert "say why" in admin.post(path, {"review": "not_justified"}).json()["reason"]
    reviewed = admin.post(path, {"review": "not_justified", "text": "与本人工作无关"}).json()
    assert (reviewed["review"], reviewed["reviewed_by"]) == ("not_justified", admin.user_id)
    assert admin.post(path, {"review": "justified"}).status_code == 409
    assert admin.get("/broken-glasses").json()["glasses"] == []
    assert [each["id"] for each in admin.get("/broken-glasses?unreviewed=false").json()["glasses"]] == [glass["id"]]


def test_a_department_named_in_the_care_team_sees_what_the_first_one_made(house: House, wang: Patient) -> None:
    own, other = member_of(house, CARDIOLOGY), member_of(house, ORTHOPEDICS)
    asked = {"department": ORTHOPEDICS, "role": "会诊", "reason": "髋部骨折会诊"}
    assert other.post(f"/patients/{wang.id}/care-team", asked).status_code == 403
    assert own.post(f"/patients/{wang.id}/care-team", {**asked, "user_id": own.user_id}).status_code == 422
    member = own.post(f"/patients/{wang.id}/care-team", asked).json()
    assert own.post(f"/patients/{wang.id}/care-team", asked).json()["id"] == member["id"]
    team = other.get(f"/patients/{wang.id}/care-team").json()
    assert (team["your_ground"], team["departments"]) == ("member", [CARDIOLOGY])
    assert other.get(f"/patients/{wang.id}/plans").status_code == 200
    assert own.post(f"/care-team-members/{member['id']}/ended", {"reason": "会诊结束"}).json()["until"]
    assert other.get(f"/patients/{wang.id}/plans").status_code == 403


def test_who_serves_the_queue_of_his_task_may_open_it(house: House, wang: Patient) -> None:
    other = member_of(house, ORTHOPEDICS)
    with house.rows() as uow:
        (task,) = uow.plans.tasks_of_patient(wang.id)
        desk = uow.queues.agent_for_update(other.user_id)
        assert desk is not None
        desk.queues = [task.queue_id]
    ground = other.get(f"/patients/{wang.id}/care-team").json()["your_ground"]
    assert ground == "queue"


def test_the_reasons_to_pick_from_are_there_in_both_languages(house: House) -> None:
    reasons = house.caller(Role.AGENT).get("/glass-reasons").json()["reasons"]
    assert {each["reason"] for each in reasons} >= {"emergency", "stands_in", "other"}
    assert all(each["title"]["zh"] and each["title"]["en"] for each in reasons)


def test_links_to_a_patients_answers_are_shut_too(house: House, wang: Patient) -> None:
    own, other = member_of(house, CARDIOLOGY), member_of(house, ORTHOPEDICS)
    with house.units() as uow:
        (task,) = uow.plans.tasks_of_patient(wang.id)
    response_id = own.put(f"/tasks/{task.id}/responses/phq9").json()["id"]
    path = f"/responses/{response_id}/links"
    assert own.get(path).json() == {"links": []}
    for refused in (other.get(path), other.post(f"{path}/end"), other.get(f"/responses/{response_id}")):
        assert refused.json()["code"] == "outside_care_team"
