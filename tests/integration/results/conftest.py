"""One database for the tests of results; each test has patients of its own."""

from collections.abc import Iterator

import pytest

from care.patients import Patient
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from tests.support.builders import a_patient


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    """Units of work of the module's database."""
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def patient(units: UnitsOfWork) -> Patient:
    """Somebody nobody has measured yet."""
    with units() as uow:
        made = a_patient(uow)
        uow.commit()
    return made
