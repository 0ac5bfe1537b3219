"""What the scheduler's tests share: units of work on a fresh database, the shipped content, the demo's gate."""

from collections.abc import Iterator

import pytest

from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.dialing_rules import Mode
from runtime.content.library import Content
from runtime.settings import REPOSITORY


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    """Units of work on a new database."""
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def content() -> Content:
    """The shipped content."""
    return Content(REPOSITORY / "content")


@pytest.fixture(scope="session")
def gate(content: Content) -> Gate:
    """The demo's gate: open at all hours, synthetic patients, a trunk on loopback."""
    return Gate(mode=Mode.DEMO, profile=content.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())
