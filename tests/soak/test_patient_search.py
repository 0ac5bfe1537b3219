"""Search among a hundred thousand: every way by its index, whoever is looked for."""

import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from care.identifiers import IdentifierKind
from care.patients import NumberOwner, NumberQuality
from db.engine import make_engine
from db.listed_people import NewRows
from db.patient_search import Typed
from db.unit_of_work import UnitsOfWork
from runtime.identifiers import new_id

PEOPLE = 100_000
CHUNK = 2_000
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉华飞红建国文辉力志永健世广"
DEPARTMENTS = [f"科室{place}" for place in range(40)]


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    """A hundred thousand people with a number, an ID card and a visit each."""
    engine = make_engine(module_database_url)
    units = UnitsOfWork(engine)
    dice = random.Random(4)  # noqa: S311 not for secrets
    for start in range(0, PEOPLE, CHUNK):
        with units() as uow:
            uow.listed_people.add(_people(dice, start, uow.now))
            uow.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    yield units
    engine.dispose()


def _people(dice: random.Random, start: int, now: object) -> NewRows:
    new = NewRows()
    for place in range(start, start + CHUNK):
        patient_id = new_id()
        born = date(1940, 1, 1) + timedelta(days=dice.randrange(29_000))
        new.patients.append(
            {
                "id": patient_id,
                "record_number": f"R{place:07d}",
                "name": dice.choice(SURNAMES) + "".join(dice.choices(GIVEN, k=dice.choice((1, 2, 2)))),
                "language": "zh",
                "zone": "Asia/Shanghai",
                "born": born,
                "sex": "male",
                "dialect": None,
                "synthetic": True,
                "created_at": now,
            }
        )
        new.numbers.append(
            {
                "id": new_id(),
                "patient_id": patient_id,
                "number": f"+86199{place:08d}",
                "owner": NumberOwner.SELF,
                "label": "",
                "rank": 1,
                "quality": NumberQuality.UNVERIFIED,
                "do_not_call": False,
            }
        )
        new.identifiers.append(
            {
                "id": new_id(),
                "patient_id": patient_id,
                "kind": IdentifierKind.ID_CARD,
                "value": f"990101{born:%Y%m%d}{place % 1000:03d}{place // 1000:02d}",
            }
        )
        new.encounters.append(
            {
                "id": new_id(),
                "patient_id": patient_id,
                "department": dice.choice(DEPARTMENTS),
                "kind": "discharge",
                "occurred_at": now,
                "visit_number": None,
                "ward": None,
                "doctor": None,
            }
        )
    return new


@pytest.mark.soak
@pytest.mark.parametrize(
    "typed",
    [
        Typed(text="wxm"),
        Typed(text="w"),
        Typed(text="zhangwei"),
        Typed(text="小明"),
        Typed(text="建国"),
        Typed(text="王jg"),
        Typed(text="19900054321"),
        Typed(text="4321"),
        Typed(text="R0054"),
        Typed(text="nobody"),
        Typed(text="wang", department="科室7"),
        Typed(department="科室7"),
        Typed(department="nowhere"),
    ],
    ids=str,
)
def test_a_page_of_hits_among_a_hundred_thousand_is_read_by_indexes(units: UnitsOfWork, typed: Typed) -> None:
    asked: list[tuple[str, Any]] = []
    with units() as uow:
        uow.patient_search.find(typed, limit=50)  # what is asked once for a connection

    @event.listens_for(units.engine, "before_cursor_execute")
    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    try:
        with units() as uow:
            since = time.monotonic()
            found = uow.patient_search.find(typed, limit=50)
            took = time.monotonic() - since
    finally:
        event.remove(units.engine, "before_cursor_execute", keep)
    print(f"soak: {typed}: {len(found)} of a page, {took * 1000:.0f} ms")
    statement, parameters = next(each for each in asked if "patients" in each[0])
    with units.engine.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    for walked in ("contact_points", "person_identifiers", "encounters"):
        assert f"Seq Scan on {walked}" not in plan, plan


@pytest.mark.soak
def test_pairs_are_found_among_a_hundred_thousand(units: UnitsOfWork) -> None:
    with units() as uow:
        since = time.monotonic()
        pairs = uow.duplicates.pairs(after=None, limit=50)
        took = time.monotonic() - since
    print(f"soak: {len(pairs)} pairs, {took * 1000:.0f} ms")
    assert took < 1.0
