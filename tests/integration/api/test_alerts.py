"""Alerts and the duty roster over the API: the agent's button, the typed outcome, gaps, substitutes."""

from datetime import UTC, datetime, timedelta

from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.plans import TaskState
from tests.integration.api.house import Asking, House
from tests.support.builders import a_patient, a_queue, a_task, an_attempt, an_encounter

PHONE = "+8619900000091"
HOUR = timedelta(hours=1)


def on_the_line(house: House, agent: Asking, department: str = "心内科") -> Attempt:
    with house.rows() as uow:
        patient = a_patient(uow)
        an_encounter(uow, patient, department=department)
        task = a_task(uow, patient, a_queue(uow), state=TaskState.IN_PROGRESS)
        return an_attempt(uow, task, agent_id=agent.user_id, state=AttemptState.IN_CALL)


def press(agent: Asking, attempt: Attempt, **more: object) -> dict[str, object]:
    body = {"code": "chest_pain", "level": "red", "text": "胸口压着疼二十分钟", **more}
    answer = agent.post(f"/attempts/{attempt.id}/alerts", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_the_button_gives_the_sentence_to_say_in_both_languages(house: House, agent: Asking) -> None:
    alert = press(agent, on_the_line(house, agent))
    advice, title = alert["advice"], alert["title"]
    assert "请立即拨打120" in advice["zh"]  # type: ignore[index]
    assert "call 120" in advice["en"]  # type: ignore[index]
    assert title == {"zh": "胸痛超过十分钟", "en": "chest pain for more than ten minutes"}
    assert (alert["state"], alert["source"], alert["level"]) == ("raised", "person", "red")


def test_an_alert_is_acknowledged_worked_on_and_closed_with_a_typed_outcome_only(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    alert = press(agent, on_the_line(house, agent))
    path = f"/alerts/{alert['id']}"
    outcome = {"outcome": "emergency-services", "text": "已由120接走"}
    assert supervisor.post(f"{path}/outcome", outcome).status_code == 409
    for _ in range(2):
        assert supervisor.post(f"{path}/acknowledge").json()["state"] == "acknowledged"
    assert agent.post(f"{path}/acknowledge").status_code == 409
    assert supervisor.post(f"{path}/begin").json()["state"] == "in_progress"
    assert supervisor.post(f"{path}/outcome", {"outcome": "fine", "text": "好"}).status_code == 422
    assert [each["id"] for each in agent.get("/alerts?state=open").json()["alerts"]] == [alert["id"]]
    closed = supervisor.post(f"{path}/outcome", outcome).json()
    assert (closed["state"], closed["outcome"], closed["closed_by"]) == (
        "closed",
        "emergency-services",
        supervisor.user_id,
    )
    assert [line["kind"] for line in closed["story"]] == ["raised", "acknowledged", "begun", "closed"]
    assert agent.get("/alerts?state=open").json()["alerts"] == []
    assert supervisor.post(f"{path}/outcome", outcome).status_code == 409


def test_an_agent_with_departments_sees_theirs_a_supervisor_all(
    house: House, agent: Asking, supervisor: Asking, admin: Asking
) -> None:
    alert = press(agent, on_the_line(house, agent))
    with house.rows() as uow:
        row = uow.alerts.for_update(str(alert["id"]))
        assert row is not None
        row.department = "心内科"
    near, far = house.caller(Role.AGENT), house.caller(Role.AGENT)
    admin.post(f"/users/{near.user_id}/departments", {"departments": ["心内科"]})
    admin.post(f"/users/{far.user_id}/departments", {"departments": ["骨科"]})
    seen = [
        ([each["id"] for each in who.get("/alerts").json()["alerts"]], who.get(f"/alerts/{alert['id']}").status_code)
        for who in (near, supervisor, far)
    ]
    assert seen == [([alert["id"]], 200), ([alert["id"]], 200), ([], 404)]
    assert far.post(f"/alerts/{alert['id']}/acknowledge").status_code == 404


def test_gaps_are_shown_until_every_role_is_there_and_substitutes_stand_in(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    now = datetime.now(UTC)
    assert [gap["role"] for gap in agent.get("/duty?department=心内科").json()["gaps"]] == ["nurse", "doctor", "head"]
    shifts = [
        {
            "department": department,
            "role": role,
            "name": name,
            "phone": PHONE,
            "starts_at": (now - HOUR).isoformat(),
            "ends_at": (now + 30 * HOUR).isoformat(),
        }
        for department, role, name in (("心内科", "nurse", "周"), ("心内科", "doctor", "林"), ("*", "head", "总值班"))
    ]
    assert agent.post("/duty/shifts", {"shifts": shifts}).status_code == 403
    made = supervisor.post("/duty/shifts", {"shifts": shifts}).json()["shifts"]
    roster = agent.get("/duty?department=心内科").json()
    assert roster["gaps"] == []
    assert [(person["role"], person["name"]) for person in roster["now"]] == [
        ("nurse", "周"),
        ("doctor", "林"),
        ("head", "总值班"),
    ]
    stand_in = {"name": "吴", "phone": PHONE, "starts_at": now.isoformat(), "ends_at": (now + HOUR).isoformat()}
    too_long = {**stand_in, "ends_at": (now + 31 * HOUR).isoformat()}
    assert supervisor.post(f"/duty/shifts/{made[0]['id']}/substitutes", too_long).status_code == 409
    shift = supervisor.post(f"/duty/shifts/{made[0]['id']}/substitutes", stand_in).json()
    assert agent.get("/duty?department=心内科").json()["now"][0]["name"] == "吴"
    substitute = shift["substitutes"][0]["id"]
    supervisor.post(f"/duty/shifts/{made[0]['id']}/substitutes/{substitute}/withdraw")
    assert agent.get("/duty?department=心内科").json()["now"][0]["name"] == "周"
    supervisor.post(f"/duty/shifts/{made[0]['id']}/withdraw")
    assert [gap["role"] for gap in agent.get("/duty?department=心内科").json()["gaps"]] == ["nurse"]


def test_a_shift_that_ends_before_it_begins_or_has_no_telephone_is_refused_and_nothing_entered(
    supervisor: Asking,
) -> None:
    now = datetime.now(UTC)
    good = {
        "department": "心内科",
        "role": "nurse",
        "name": "周",
        "phone": PHONE,
        "starts_at": now.isoformat(),
        "ends_at": (now + HOUR).isoformat(),
    }
    for wrong in ({"ends_at": (now - HOUR).isoformat()}, {"phone": "no"}, {"role": "porter"}):
        assert supervisor.post("/duty/shifts", {"shifts": [good, {**good, **wrong}]}).status_code == 422
    assert supervisor.get("/duty?department=心内科").json()["shifts"] == []


def test_the_levels_and_outcomes_can_be_read_in_both_languages(agent: Asking) -> None:
    answer = agent.get("/alert-levels").json()
    assert [level["level"] for level in answer["levels"]] == ["red", "amber", "yellow"]
    assert answer["levels"][0]["told_after_minutes"] == [0, 5, 15]
    assert {"outcome": "false-alarm", "title": {"zh": "误报", "en": "false alarm"}} in answer["outcomes"]
