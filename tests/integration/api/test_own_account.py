"""What a user sets for himself, and what an administrator sets for him."""

from datetime import timedelta

import pytest

from db.users import Role
from followup.queues import AgentState
from tests.integration.api.house import PASSWORD, House
from tests.support.builders import a_queue


def test_preferences_are_kept_for_their_user_alone(house: House) -> None:
    agent, other = house.caller(Role.AGENT), house.caller(Role.AGENT)
    assert agent.get("/me/preferences").json() == {"shortcuts": {}, "language": None, "layout": {}}
    wanted = {
        "shortcuts": {"mute": "ctrl+shift+m"},
        "language": "en",
        "layout": {"work.queue_width": 280, "wide": True},
    }
    assert agent.put("/me/preferences", wanted).json() == wanted
    assert agent.get("/me/preferences").json() == wanted
    assert other.get("/me/preferences").json()["shortcuts"] == {}
    assert agent.put("/me/preferences", {"language": "zh"}).json()["shortcuts"] == {}


@pytest.mark.parametrize(
    "wanted",
    [
        {"shortcuts": {"mute": "javascript:alert(1)"}},
        {"shortcuts": {"../x": "alt+m"}},
        {"language": "fr"},
        {"layout": {"note": "x" * 201}},
        {"patient": "张三"},
    ],
)
def test_preferences_hold_nothing_else(house: House, wanted: dict[str, object]) -> None:
    assert house.caller(Role.AGENT).put("/me/preferences", wanted).status_code == 422


def test_a_user_changes_his_own_password_and_goes_on_working(house: House) -> None:
    nurse = house.caller(Role.AGENT)
    assert nurse.person is not None
    wrong = nurse.put("/me/password", {"present": "not this one", "wanted": "a new long password"})
    assert wrong.status_code == 401
    assert wrong.json()["code"] == "wrong_log_in"
    assert nurse.put("/me/password", {"present": PASSWORD, "wanted": "short"}).status_code == 422
    assert nurse.put("/me/password", {"present": PASSWORD, "wanted": "a new long password"}).status_code == 204
    assert nurse.get("/me").status_code == 200
    log_in = {"login": nurse.person.login, "password": "a new long password", "take_over": True}
    assert house.stranger().post("/log-ins", log_in, key=None).status_code == 201


def test_trying_passwords_by_changing_them_is_stopped(house: House) -> None:
    nurse = house.caller(Role.AGENT)
    tries = [nurse.put("/me/password", {"present": "guess", "wanted": "a new long password"}) for _ in range(6)]
    assert [each.status_code for each in tries] == [401] * 5 + [429]


def test_an_administrator_gives_a_password_and_the_old_log_in_ends(house: House) -> None:
    admin, nurse = house.caller(Role.ADMIN), house.caller(Role.AGENT)
    assert nurse.person is not None
    given = admin.post(f"/users/{nurse.user_id}/password", {"password": "given by the house"})
    assert given.status_code == 204
    assert nurse.get("/me").status_code == 401
    log_in = {"login": nurse.person.login, "password": "given by the house"}
    assert house.stranger().post("/log-ins", log_in, key=None).status_code == 201


def test_roles_and_names_are_changed_and_an_agent_gets_her_desk(house: House) -> None:
    admin, person = house.caller(Role.ADMIN), house.caller(Role.REGISTRAR)
    changed = admin.put(f"/users/{person.user_id}", {"display_name": "欧阳静", "roles": ["agent", "registrar"]})
    assert changed.json()["roles"] == ["agent", "registrar"]
    assert person.get("/me").json()["display_name"] == "欧阳静"
    assert person.get("/agents/me/state").status_code == 200
    assert any(row["agent_id"] == person.user_id for row in admin.get("/abilities").json()["agents"])
    own = admin.put(f"/users/{admin.user_id}", {"display_name": "管理员", "roles": ["agent"]})
    assert own.status_code == 409
    with house.rows() as uow:
        queue = a_queue(uow)
        agent = uow.queues.agent(person.user_id)
        assert agent is not None
        agent.queues, agent.state = [queue.id], AgentState.AVAILABLE
    at_work = admin.put(f"/users/{person.user_id}", {"display_name": "欧阳静", "roles": ["registrar"]})
    assert at_work.status_code == 409
    with house.rows() as uow:
        agent = uow.queues.agent(person.user_id)
        assert agent is not None
        agent.state = AgentState.OFFLINE
    assert admin.put(f"/users/{person.user_id}", {"display_name": "静", "roles": ["registrar"]}).status_code == 200
    assert person.get("/agents/me/state").status_code == 403


def test_the_list_of_users_tells_who_is_in_and_whose_log_ins_failed(house: House) -> None:
    admin, nurse = house.caller(Role.ADMIN), house.caller(Role.AGENT)
    assert nurse.person is not None
    house.stranger().post("/log-ins", {"login": nurse.person.login, "password": "wrong"}, key=None)
    row = next(each for each in admin.get("/users").json()["users"] if each["id"] == nurse.user_id)
    assert row["failed_log_ins"] == 1
    assert row["logged_in_since"]
    assert admin.post(f"/users/{nurse.user_id}/end-log-in").status_code == 204
    assert nurse.get("/me").status_code == 401
    row = next(each for each in admin.get("/users").json()["users"] if each["id"] == nurse.user_id)
    assert row["logged_in_since"] is None


def test_a_disabled_user_is_let_in_again(house: House) -> None:
    admin, nurse = house.caller(Role.ADMIN), house.caller(Role.AGENT)
    assert nurse.person is not None
    log_in = {"login": nurse.person.login, "password": PASSWORD}
    admin.post(f"/users/{nurse.user_id}/disable")
    assert house.stranger().post("/log-ins", log_in, key=None).status_code == 401
    assert admin.post(f"/users/{nurse.user_id}/enable").json()["disabled"] is False
    assert house.stranger().post("/log-ins", log_in, key=None).status_code == 201


def test_log_ins_are_paged_the_newest_first(house: House) -> None:
    admin = house.caller(Role.ADMIN)
    people = [house.person(Role.AGENT) for _ in range(3)]
    first = admin.get("/log-ins?limit=2").json()
    assert [row["user_id"] for row in first["log_ins"]] == [people[2].user_id, people[1].user_id]
    second = admin.get("/log-ins", params={"limit": 2, "before": first["older"]}).json()
    assert [row["user_id"] for row in second["log_ins"]] == [people[0].user_id, admin.user_id]
    assert second["older"] is None
    with house.rows() as uow:
        expired = uow.users.living_log_in(people[0].user_id, uow.now)
        assert expired is not None
        expired.expires_at = uow.now - timedelta(seconds=1)
    living = admin.get("/log-ins?living=true").json()["log_ins"]
    assert people[0].user_id not in {row["user_id"] for row in living}
    assert len(living) == 3
