"""Connections that were lost while they rested are replaced before anybody's work meets them."""

import pytest
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork


def test_a_connection_that_died_while_it_rested_is_replaced_unnoticed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine.RESTED_SECONDS", 0.0)
    engine, beside = make_engine(database_url, pool_size=1), make_engine(database_url)
    units = UnitsOfWork(engine)
    with engine.connect() as connection:
        before = connection.scalar(text("SELECT pg_backend_pid()"))
    with beside.connect() as other:
        assert other.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
    with units() as uow:
        assert uow.now.tzinfo is not None
        uow.commit()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != before
    engine.dispose()
    beside.dispose()
