"""Whole files with anything in them, of every kind, on a real database: each row is applied, refused or decided on."""

import random
import resource
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.imports import ListKind
from tests.support.strange_lists import a_list, take_whole

FILES = 16
LONGEST = 70.0  # seconds
LARGEST = 600  # MB; no file here holds more than a few rows


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _take(units: UnitsOfWork, seed: int, number: int, tally: Counter[str]) -> None:
    kind, content = a_list(random.Random(f"list {seed}:{number}"))  # noqa: S311 not for secrets
    try:
        take_whole(units, kind, content, tally)
    except Exception as error:
        error.add_note(f"list {number} of SUIFANG_TEST_SEED={seed}: {kind.value}, {content[:300]!r}")
        raise


def test_no_file_is_too_strange(units: UnitsOfWork, seed: int) -> None:
    tally: Counter[str] = Counter()
    for number in range(FILES):
        _take(units, seed, number, tally)
    assert tally["files"] == FILES


@pytest.mark.soak
def test_no_file_of_hundreds_is_too_strange(units: UnitsOfWork, seed: int) -> None:
    tally: Counter[str] = Counter()
    before, began = _megabytes(), time.monotonic()
    while time.monotonic() - began < LONGEST:
        _take(units, seed, FILES + tally["files"], tally)
    print(f"soak: SUIFANG_TEST_SEED={seed}: {dict(sorted(tally.items()))}, {_megabytes() - before} MB more")
    assert all(tally[f"{kind.value} rows applied"] for kind in ListKind), tally
    assert _megabytes() - before < LARGEST
