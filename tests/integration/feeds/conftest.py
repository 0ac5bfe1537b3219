"""One database for all tests of a module: each test has people, visits and control ids of its own."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from suifang.plans_command import make_queues
from tests.support.feeds import CONTENT

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    """Units of work of a hospital with the shipped queues."""
    engine = make_engine(module_database_url, pool_size=10)
    made = UnitsOfWork(engine)
    make_queues(made, CONTENT)
    yield made
    engine.dispose()


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """A name that no other test has: of a person, a visit, a message."""
    place = next(_numbers)
    return lambda begin: f"{begin}{place:05d}"
