"""The list that hospitals send: ten thousand rows of which three hundred are bad, and the corrected rest."""

import csv
import io
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.imports import ImportState, ListKind, RowState
from interop.lists.applying import apply_import, ask_to_apply
from interop.lists.error_file import error_file
from interop.lists.receiving import ListOrder, receive_file
from tests.support.lists import HEADER, SURROUNDINGS, as_csv, discharge, id_number

ROWS = 10_000
BAD = 300


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


def test_three_hundred_bad_rows_are_parked_the_rest_is_done_and_the_corrected_file_finishes(engine: Engine) -> None:
    units = UnitsOfWork(engine)
    spoiled = ("联系电话", "身份证号", "出院日期")
    values = {"联系电话": "120", "身份证号": "1.1010119E+17", "出院日期": "03/04/2026"}
    rows = []
    for place in range(ROWS):
        wrong = spoiled[place // 33 % 3] if place % 33 == 0 and place // 33 < BAD else None
        rows.append(discharge(place, **({wrong: values[wrong]} if wrong else {})))
    started = time.monotonic()
    with units() as uow:
        made = receive_file(
            uow, as_csv(rows, encoding="gb18030"), ListOrder(kind=ListKind.DISCHARGE, source="HIS"), SURROUNDINGS
        )
        assert (made.state, made.encoding, made.total) == (ImportState.CHECKED, "gb18030", ROWS)
        assert made.counts["bad"] == BAD
        assert made.counts["new_person"] == made.counts["new_visit"] == made.counts["ready"] == ROWS - BAD
        assert count(engine, "patients") == 0
        ask_to_apply(uow, made, by=None)
        uow.commit()
    seen: list[int] = []
    apply_import(units, made.id, SURROUNDINGS, progress=seen.append)
    print(f"10,000 rows were looked at and written in {time.monotonic() - started:.1f} s")
    assert sum(seen) == ROWS - BAD
    assert len(seen) >= 10
    assert count(engine, "patients") == count(engine, "encounters") == ROWS - BAD
    with units() as uow:
        parked = list(csv.reader(io.StringIO(error_file(uow, made, "csv").decode("utf-8-sig"))))
    assert parked[0] == [*HEADER, "错误/errors"]
    assert len(parked) == BAD + 1
    assert all(each[-1] for each in parked)
    corrected = []
    for row in parked[1:]:
        place = int(row[0][1:])
        fixed = dict(zip(HEADER, row, strict=False)) | {"联系电话": f"138{place:08d}", "身份证号": ""}
        corrected.append([*(fixed | {"出院日期": "2026-11-21"}).values(), row[-1]])
    with units() as uow:
        again = receive_file(
            uow,
            as_csv(corrected, header=parked[0], encoding="utf-8-sig"),
            ListOrder(kind=ListKind.DISCHARGE, source="HIS"),
            SURROUNDINGS,
        )
        assert again.counts["ready"] == BAD, uow.imports.rows(again.id, limit=3)
        ask_to_apply(uow, again, by=None)
        uow.commit()
    apply_import(units, again.id, SURROUNDINGS)
    assert count(engine, "patients") == ROWS
    with units() as uow:
        done = uow.imports.get(again.id)
        assert done is not None
        assert done.state is ImportState.APPLIED
        assert done.counts[RowState.APPLIED.value] == BAD
    assert id_number(1)
