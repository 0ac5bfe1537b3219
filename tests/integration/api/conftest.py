"""The API's house, and the people in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.users import Role
from tests.integration.api.house import Asking, House, open_house


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[House]:
    """The whole API on a database of its own."""
    with open_house(database_url, broker_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def agent(house: House) -> Asking:
    """An agent who is logged in."""
    return house.caller(Role.AGENT)


@pytest.fixture
def supervisor(house: House) -> Asking:
    """A supervisor who is logged in."""
    return house.caller(Role.SUPERVISOR)


@pytest.fixture
def admin(house: House) -> Asking:
    """An administrator who is logged in."""
    return house.caller(Role.ADMIN)
