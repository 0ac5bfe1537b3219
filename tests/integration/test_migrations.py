"""Migrations: from empty to this version, nothing left to migrate, and the database keeps what must not change.

The unit of work imports every mapped table, so that `metadata` is whole here.
"""

import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db.engine import make_engine
from db.metadata import metadata
from db.migrate import pending, upgrade
from db.unit_of_work import UnitsOfWork
from runtime.identifiers import new_id


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


def test_an_empty_database_is_brought_to_this_version_once_by_however_many(empty_database_url: str) -> None:
    assert "suifang migrate" in (pending(empty_database_url) or "")
    starters = [threading.Thread(target=upgrade, args=(empty_database_url,)) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert pending(empty_database_url) is None


def test_the_migrated_tables_are_those_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET action = 'other'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_audit_log_only_grows(engine: Engine, statement: str) -> None:
    with UnitsOfWork(engine)() as uow:
        uow.audit.note(user_id=None, action="looked", subject_kind="patient", subject=new_id())
        uow.commit()
    with engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT action FROM audit_log")).scalars().all() == ["looked"]
