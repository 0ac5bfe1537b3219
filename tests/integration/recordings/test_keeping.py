"""A recording's later life on a real database: kept by the longest rule, held, destroyed with proof."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import soundfile
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.consent import Purpose
from db import holding
from db.engine import make_engine
from db.metadata import metadata
from db.purges import GO, STAY
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.events import EventKind
from followup.offsets import Offset
from followup.outcomes import AttemptOutcome
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from followup.retention import HoldState, KeepingPolicy, LegalHold, PurgeState, RetentionRule, RetentionRules
from recordings.ingest import ingest
from recordings.object_store import ObjectStore, ObjectStoreError
from recordings.opus import make_copy
from recordings.purging import PurgeDesk, purge
from runtime.identifiers import new_id
from scheduler import recording_keeping
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, a_user, an_attempt
from tests.support.spool import voice, write_spool

ZONE = ZoneInfo("Asia/Shanghai")
RULES = RetentionRules(
    id="test",
    version=1,
    floor=Offset.parse("10 d"),
    rules=(
        RetentionRule(id="conversation", keep=Offset.parse("30 d")),
        RetentionRule(id="complaint", keep=Offset.parse("90 d"), complaint=True),
        RetentionRule(id="survey", keep=Offset.parse("60 d"), purposes=frozenset({Purpose.SURVEY})),
    ),
)
SHORTER = replace(
    RULES, version=2, rules=(RetentionRule(id="conversation", keep=Offset.parse("12 d")), *RULES.rules[1:])
)


class House:
    """Units of work on a clock that can be set ahead, a store, and what the scheduler does."""

    def __init__(self, url: str, folder: Path) -> None:
        self.ahead = timedelta(0)
        self.engine = make_engine(url)
        self.units = UnitsOfWork(self.engine, clock=self._clock)
        self.store = ObjectStore(folder / "store")
        self.folder = folder

    def _clock(self, now: datetime) -> datetime:
        return now + self.ahead

    def desk(self, rules: RetentionRules = RULES, store: Any = None) -> PurgeDesk:
        return PurgeDesk(units_of_work=self.units, store=store or self.store, rules=rules, zone=ZONE)

    def settle(self, rules: RetentionRules = RULES, *, purges: bool = True) -> list[str]:
        """What the scheduler does; the recordings that it sends to their end."""
        repairs: Any = type("Scheduler", (), {})()
        repairs.units_of_work = self.units
        repairs.keeping = KeepingPolicy(rules=rules, zone=ZONE, purges=purges)
        with self.units() as uow:
            uow.outbox.mark_published([event.id for event in uow.outbox.unpublished()], uow.now)
            uow.commit()
        recording_keeping.settle_keepings(repairs)
        recording_keeping.mind_legal_holds(repairs)
        recording_keeping.purge_recordings(repairs)
        with self.units() as uow:
            return [e.subject for e in uow.outbox.unpublished() if e.kind == EventKind.RECORDING_TIME_OVER]

    def row(self, recording_id: str) -> Recording:
        with self.units() as uow:
            found = uow.recordings.get(recording_id)
            assert found is not None
            uow.commit()
            return found

    def stored(self, *, purpose: Purpose = Purpose.CARE) -> str:
        """A stored recording of a call that is closed, with its transcript."""
        spool = write_spool(self.folder / "spool" / new_id(), agent=voice(1, 800), patient=voice(2, 800))
        with self.units() as uow:
            task = a_task(uow, a_patient(uow), a_queue(uow, purpose=purpose))
            attempt = an_attempt(
                uow, task, state=AttemptState.CLOSED, closed_at=uow.now, outcome=AttemptOutcome.CONNECTED_PATIENT
            )
            started = uow.now
            recording = a_recording(uow, a_call(uow, attempt), spool, started_at=started)
            uow.commit()
        (spool / "recording.json").unlink()  # so that the row's own start counts
        ingest(self.units, self.store, recording.id)
        with self.units() as uow:
            uow.recordings.add_transcript(
                Transcript(
                    id=new_id(),
                    recording_id=recording.id,
                    language="zh",
                    engine="test",
                    model="test",
                    parameters={},
                    turns=[Turn(channel=Channel.PATIENT, start=0, end=1, text="血压一百四十", confidence=0.9)],
                    created_at=uow.now,
                )
            )
            uow.commit()
        return recording.id


@pytest.fixture
def house(module_database_url: str, tmp_path: Path) -> Iterator[House]:
    made = House(module_database_url, tmp_path)
    yield made
    with made.engine.begin() as connection:
        # One database serves all tests here: what this one left is nobody's any more.
        connection.execute(text("UPDATE recordings SET state = 'expired'"))
        connection.execute(text("UPDATE legal_holds SET state = 'released'"))
        connection.execute(text("UPDATE requests SET state = 'closed'"))
    made.engine.dispose()


def a_hold(uow: UnitOfWork, recording: Recording, *, whole_patient: bool = False, **values: Any) -> LegalHold:
    return LegalHold(
        **{
            "id": new_id(),
            "patient_id": recording.patient_id,
            "recording_id": None if whole_patient else recording.id,
            "case": "D-7",
            "reason": "a dispute",
            "placed_by": a_user(uow).id,
            "placed_at": uow.now,
            "until": None,
            **values,
        }
    )


def test_every_table_that_tells_of_recordings_goes_with_them_or_stays_for_a_reason() -> None:
    tells = {
        table.name
        for table in metadata.sorted_tables
        if any(key.column.table.name in ("recordings", "transcripts") for key in table.foreign_keys)
    }
    assert tells == {*GO, *STAY}


def test_what_is_over_is_destroyed_with_its_words_and_the_proof_stays(house: House) -> None:
    recording_id = house.stored()
    make_copy(house.units, house.store, recording_id, work=house.folder / "work")
    before = house.row(recording_id)
    with house.units() as uow:
        copy = uow.recording_copies.of_recording(recording_id)
    assert copy is not None
    assert before.uri is not None
    assert house.settle() == []
    house.ahead = timedelta(days=29)
    assert house.settle() == []
    house.ahead = timedelta(days=31)
    assert house.settle() == [recording_id]

    purge(house.desk(), recording_id)
    purge(house.desk(), recording_id)

    gone = house.row(recording_id)
    assert (gone.state, gone.peaks, gone.spool) == (RecordingState.EXPIRED, None, None)
    assert not house.store.exists(before.uri)
    assert not house.store.exists(copy.uri)
    with house.units() as uow:
        assert uow.recordings.transcripts(recording_id) == []
        assert uow.recording_copies.of_recording(recording_id) is None
        proof = uow.purges.of_recording(recording_id)
        assert proof is not None
        assert (proof.state, proof.rule, proof.edition) == (PurgeState.DONE, "conversation", "test/1")
        assert (proof.sha256, proof.uri, proof.size) == (before.sha256, before.uri, before.size)
        assert proof.removed["transcripts"] == 1
        assert [row.action for row in uow.audit.of_subject("recording", recording_id)] == ["recording_purged"]
    assert house.settle() == []


def test_a_proof_is_never_changed_or_taken_away(house: House) -> None:
    recording_id = house.stored()
    house.settle()
    house.ahead = timedelta(days=31)
    purge(house.desk(), recording_id)
    for statement in ("DELETE FROM purges", "UPDATE purges SET rule = 'other'", "TRUNCATE purges"):
        with house.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))


def test_an_installation_that_does_not_destroy_only_tells(house: House) -> None:
    recording_id = house.stored()
    house.settle()
    house.ahead = timedelta(days=31)
    assert house.settle(purges=False) == []
    with house.units() as uow:
        (outlook,) = uow.retention.outlook(now=uow.now, at=uow.now)
    assert (outlook.rule, outlook.recordings, outlook.due, outlook.held) == ("conversation", 1, 1, 0)
    assert house.row(recording_id).state is RecordingState.STORED


def test_what_was_learned_since_keeps_it_longer_at_the_last_moment(house: House) -> None:
    recording_id = house.stored()
    house.settle()
    house.ahead = timedelta(days=31)
    with house.units() as uow:
        call_id = uow.recordings.get(recording_id).call_id  # type: ignore[union-attr]
        user = a_user(uow)
        uow.flush()
        request_id = new_id()
        uow._session.execute(
            text(
                "INSERT INTO requests (id, kind, cause, restricted, departments, text, state, received_by, received_at,"
                " owner_id, due_on, decision, reply) VALUES (:id, 'complaint', 'waiting', false, '[]', '', 'received',"
                " :user, now(), :user, now(), '', '')"
            ),
            {"id": request_id, "user": user.id},
        )
        uow._session.execute(
            text("INSERT INTO request_calls (request_id, call_id, linked_at) VALUES (:request, :call, now())"),
            {"request": request_id, "call": call_id},
        )
        uow.commit()
    purge(house.desk(), recording_id)
    assert house.row(recording_id).state is RecordingState.STORED
    house.ahead = timedelta(days=91)
    purge(house.desk(), recording_id)
    assert house.row(recording_id).state is RecordingState.EXPIRED


def test_an_open_dispute_of_the_patient_holds_by_itself(house: House) -> None:
    recording_id = house.stored()
    house.settle()
    with house.units() as uow:
        user = a_user(uow)
        uow.flush()
        uow._session.execute(
            text(
                "INSERT INTO requests (id, kind, cause, restricted, departments, text, state, patient_id, received_by,"
                " received_at, owner_id, due_on, decision, reply) VALUES (:id, 'dispute', 'x', false, '[]', '',"
                " 'received', :patient, :user, now(), :user, now(), '', '')"
            ),
            {"id": new_id(), "patient": house.row(recording_id).patient_id, "user": user.id},
        )
        uow.commit()
    house.ahead = timedelta(days=400)
    assert house.settle() == []
    purge(house.desk(), recording_id)
    held = house.row(recording_id)
    assert (held.state, held.legal_hold) == (RecordingState.STORED, True)


@pytest.mark.parametrize("whole_patient", [False, True])
def test_a_held_recording_is_not_destroyed_until_two_people_lift_the_hold(house: House, whole_patient: bool) -> None:
    recording_id = house.stored()
    house.settle()
    with house.units() as uow:
        recording = uow.recordings.get(recording_id)
        assert recording is not None
        hold = a_hold(uow, recording, whole_patient=whole_patient)
        assert holding.place(uow, hold) == 1
        uow.commit()
    house.ahead = timedelta(days=31)
    assert house.settle() == []
    purge(house.desk(), recording_id)
    assert (house.row(recording_id).legal_hold, house.row(recording_id).state) == (True, RecordingState.STORED)

    with house.units() as uow:
        found = uow.legal_holds.for_update(hold.id)
        assert found is not None
        holding.ask_release(uow, found, by=hold.placed_by, because="settled")
        uow.commit()
    purge(house.desk(), recording_id)
    assert house.row(recording_id).state is RecordingState.STORED
    with house.units() as uow:
        found = uow.legal_holds.for_update(hold.id)
        assert found is not None
        assert holding.release(uow, found, by=a_user(uow).id) == 1
        uow.commit()
    assert house.settle() == [recording_id]
    purge(house.desk(), recording_id)
    assert house.row(recording_id).state is RecordingState.EXPIRED
    with house.units() as uow:
        kinds = [line.kind.value for line in uow.vault.lines_of(recording_id)]
    assert kinds[-3:] == ["held", "released", "purged"]


def test_a_patient_under_hold_has_his_later_recordings_held_too_and_a_hold_with_a_last_day_ends(house: House) -> None:
    first = house.stored()
    with house.units() as uow:
        recording = uow.recordings.get(first)
        assert recording is not None
        hold = a_hold(uow, recording, whole_patient=True, until=uow.now + timedelta(days=50))
        holding.place(uow, hold)
        uow.commit()
    second = house.stored()
    with house.units() as uow:
        uow._session.execute(
            text("UPDATE recordings SET patient_id = :patient WHERE id = :id"),
            {"patient": hold.patient_id, "id": second},
        )
        uow.commit()
    house.settle()
    assert house.row(second).legal_hold
    house.ahead = timedelta(days=49)
    assert house.settle() == []
    house.ahead = timedelta(days=51)
    assert set(house.settle()) == {first, second}
    assert not house.row(first).legal_hold
    with house.units() as uow:
        ended = uow.legal_holds.get(hold.id)
    assert ended is not None
    assert ended.state is HoldState.LAPSED


def test_shorter_rules_change_nothing_until_somebody_confirms_them(house: House) -> None:
    recording_id = house.stored()
    house.settle()
    house.ahead = timedelta(days=15)
    assert house.settle(SHORTER) == []
    with house.units() as uow:
        (outlook,) = uow.retention.outlook(now=uow.now, at=uow.now)
        assert (outlook.would_be_shorter, outlook.due) == (1, 0)
        assert uow.retention.confirm_shorter(SHORTER.edition, by=a_user(uow).id, because="agreed", now=uow.now) == 1
        uow.commit()
    assert house.settle(SHORTER) == [recording_id]
    purge(house.desk(SHORTER), recording_id)
    assert house.row(recording_id).state is RecordingState.EXPIRED


def test_longer_rules_hold_at_once(house: House) -> None:
    house.stored()
    house.settle(SHORTER)
    house.ahead = timedelta(days=15)
    assert house.settle(replace(RULES, version=3)) == []


def test_a_call_that_nobody_closed_yet_is_not_classed(house: House) -> None:
    recording_id = house.stored()
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE attempts SET state = 'wrap_up', closed_at = NULL, outcome = NULL"))
    house.settle()
    with house.units() as uow:
        assert uow.retention.keepings([recording_id]) == {}
        assert uow.retention.count_unsettled() == 1
    house.ahead = timedelta(days=8)
    house.settle()
    with house.units() as uow:
        assert set(uow.retention.keepings([recording_id])) == {recording_id}


def test_a_store_that_is_away_leaves_the_proof_begun_and_the_next_run_ends_it(house: House) -> None:
    class AwayStore(ObjectStore):
        def delete(self, uri: str) -> None:
            raise ObjectStoreError(f"the object store could not delete {uri}: away")

    recording_id = house.stored()
    house.settle()
    house.ahead = timedelta(days=31)
    purge(house.desk(store=AwayStore(house.folder / "store")), recording_id)
    with house.units() as uow:
        proof = uow.purges.of_recording(recording_id)
        assert proof is not None
        assert (proof.state, proof.done_at) == (PurgeState.BEGUN, None)
        assert proof.trouble.endswith("away")
    assert house.row(recording_id).state is RecordingState.EXPIRED
    assert house.settle(purges=False) == [recording_id]
    purge(house.desk(), recording_id)
    with house.units() as uow:
        proof = uow.purges.of_recording(recording_id)
    assert proof is not None
    assert (proof.state, proof.trouble) == (PurgeState.DONE, "")


def test_a_run_that_dies_between_rows_and_objects_is_ended_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DeathError(BaseException):
        pass

    def die(*_: object) -> None:
        raise DeathError

    recording_id = house.stored()
    uri = house.row(recording_id).uri or ""
    house.settle()
    house.ahead = timedelta(days=31)
    with monkeypatch.context() as dying:
        dying.setattr("recordings.purging._finish", die)
        with pytest.raises(DeathError):
            purge(house.desk(), recording_id)
    assert house.store.exists(uri)
    purge(house.desk(), recording_id)
    assert not house.store.exists(uri)


def test_a_failed_recording_is_destroyed_with_its_spool(house: House) -> None:
    spool = write_spool(house.folder / "spool" / "failed", agent=voice(1, 0), patient=None)
    with house.units() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        attempt = an_attempt(uow, task, state=AttemptState.CLOSED, closed_at=uow.now)
        recording = a_recording(uow, a_call(uow, attempt), spool, started_at=uow.now)
        uow.commit()
    ingest(house.units, house.store, recording.id)
    assert house.row(recording.id).state is RecordingState.FAILED
    house.settle()
    house.ahead = timedelta(days=31)
    purge(house.desk(), recording.id)
    assert house.row(recording.id).state is RecordingState.EXPIRED
    assert not spool.exists()


def test_the_copy_for_listening_is_opus_of_both_sides_and_made_once(house: House) -> None:
    recording_id = house.stored()
    for _ in range(2):
        make_copy(house.units, house.store, recording_id, work=house.folder / "work")
    with house.units() as uow:
        copy = uow.recording_copies.of_recording(recording_id)
    assert copy is not None
    sound = soundfile.SoundFile(io.BytesIO(house.store.read(copy.uri)))
    assert (sound.format, sound.subtype, sound.channels, sound.samplerate) == ("OGG", "OPUS", 2, 8000)
    assert sound.frames == 800
    assert list((house.folder / "work").iterdir()) == []
