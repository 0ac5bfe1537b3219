"""Requests and complaints over the API: its day, its owner, its recording kept, nothing closed unanswered."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.patients import Patient
from db.users import Role
from followup.attempts import Attempt
from followup.calendars import CalendarDay, CalendarYear, DayKind
from followup.recordings import Recording
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.scenario import MovedClock

ULTRASOUND = "超声科"
GOLDEN_WEEK = [CalendarDay(day=date(2026, 10, day), kind=DayKind.HOLIDAY) for day in range(1, 8)]


def a_talk(house: House, agent: Asking, tmp_path: Path) -> tuple[Patient, Attempt, Recording]:
    with house.rows() as uow:
        patient, queue = a_patient(uow), a_queue(uow)
        attempt = an_attempt(uow, a_task(uow, patient, queue), agent_id=agent.user_id)
        recording = a_recording(uow, a_call(uow, attempt), tmp_path)
    return patient, attempt, recording


def a_complaint(agent: Asking, **more: object) -> dict[str, Any]:
    answer = agent.post(
        "/requests", {"kind": "complaint", "cause": "waiting-time", "text": "等了两小时四十分钟", **more}
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def take(who: Asking, request_id: object, *steps: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for step in steps:
        response = who.post(f"/requests/{request_id}/steps", step)
        assert response.status_code == 200, response.text
        answer = response.json()
    return answer


def test_five_and_ten_working_days_are_counted_over_the_national_day(
    database_url: str, broker_url: str, tmp_path: Path
) -> None:
    clock = MovedClock()
    with open_house(database_url, broker_url, tmp_path, clock=clock) as house:
        with house.units() as uow:
            clock.offset += datetime(2026, 9, 29, 7, 20, tzinfo=UTC) - uow.now  # Tuesday, 15:20 in the hospital
        with house.rows() as uow:
            days = [*GOLDEN_WEEK, CalendarDay(day=date(2026, 10, 10), kind=DayKind.MAKE_UP)]
            uow.calendar.load_year("CN", CalendarYear(year=2026, source="tests"), days, now=uow.now)
        agent = house.caller(Role.AGENT)
        assert a_complaint(agent, departments=[ULTRASOUND])["due_on"] == "2026-10-12"
        assert a_complaint(agent, departments=[ULTRASOUND, "导诊台"])["due_on"] == "2026-10-19"
        clock.offset += timedelta(days=14)
        supervisor = house.caller(Role.SUPERVISOR)
        assert [each["overdue"] for each in supervisor.get("/requests").json()["requests"]] == [True, False]
        assert len(supervisor.get("/requests?overdue=true").json()["requests"]) == 1


def test_its_recording_is_kept_from_deletion_and_its_call_and_second_are_known(
    house: House, agent: Asking, tmp_path: Path
) -> None:
    patient, attempt, recording = a_talk(house, agent, tmp_path)
    one = a_complaint(agent, attempt_id=attempt.id, at_second=12.5)
    assert one["patient_id"] == patient.id
    (linked,) = one["calls"]
    assert (linked["recording_id"], linked["at_second"]) == (recording.id, 12.5)
    with house.units() as uow:
        kept = uow.recordings.get(recording.id)
        assert kept is not None
        assert kept.legal_hold


def test_a_dispute_freezes_every_recording_tied_to_it(house: House, agent: Asking, tmp_path: Path) -> None:
    _, attempt, recording = a_talk(house, agent, tmp_path)
    dispute = a_complaint(agent, kind="dispute", cause="treatment")
    with house.units() as uow:
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
    for _ in range(2):
        answer = agent.post(f"/requests/{dispute['id']}/calls", {"call_id": call.id}).json()
        assert len(answer["calls"]) == 1
    with house.units() as uow:
        kept = uow.recordings.get(recording.id)
        assert kept is not None
        assert kept.legal_hold


def test_nothing_is_closed_without_a_reply_and_one_opened_again_is_answered_again(
    agent: Asking, supervisor: Asking
) -> None:
    one = a_complaint(agent)
    refused = agent.post(f"/requests/{one['id']}/steps", {"step": "close"})
    assert refused.json()["code"] == "not_possible_now"
    take(
        agent,
        one["id"],
        {"step": "accept"},
        {"step": "assign", "owner_id": supervisor.user_id},
        {"step": "investigate"},
        {"step": "decide", "text": "增加第二班超声"},
    )
    assert supervisor.post(f"/requests/{one['id']}/steps", {"step": "reply"}).json()["field"] == "text"
    replied = take(supervisor, one["id"], {"step": "reply", "text": "已增加第二班"})
    assert (replied["state"], replied["reply"], replied["owner_id"]) == ("replied", "已增加第二班", supervisor.user_id)
    again = take(
        supervisor,
        one["id"],
        {"step": "verify", "satisfied": False},
        {"step": "reopen", "text": "仍然等了很久"},
    )
    assert (again["state"], again["reply"], again["replied_at"]) == ("investigating", "", None)
    closed = take(
        supervisor,
        one["id"],
        {"step": "decide", "text": "改为分时段预约"},
        {"step": "reply", "text": "请按预约时段来"},
        {"step": "verify", "satisfied": True},
        {"step": "close"},
    )
    assert (closed["state"], closed["overdue"]) == ("closed", False)
    assert [line["kind"] for line in closed["story"]] == [
        "received",
        "accepted",
        "assigned",
        "investigating",
        "decided",
        "replied",
        "verified",
        "reopened",
        "decided",
        "replied",
        "verified",
        "closed",
    ]
    assert supervisor.get("/requests").json()["requests"] == []
    assert len(supervisor.get("/requests?state=all").json()["requests"]) == 1


def test_what_concerns_ethics_is_not_seen_by_the_department_concerned(
    house: House, agent: Asking, supervisor: Asking, admin: Asking
) -> None:
    inside, outside = house.caller(Role.SUPERVISOR), house.caller(Role.AGENT)
    admin.post(f"/users/{inside.user_id}/departments", {"departments": [ULTRASOUND]})
    admin.post(f"/users/{outside.user_id}/departments", {"departments": ["骨科"]})
    ethics = a_complaint(agent, cause="ethics", departments=[ULTRASOUND])
    waiting = a_complaint(agent, departments=[ULTRASOUND])

    def seen(who: Asking) -> set[str]:
        listed = {each["id"] for each in who.get("/requests").json()["requests"]}
        read = {str(one["id"]) for one in (ethics, waiting) if who.get(f"/requests/{one['id']}").status_code == 200}
        assert listed == read
        return listed

    assert seen(supervisor) == seen(agent) == {ethics["id"], waiting["id"]}
    assert seen(inside) == {waiting["id"]}
    assert seen(outside) == set()
    assert inside.post(f"/requests/{ethics['id']}/steps", {"step": "accept"}).status_code == 404


def test_the_wrap_up_cannot_say_that_nothing_is_left_to_do(house: House, agent: Asking, tmp_path: Path) -> None:
    _, attempt, _ = a_talk(house, agent, tmp_path)
    a_complaint(agent, attempt_id=attempt.id)
    body = {"outcome": "connected-patient", "task_result": "completed", "partial": True, "no_action": True}
    refused = agent.post(f"/attempts/{attempt.id}/wrap-up", body)
    assert (refused.status_code, refused.json()["field"]) == (409, "no_action")
    assert agent.post(f"/attempts/{attempt.id}/wrap-up", {**body, "no_action": False}).status_code == 200


def test_another_day_is_given_with_a_reason_that_stays(agent: Asking) -> None:
    one = a_complaint(agent)
    body = {"text": "要等外院会诊", "due_on": "2027-01-08"}
    moved = agent.post(f"/requests/{one['id']}/remarks", body).json()
    assert moved["due_on"] == "2027-01-08"
    assert moved["story"][-1]["detail"] == {"from": one["due_on"], "to": "2027-01-08", "text": "要等外院会诊"}
    assert agent.post("/requests", {"kind": "praise", "cause": "unheard-of", "text": "好"}).json()["field"] == "cause"


@pytest.mark.parametrize("table", ["request_events", "alert_events"])
def test_what_was_written_into_a_story_stays(house: House, agent: Asking, table: str) -> None:
    one = a_complaint(agent)
    with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
    assert len(agent.get(f"/requests/{one['id']}").json()["story"]) == 1


def test_causes_kinds_and_states_have_words_in_both_languages(agent: Asking) -> None:
    answer = agent.get("/request-causes").json()
    assert {"code": "ethics", "title": {"zh": "医德医风", "en": "professional ethics"}, "restricted": True} in answer[
        "causes"
    ]
    assert answer["kinds"]["complaint"] == {"zh": "投诉", "en": "complaint"}
    assert set(answer["states"]) == {
        "received",
        "accepted",
        "assigned",
        "investigating",
        "decided",
        "replied",
        "verified",
        "closed",
    }


def test_a_step_said_twice_under_one_key_is_taken_once(agent: Asking) -> None:
    one, key = a_complaint(agent), new_id()
    for _ in range(2):
        agent.post(f"/requests/{one['id']}/steps", {"step": "accept"}, key=key)
    assert len(agent.get(f"/requests/{one['id']}").json()["story"]) == 2


def test_pages_go_on_behind_the_last_one_and_say_what_can_be_done(house: House, agent: Asking) -> None:
    made = {a_complaint(agent, text=f"第{number}件")["id"] for number in range(3)}
    first = agent.get("/requests?limit=2").json()
    second = agent.get(f"/requests?limit=2&after={first['next']}").json()
    seen = [each["id"] for each in (*first["requests"], *second["requests"])]
    assert len(seen) == 3
    assert set(seen) == made
    assert second["next"] is None
    assert first["requests"][0]["steps"] == ["accept"]
    owners = agent.get("/request-owners").json()["people"]
    assert agent.user_id in {each["user_id"] for each in owners}
    story = take(agent, seen[0], {"step": "accept"}, {"step": "assign", "owner_id": agent.user_id})["story"]
    assert story[-1]["detail"]["owner_name"] == story[-1]["who"]
