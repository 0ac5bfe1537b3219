"""Users from the command line: the same accounts as over the API, and no password where others could read it."""

import io

import pytest

from api.passwords import PasswordRefusedError
from db.users import Role
from suifang import user_command
from suifang.user_command import UserCommandError
from tests.integration.api.house import PASSWORD, QUICK_HASHER, House
from tests.support.builders import a_queue


def log_in(house: House, login: str, password: str) -> int:
    body = {"login": login, "password": password, "take_over": True}
    return int(house.stranger().post("/log-ins", body, key=None).status_code)


def test_a_user_is_made_given_another_password_and_locked_out(house: House) -> None:
    with house.rows() as uow:
        queue = a_queue(uow, name="discharge")
    user_id = user_command.create(
        house.units,
        login="li.na",
        display_name="李娜",
        password=PASSWORD,
        roles=[Role.AGENT],
        queues=["discharge"],
        hasher=QUICK_HASHER,
    )
    with house.units() as uow:
        desk = uow.queues.agent(user_id)
        assert desk is not None
        assert desk.queues == [queue.id]
    assert log_in(house, "li.na", PASSWORD) == 201
    user_command.change_password(house.units, login="li.na", password="another password", hasher=QUICK_HASHER)
    assert log_in(house, "li.na", PASSWORD) == 401
    assert log_in(house, "li.na", "another password") == 201
    user_command.disable(house.units, login="li.na")
    assert log_in(house, "li.na", "another password") == 401


def test_what_cannot_be_is_refused_in_words(house: House) -> None:
    person = house.person(Role.ADMIN)
    with pytest.raises(UserCommandError, match="already"):
        user_command.create(
            house.units,
            login=person.login,
            display_name="x",
            password=PASSWORD,
            roles=[Role.ADMIN],
            hasher=QUICK_HASHER,
        )
    with pytest.raises(UserCommandError, match="at least one role"):
        user_command.create(house.units, login="new", display_name="x", password=PASSWORD, roles=[])
    with pytest.raises(PasswordRefusedError, match="10 to 200"):
        user_command.create(house.units, login="new", display_name="x", password="short", roles=[Role.AGENT])
    with pytest.raises(UserCommandError, match="no queue nowhere"):
        user_command.create(
            house.units,
            login="new",
            display_name="x",
            password=PASSWORD,
            roles=[Role.AGENT],
            queues=["nowhere"],
            hasher=QUICK_HASHER,
        )
    with pytest.raises(UserCommandError, match="no user nobody"):
        user_command.disable(house.units, login="nobody")


def test_a_piped_password_is_the_first_line() -> None:
    assert user_command.read_password(io.StringIO("correct horse \nnext line\n")) == "correct horse "
