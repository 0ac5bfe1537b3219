"""Logging in: one at a time, not too often, and nothing to be learned from a refusal."""

import statistics
import time
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from db.users import Role
from followup.attempts import AttemptState
from followup.queues import AgentState
from tests.integration.api.house import PASSWORD, PREFIX, QUICK_HASHER, House
from tests.support.builders import a_patient, a_queue, a_task, an_attempt


def log_in(house: House, login: str, password: str = PASSWORD, **more: object) -> Any:
    return house.stranger().post("/log-ins", {"login": login, "password": password, **more}, key=None)


def a_logged_out_user(house: House, *roles: Role) -> str:
    person = house.person(*roles)
    with house.rows() as uow:
        uow.users.end_log_ins(person.user_id, uow.now, "test")
    return person.login


def test_a_log_in_gives_a_token_of_which_only_the_hash_is_kept(house: House) -> None:
    login = a_logged_out_user(house, Role.AGENT)
    answer = log_in(house, login)
    assert answer.status_code == 201
    token = answer.json()["token"]
    cookie = answer.headers["set-cookie"]
    assert f"suifang_log_in={token}" in cookie
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    headers = {"Authorization": f"Bearer {token}"}
    assert house.client.get(f"{PREFIX}/me", headers=headers).json()["login"] == login
    with house.units.engine.connect() as connection:
        rows = connection.execute(text("SELECT row_to_json(log_ins)::text FROM log_ins")).scalars().all()
    assert rows
    assert not any(token in row for row in rows)


def test_a_second_log_in_is_refused_by_name_until_it_takes_over(house: House) -> None:
    login = a_logged_out_user(house, Role.AGENT)
    first = log_in(house, login).json()["token"]
    refused = log_in(house, login)
    assert refused.status_code == 409
    assert (refused.json()["code"], refused.json()["field"]) == ("already_logged_in", "take_over")
    second = log_in(house, login, take_over=True).json()["token"]
    assert house.client.get(f"{PREFIX}/me", headers={"Authorization": f"Bearer {first}"}).status_code == 401
    assert house.client.get(f"{PREFIX}/me", headers={"Authorization": f"Bearer {second}"}).status_code == 200


def test_an_expired_log_in_is_no_obstacle(house: House) -> None:
    person = house.person(Role.AGENT)
    with house.rows() as uow:
        living = uow.users.living_log_in(person.user_id, uow.now)
        assert living is not None
        living.expires_at = uow.now - timedelta(minutes=1)
    assert log_in(house, person.login).status_code == 201


def test_five_wrong_passwords_close_the_login_for_a_while_even_to_the_right_one(house: House) -> None:
    login = a_logged_out_user(house, Role.AGENT)
    for _ in range(5):
        assert log_in(house, login, "wrong password").json()["code"] == "wrong_log_in"
    closed = log_in(house, login)
    assert closed.status_code == 429
    assert 290 <= int(closed.headers["retry-after"]) <= 300
    assert log_in(house, a_logged_out_user(house, Role.AGENT)).status_code == 201
    with house.rows() as uow:
        uow._session.execute(text("UPDATE log_in_failures SET at = at - interval '6 minutes'"))
    assert log_in(house, login).status_code == 201


def test_logins_that_do_not_exist_are_throttled_alike(house: House) -> None:
    answers = [log_in(house, "nobody").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_an_unknown_user_takes_as_long_as_a_wrong_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
    login = a_logged_out_user(house, Role.AGENT)
    with house.rows() as uow:
        user = uow.users.by_login(login)
        assert user is not None
        user.password_hash = slow.hash(PASSWORD)
    house.app.state.hash_of_nobody = slow.hash("nobody")

    def seconds(name: str) -> float:
        started = time.perf_counter()
        assert log_in(house, name, "wrong").status_code == 401
        return time.perf_counter() - started

    known = statistics.median(seconds(login) for _ in range(4))
    unknown = statistics.median(seconds("nobody") for _ in range(4))
    assert 0.4 < unknown / known < 2.5
    wrong, nobody = log_in(house, login, "wrong"), log_in(house, "nobody", "wrong")
    assert wrong.json() == nobody.json()


def test_a_disabled_user_is_told_no_more_than_a_stranger(house: House) -> None:
    login = a_logged_out_user(house, Role.AGENT)
    with house.rows() as uow:
        user = uow.users.by_login(login)
        assert user is not None
        user.disabled = True
    assert log_in(house, login).json()["code"] == "wrong_log_in"


def test_logging_out_ends_the_token_and_takes_the_agent_offline(house: House) -> None:
    agent = house.caller(Role.AGENT)
    agent.post("/agents/me/state", {"state": "available"})
    assert agent.post("/log-out", key=None).status_code == 204
    assert agent.get("/me").status_code == 401
    with house.units() as uow:
        desk = uow.queues.agent(agent.user_id)
        assert desk is not None
        assert desk.state is AgentState.OFFLINE


def test_an_agent_with_a_call_in_hand_cannot_log_out(house: House) -> None:
    agent = house.caller(Role.AGENT)
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        an_attempt(uow, task, agent_id=agent.user_id, state=AttemptState.WRAP_UP)
        desk = uow.queues.agent(agent.user_id)
        assert desk is not None
        desk.state = AgentState.WRAP_UP
    refused = agent.post("/log-out", key=None)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    assert agent.get("/me").status_code == 200


def test_an_administrator_makes_an_agent_who_can_log_in_and_locks_him_out_again(house: House) -> None:
    admin = house.caller(Role.ADMIN)
    with house.rows() as uow:
        queue = a_queue(uow)
    body = {
        "login": "wang.min",
        "display_name": "王敏",
        "password": "long enough password",
        "roles": ["agent"],
        "queues": [queue.id],
    }
    made = admin.post("/users", body)
    assert made.status_code == 201
    assert "password" not in made.text
    assert admin.post("/users", body).json()["code"] == "taken"
    assert admin.post("/users", {**body, "login": "other", "password": "short"}).json()["field"] == "password"
    unknown = admin.post("/users", {**body, "login": "other", "queues": ["00000000-0000-4000-8000-000000000000"]})
    assert (unknown.status_code, unknown.json()["field"]) == (404, "queues[0]")
    token = log_in(house, "wang.min", "long enough password").json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert house.client.get(f"{PREFIX}/agents/me/state", headers=headers).json()["queues"] == [queue.id]
    assert admin.post(f"/users/{made.json()['id']}/disable").json()["disabled"] is True
    assert house.client.get(f"{PREFIX}/me", headers=headers).status_code == 401
    assert admin.post(f"/users/{admin.user_id}/disable").json()["code"] == "not_possible_now"


def test_the_stored_password_is_an_argon2id_hash(house: House) -> None:
    person = house.person(Role.AGENT)
    with house.units() as uow:
        user = uow.users.get(person.user_id)
        assert user is not None
        assert user.password_hash.startswith("$argon2id$")
        assert QUICK_HASHER.verify(user.password_hash, PASSWORD)
