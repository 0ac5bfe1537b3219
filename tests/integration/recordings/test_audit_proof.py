"""The audit log's chain on a real database: sealed in passing while others write, signed, and every harm told."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.audit_proof import sign_audit_head, unsealed_faults, verify_audit
from recordings.signing import SIGNING_FILE, SigningKey, signing_key
from runtime.identifiers import new_id
from runtime.settings import Settings
from suifang import verify_command


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url, pool_size=8)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return signing_key(tmp_path / "keys" / SIGNING_FILE)


def write(units: UnitsOfWork, rows: int = 1) -> None:
    with units() as uow:
        for number in range(rows):
            uow.audit.note(
                user_id=None,
                action="looked",
                subject_kind="patient",
                subject=new_id(),
                detail={"n": number, "share": 0.1, "words": "随访", "nested": {"b": [1, None], "a": True}},
            )
        uow.commit()


def seal(units: UnitsOfWork, limit: int = 1000) -> int:
    with units() as uow:
        sealed = uow.audit_chain.seal(limit=limit)
        uow.commit()
    return sealed


def faults(units: UnitsOfWork, key: SigningKey) -> list[str]:
    return list(verify_audit(units, {key.fingerprint: key.private.public_key()}))


def as_owner_of_the_tables(units: UnitsOfWork, statement: str) -> None:
    """As somebody who can switch the triggers off."""
    with units.engine.begin() as connection:
        for table in ("audit_log", "audit_links", "audit_anchors"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(text(statement))


def test_what_many_write_at_once_is_sealed_once_and_whole(units: UnitsOfWork, key: SigningKey) -> None:
    def write_often() -> None:
        for _ in range(5):
            write(units, 3)

    writers = [threading.Thread(target=write_often) for _ in range(4)]
    for writer in writers:
        writer.start()
    sealed = 0
    while any(writer.is_alive() for writer in writers):
        sealed += seal(units)
    for writer in writers:
        writer.join()
    sealed += seal(units)
    assert sealed == 60
    assert sign_audit_head(units, lambda: key)
    assert faults(units, key) == []


def test_a_row_that_shows_later_than_its_followers_is_sealed_too(units: UnitsOfWork, key: SigningKey) -> None:
    with units() as slow:
        slow.audit.note(user_id=None, action="slow", subject_kind="patient", subject=new_id())
        write(units)
        assert seal(units) == 1
        slow.commit()
    assert seal(units) == 1
    assert faults(units, key) == []


def test_a_head_is_signed_once_an_hour(units: UnitsOfWork, key: SigningKey) -> None:
    write(units)
    seal(units)
    assert sign_audit_head(units, lambda: key)
    write(units)
    seal(units)
    assert not sign_audit_head(units, lambda: key)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE audit_log SET user_id = gen_random_uuid() WHERE position = 2", "(row 2): its row, or the link"),
        ("DELETE FROM audit_log WHERE position = 3", "(row 3): its row was taken out of the log"),
        ("DELETE FROM audit_links WHERE place = 2", "the links before it are missing, from 2 on"),
        ("DELETE FROM audit_links WHERE place > 3", "is missing from the chain: the log was cut off"),
        ("UPDATE audit_anchors SET hash = repeat('0', 64)", "another link than the one whose checksum was signed"),
        ("UPDATE audit_anchors SET at = at - interval '1 day'", "the signature of its head does not belong to it"),
    ],
)
def test_each_harm_is_told(units: UnitsOfWork, key: SigningKey, harm: str, told: str) -> None:
    write(units, 5)
    seal(units)
    sign_audit_head(units, lambda: key)
    as_owner_of_the_tables(units, harm)
    assert any(told in fault for fault in faults(units, key))


def test_a_row_put_in_with_an_old_time_is_told_until_it_is_sealed(units: UnitsOfWork) -> None:
    write(units)
    with units() as uow:
        assert list(unsealed_faults(uow)) == []
    as_owner_of_the_tables(
        units,
        "INSERT INTO audit_log (at, action, subject_kind, subject, detail) "
        "VALUES (now() - interval '1 day', 'forged', 'patient', 'x', '{}')",
    )
    with units() as uow:
        (fault,) = unsealed_faults(uow)
    assert "were never sealed" in fault


def test_the_links_only_grow(units: UnitsOfWork) -> None:
    write(units)
    seal(units)
    for statement in ("UPDATE audit_links SET hash = ''", "DELETE FROM audit_links", "TRUNCATE audit_anchors"):
        with units.engine.begin() as connection, pytest.raises(Exception, match="append-only"):
            connection.execute(text(statement))


def test_the_command_says_how_many_rows_are_sealed_and_fails_on_a_fault(
    units: UnitsOfWork, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    check: Callable[[StringIO], int] = lambda out: verify_command.run_audit(settings, database_url, out=out)  # noqa: E731
    write(units, 2)
    seal(units)
    said = StringIO()
    assert check(said) == 0
    assert "2 sealed rows, 0 to be sealed and 0 faults" in said.getvalue()
    as_owner_of_the_tables(units, "UPDATE audit_log SET action = 'x' WHERE position = 1")
    said = StringIO()
    assert check(said) == 1
    assert "audit link 1 (row 1)" in said.getvalue()
    with units() as uow:
        assert uow.audit_chain.never_sealed(before=uow.now + timedelta(minutes=1), limit=5) == []
