"""The vault on a real database: keys of their own, wrapped apart, rotated without touching a recording."""

import hashlib
import io
import string
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.vault import WrappedKey
from followup.ledger import LedgerKind, faults_in
from followup.ports import RecordingStore
from followup.recordings import Recording, RecordingState
from recordings.ingest import ingest
from recordings.object_store import ObjectStore, recording_uri
from recordings.opening import open_vault
from recordings.rotation import Wrapped, wrap_anew
from recordings.sealing import SealBrokenError
from recordings.signing import head_message, is_signed, public_key, signing_key
from recordings.tending import REMAINS_REST, seal_clear, sign_head, take_away, tend
from recordings.vault import KeyGoneError, Vault
from recordings.vault_tasks import VaultParts, tend_vault
from recordings.wrapping_keys import KeyFile, WrappingKeyError
from runtime.identifiers import new_id
from runtime.settings import Settings
from runtime.worker_context import forget_parts, provide
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.spool import STARTED_AT, voice, write_spool

SOUND = b"fLaC" + bytes(range(256)) * 300


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def settings(units: UnitsOfWork, tmp_path: Path) -> Settings:
    with units.engine.begin() as connection:  # each test begins with an empty cabinet
        connection.execute(text("DELETE FROM vault_keys"))
        connection.execute(text("DELETE FROM vault_remains"))
    return Settings(state_dir=tmp_path / "state")


@pytest.fixture
def vault(settings: Settings, units: UnitsOfWork) -> Vault:
    return open_vault(settings, units)


def an_address() -> str:
    return recording_uri(new_id(), STARTED_AT, sealed=True)


def a_clear_recording(units: UnitsOfWork, vault: Vault, content: bytes = SOUND) -> Recording:
    """As it was stored before there was a vault."""
    with units() as uow:
        call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
        recording_id = new_id()
        uri = recording_uri(recording_id, uow.now)
        recording = a_recording(
            uow,
            call,
            Path("nowhere"),
            id=recording_id,
            state=RecordingState.STORED,
            uri=uri,
            sha256=hashlib.sha256(SOUND).hexdigest(),
            size=len(SOUND),
        )
        uow.commit()
    vault.objects.put(uri, content)
    return recording


def row(units: UnitsOfWork, recording_id: str) -> Recording:
    with units() as uow:
        found = uow.recordings.get(recording_id)
        assert found is not None
        uow.commit()
        return found


def test_what_is_put_in_is_read_back_whole_by_range_and_as_a_file_and_lies_sealed(vault: Vault) -> None:
    uri = an_address()
    vault.put(uri, SOUND)
    as_port: RecordingStore = vault
    assert as_port.read(uri) == SOUND
    assert as_port.read_range(uri, 4000, 9000) == SOUND[4000:9000]
    assert as_port.read_range(uri, len(SOUND) - 2, len(SOUND) + 9) == SOUND[-2:]
    with as_port.open(uri) as file:
        file.seek(-3, io.SEEK_END)
        assert file.read() == SOUND[-3:]
    lying = vault.objects.read(uri)
    assert b"fLaC" not in lying
    assert SOUND[:32] not in lying


def test_a_large_file_is_sealed_without_lying_in_clear_on_any_disk(
    vault: Vault, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recordings.vault._IN_MEMORY", 1000)
    plain, uri = tmp_path / "plain.flac", an_address()
    plain.write_bytes(SOUND)
    written: list[bytes] = []
    put_stream = ObjectStore.put_stream

    def looked_at(self: ObjectStore, uri: str, file: io.BufferedIOBase) -> None:
        written.append(file.read(8))
        file.seek(0)
        put_stream(self, uri, file)  # type: ignore[arg-type]

    monkeypatch.setattr(ObjectStore, "put_stream", looked_at)
    vault.put_file(uri, plain)
    assert written[0][:4] != b"fLaC"
    assert vault.read(uri) == SOUND
    assert list((settings.state_dir / "vault").iterdir()) == []


def test_an_address_that_does_not_say_sealed_is_never_written_in_clear(vault: Vault) -> None:
    with pytest.raises(ValueError, match="is not the address of a sealed file"):
        vault.put("store://recordings/2026/11/one.flac", SOUND)


def test_two_who_write_to_one_address_at_one_time_use_one_key(
    vault: Vault, settings: Settings, units: UnitsOfWork
) -> None:
    uri, together, faults = an_address(), threading.Barrier(3), list[BaseException]()

    def write() -> None:
        try:
            mine = open_vault(settings, units)  # as another process would
            together.wait()
            mine.put(uri, SOUND)
        except BaseException as fault:  # noqa: BLE001 shown by the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert vault.read(uri) == SOUND


def test_a_file_put_in_anothers_place_is_refused(vault: Vault) -> None:
    one, other = an_address(), an_address()
    vault.put(one, SOUND)
    vault.put(other, SOUND[::-1])
    vault.objects.put(one, vault.objects.read(other))
    with pytest.raises(SealBrokenError):
        vault.read(one)


def test_a_deleted_recording_cannot_be_opened_even_where_a_copy_of_the_file_is_left(vault: Vault) -> None:
    uri = an_address()
    vault.put(uri, SOUND)
    copy = vault.objects.read(uri)
    vault.delete(uri)
    assert not vault.exists(uri)
    vault.objects.put(uri, copy)
    with pytest.raises(KeyGoneError, match="was destroyed with its recording"):
        vault.read(uri)
    vault.delete(uri)


def test_a_lost_key_file_is_told_and_never_replaced_by_a_new_one(
    vault: Vault, settings: Settings, units: UnitsOfWork
) -> None:
    uri = an_address()
    vault.put(uri, SOUND)
    kept = settings.vault_key_path.rename(settings.vault_key_path.with_name("taken away"))
    fresh = open_vault(settings, units)
    with pytest.raises(WrappingKeyError, match="is missing: bring it back"):
        fresh.read(uri)
    with pytest.raises(WrappingKeyError, match=r"is missing, and \d+ recordings are sealed"):
        fresh.put(an_address(), SOUND)
    assert not settings.vault_key_path.exists()
    kept.rename(settings.vault_key_path)
    assert fresh.read(uri) == SOUND


def test_another_installations_key_file_opens_nothing_and_says_so(
    vault: Vault, settings: Settings, units: UnitsOfWork
) -> None:
    uri = an_address()
    vault.put(uri, SOUND)
    settings.vault_key_path.unlink()
    KeyFile(settings.vault_key_path).make()
    with pytest.raises(WrappingKeyError, match="does not hold the key file-key://"):
        open_vault(settings, units).read(uri)


def test_a_row_that_was_exchanged_for_anothers_opens_nothing(vault: Vault, units: UnitsOfWork) -> None:
    one, other = an_address(), an_address()
    vault.put(one, SOUND)
    vault.put(other, SOUND)
    with units() as uow:
        of_other = uow.vault.key(other)
        assert of_other is not None
        uow.vault.wrap_again(WrappedKey(uri=one, wrapped=of_other.wrapped, wrapped_by=of_other.wrapped_by))
        uow.commit()
    with pytest.raises(WrappingKeyError, match="its row was changed"):
        vault.read(one)


def rotate(units: UnitsOfWork, vault: Vault) -> Wrapped:
    return list(wrap_anew(units, vault.keys))[-1]


def test_rotating_wraps_every_key_anew_and_touches_no_recording(
    vault: Vault, settings: Settings, units: UnitsOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recordings.rotation._PAGE", 2)
    uris = [an_address() for _ in range(5)]
    for uri in uris:
        vault.put(uri, SOUND)
    lying = {uri: vault.objects.read(uri) for uri in uris}
    file = KeyFile(settings.vault_key_path)
    (old,) = file.names()
    new = file.add()
    assert vault.keys.wrapping.primary == old
    file.promote(new)

    assert rotate(units, vault) == Wrapped(done=5)

    with units() as uow:
        assert uow.vault.wrapping_counts() == {new: 5}
    assert {uri: vault.objects.read(uri) for uri in uris} == lying
    file.drop(old)
    fresh = open_vault(settings, units)
    assert [fresh.read(uri) for uri in uris] == [SOUND] * 5
    assert vault.read(uris[0]) == SOUND  # a process that began before it goes on
    with pytest.raises(WrappingKeyError, match="make another key and rotate to it first"):
        file.drop(new)


def test_a_key_that_cannot_be_opened_stops_no_rotation(vault: Vault, settings: Settings, units: UnitsOfWork) -> None:
    whole, harmed = an_address(), an_address()
    for uri in (whole, harmed):
        vault.put(uri, SOUND)
    with units() as uow:
        key = uow.vault.key(harmed)
        assert key is not None
        uow.vault.wrap_again(WrappedKey(uri=harmed, wrapped=key.wrapped.replace("A", "B"), wrapped_by=key.wrapped_by))
        uow.commit()
    file = KeyFile(settings.vault_key_path)
    file.promote(file.add())
    ended = rotate(units, vault)
    assert ended.done == 1
    assert [harmed in fault for fault in ended.faults] == [True]
    assert vault.read(whole) == SOUND


def test_what_was_stored_in_clear_is_sealed_and_the_clear_file_goes_when_its_readers_are_through(
    vault: Vault, units: UnitsOfWork
) -> None:
    recording = a_clear_recording(units, vault)
    clear = recording.uri or ""
    assert vault.read(clear) == SOUND
    sealed, left = seal_clear(units, vault)
    assert (sealed, left) == (1, ())
    after = row(units, recording.id)
    assert after.encrypted
    assert after.uri == clear + ".sealed"
    assert vault.read(after.uri) == SOUND
    with units() as uow:
        assert [line.kind for line in uow.vault.lines_of(recording.id)] == [LedgerKind.SEALED]
    assert take_away(units, vault) == 0
    assert vault.exists(clear)
    with units.engine.begin() as connection:
        connection.execute(text("UPDATE vault_remains SET since = since - :rest"), {"rest": 2 * REMAINS_REST})
    assert take_away(units, vault) == 1
    assert not vault.exists(clear)
    assert seal_clear(units, vault) == (0, ())


def test_a_clear_file_that_is_not_what_was_stored_is_kept_as_it_is_for_the_inquiry(
    vault: Vault, units: UnitsOfWork
) -> None:
    recording = a_clear_recording(units, vault, content=SOUND + b"more")
    assert seal_clear(units, vault) == (0, (recording.id,))
    after = row(units, recording.id)
    assert (after.uri, after.encrypted) == (recording.uri, False)
    assert vault.read(recording.uri or "") == SOUND + b"more"
    with units.engine.begin() as connection:
        connection.execute(text("UPDATE recordings SET uri = NULL WHERE id = :id"), {"id": recording.id})


def test_one_file_that_cannot_be_read_keeps_no_other_from_being_sealed_and_no_head_from_being_signed(
    settings: Settings, vault: Vault, units: UnitsOfWork, tmp_path: Path
) -> None:
    with units.engine.begin() as connection:
        connection.execute(text("UPDATE recordings SET uri = NULL"))
    both = sorted((a_clear_recording(units, vault), a_clear_recording(units, vault)), key=lambda each: each.id)
    bad, good = both
    place = settings.store_dir / (bad.uri or "").removeprefix("store://")
    place.unlink()
    place.mkdir()  # opens, and cannot be read
    signed = UnitsOfWork(units.engine, clock=lambda now: now + timedelta(days=400))
    with signed() as uow:
        uow.vault.enter(LedgerKind.STORED, good)
        uow.commit()
    done = tend(signed, vault, lambda: signing_key(tmp_path / "keys" / "signing.pem"), seconds=60)
    with units.engine.begin() as connection:
        connection.execute(text("UPDATE recordings SET uri = NULL"))
    assert (done.sealed, done.left_in_clear, done.signed) == (1, (bad.id,), True)


def test_a_head_signed_while_the_clock_was_a_year_ahead_keeps_no_later_one_unsigned(
    vault: Vault, units: UnitsOfWork, tmp_path: Path
) -> None:
    key = signing_key(tmp_path / "keys" / "signing.pem")
    for clock in (lambda now: now + timedelta(days=800), lambda now: now):
        with units() as uow:
            call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
            uow.vault.enter(LedgerKind.STORED, a_recording(uow, call, tmp_path))
            uow.commit()
        assert sign_head(UnitsOfWork(units.engine, clock=clock), lambda: key)


def test_a_worker_that_dies_before_the_row_is_changed_leaves_the_clear_file_in_use(
    vault: Vault, units: UnitsOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = a_clear_recording(units, vault)
    with monkeypatch.context() as dying:
        # The page, the key (looked for, made, looked for to read back), and then the row.
        dying.setattr(UnitsOfWork, "__call__", _dying_at(5))
        with pytest.raises(KeyboardInterrupt):
            seal_clear(units, vault)
    assert row(units, recording.id).uri == recording.uri
    assert seal_clear(units, vault) == (1, ())
    assert vault.read(row(units, recording.id).uri or "") == SOUND


def _dying_at(count: int) -> Callable[[UnitsOfWork], UnitOfWork]:
    calls, real = iter(range(1, 100)), UnitsOfWork.__call__

    def call(self: UnitsOfWork) -> UnitOfWork:
        if next(calls) == count:
            raise KeyboardInterrupt
        return real(self)

    return call


def test_ingest_seals_and_enters_the_ledger_in_the_same_transaction(
    vault: Vault, units: UnitsOfWork, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "spool" / "call", agent=voice(1, 8000), patient=voice(2, 9600))
    with units() as uow:
        attempt = an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow)))
        recording = a_recording(uow, a_call(uow, attempt), spool)
        uow.commit()
    ingest(units, vault, recording.id)
    stored = row(units, recording.id)
    assert stored.encrypted
    assert stored.uri == f"store://recordings/2026/11/{recording.id}.flac.sealed"
    assert hashlib.sha256(vault.read(stored.uri)).hexdigest() == stored.sha256
    with units() as uow:
        (line,) = uow.vault.lines_of(recording.id)
        assert line.kind is LedgerKind.STORED
        assert (line.facts["sha256"], line.facts["samples_sha256"]) == (stored.sha256, stored.samples_sha256)
        assert line.facts["call"] == stored.call_id
    with units() as uow:
        uow.vault.enter(LedgerKind.PURGED, stored)
    with units() as uow:
        assert [line.kind for line in uow.vault.lines_of(recording.id)] == [LedgerKind.STORED]


def test_lines_of_many_at_one_time_stand_in_one_chain(vault: Vault, units: UnitsOfWork) -> None:
    recording = a_clear_recording(units, vault)
    with units() as uow:
        begun = head.position if (head := uow.vault.head()) else 0

    def enter() -> None:
        for _ in range(5):
            with units() as uow:
                uow.vault.enter(LedgerKind.HELD, recording, why="inquiry 7")
                uow.commit()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with units() as uow:
        lines = uow.vault.lines(after=0, limit=10_000)
    assert len(lines) == begun + 20
    assert list(faults_in(lines)) == []
    assert lines[-1].facts["why"] == "inquiry 7"


@pytest.mark.parametrize("table", ["vault_ledger", "vault_anchors"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET hash = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_ledger_and_its_signed_heads_only_grow(units: UnitsOfWork, table: str, statement: str) -> None:
    with units.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement.format(table)))


def test_the_head_is_signed_once_a_day_and_only_when_something_was_added(
    vault: Vault, units: UnitsOfWork, tmp_path: Path
) -> None:
    recording = a_clear_recording(units, vault)
    with units() as uow:
        head = uow.vault.enter(LedgerKind.HELD, recording)
        uow.commit()
    key = signing_key(tmp_path / "keys" / "signing.pem")
    later = UnitsOfWork(units.engine, clock=lambda now: now + timedelta(days=30))
    assert sign_head(later, lambda: key)
    assert not sign_head(later, lambda: key)
    with units() as uow:
        anchor = uow.vault.last_anchor()
    assert anchor is not None
    assert (anchor.position, anchor.hash, anchor.key) == (head.position, head.hash, key.fingerprint)
    message = head_message(anchor.position, anchor.hash, anchor.at)
    assert is_signed(message, anchor.signature, public_key(key.public_pem))
    assert not is_signed(message + b" ", anchor.signature, public_key(key.public_pem))
    body, last = anchor.signature[:-3], anchor.signature[-3]
    for letter in set(string.ascii_letters + string.digits + "+/") - {last}:
        assert not is_signed(message, f"{body}{letter}==", public_key(key.public_pem))
    assert signing_key(tmp_path / "keys" / "signing.pem").fingerprint == key.fingerprint


def test_the_workers_parts_seal_and_tend_and_the_clock_asks_only_when_something_waits(
    settings: Settings, vault: Vault, units: UnitsOfWork, tmp_path: Path
) -> None:
    signed = UnitsOfWork(units.engine, clock=lambda now: now + timedelta(days=90))
    key = signing_key(tmp_path / "keys" / "signing.pem")
    sign_head(signed, lambda: key)
    with units.engine.begin() as connection:
        connection.execute(text("UPDATE recordings SET uri = NULL"))
    assert not needs_tending(units)
    recording = a_clear_recording(units, vault)
    assert needs_tending(units)
    provide(
        VaultParts(
            units_of_work=units, vault=vault, signing_key=partial(signing_key, tmp_path / "keys" / "signing.pem")
        )
    )
    try:
        tend_vault("vault")
        tend_vault("vault")
    finally:
        forget_parts()
    assert row(units, recording.id).encrypted
    assert not needs_tending(units)


def needs_tending(units: UnitsOfWork) -> bool:
    with units() as uow:
        return uow.vault.needs_tending(
            remains_before=uow.now - REMAINS_REST, anchored_before=uow.now - timedelta(days=1)
        )
