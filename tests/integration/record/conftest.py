"""What the record's tests share: units of work on a fresh database, the shipped content, the parts of followers."""

from collections.abc import Iterator

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from record.following import RecordParts
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import HOSPITAL


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


@pytest.fixture
def parts(units: UnitsOfWork, content: Content) -> RecordParts:
    """What followers work with."""
    return RecordParts(units_of_work=units, content=content, zone=HOSPITAL.zone)
