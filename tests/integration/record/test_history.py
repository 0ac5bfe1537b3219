"""History in versions: a source's word again is no change, a newer one supersedes, a decision outlasts a replay."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from care.history import EntryOutdatedError, EntryState, HistoryEntry, HistoryKind, groups_of
from care.patients import Patient, PatientId
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    made = make_engine(module_database_url)
    yield made
    made.dispose()


@pytest.fixture
def units(engine: Engine) -> UnitsOfWork:
    return UnitsOfWork(engine)


def _person(units: UnitsOfWork) -> PatientId:
    patient_id = PatientId(new_id())
    with units() as uow:
        uow.patients.add(
            Patient(
                id=patient_id,
                record_number=patient_id[:12],
                name="王小明",
                language="zh",
                zone="Asia/Shanghai",
                created_at=NOON,
            )
        )
        uow.commit()
    return patient_id


def _entry(patient_id: PatientId, **more: object) -> HistoryEntry:
    values: dict[str, object] = {
        "kind": HistoryKind.CONDITION,
        "code": "E11.9",
        "name": "2型糖尿病",
        "source": "hl7:HIS",
        "source_key": "DG1/E11.9",
        "recorded_at": NOON,
    }
    return HistoryEntry(id=new_id(), patient_id=patient_id, **(values | more))  # type: ignore[arg-type]


def _put(units: UnitsOfWork, entry: HistoryEntry) -> HistoryEntry:
    with units() as uow:
        held = uow.history.put(entry)
        uow.commit()
    return held


def test_the_same_word_of_the_same_source_twice_is_no_change(units: UnitsOfWork) -> None:
    patient = _person(units)
    first = _put(units, _entry(patient))
    second = _put(units, _entry(patient, recorded_at=NOON + timedelta(days=1)))
    assert second.id == first.id
    with units() as uow:
        assert [entry.version for entry in uow.history.versions_of(first.id)] == [1]


def test_a_newer_word_supersedes_the_old_one_which_is_kept(units: UnitsOfWork) -> None:
    patient = _person(units)
    old = _put(units, _entry(patient))
    later = NOON + timedelta(days=1)
    new = _put(units, _entry(patient, since=date(2019, 3, 1), recorded_at=later))
    with units() as uow:
        assert [entry.id for entry in uow.history.current_of(patient)] == [new.id]
        versions = uow.history.versions_of(new.id)
    assert [(entry.id, entry.version, entry.since, entry.superseded_at) for entry in versions] == [
        (old.id, 1, None, later),
        (new.id, 2, date(2019, 3, 1), None),
    ]


def test_what_comes_late_is_kept_but_does_not_hold(units: UnitsOfWork) -> None:
    patient = _person(units)
    held = _put(units, _entry(patient, state=EntryState.RESOLVED, stated_at=NOON))
    late = _entry(patient, stated_at=NOON - timedelta(hours=2), recorded_at=NOON + timedelta(hours=1))
    assert _put(units, late).id == held.id
    assert _put(units, late).id == held.id, "the same late word twice"
    with units() as uow:
        assert [entry.state for entry in uow.history.current_of(patient)] == [EntryState.RESOLVED]
        assert [entry.version for entry in uow.history.versions_of(held.id)] == [1, 2]
    # The source's last word is still the one of noon: saying it again changes nothing.
    assert _put(units, _entry(patient, state=EntryState.RESOLVED, stated_at=NOON)).id == held.id


def test_a_decision_outlasts_a_replay_and_ends_with_another_word_of_the_source(units: UnitsOfWork) -> None:
    patient = _person(units)
    sent = _put(units, _entry(patient))
    doctor = new_id()
    with units() as uow:
        decided = uow.history.decide(
            sent.id, state=EntryState.REFUTED, note="mixed up", by=doctor, at=NOON + timedelta(days=1)
        )
        uow.commit()
    assert _put(units, _entry(patient, recorded_at=NOON + timedelta(days=2))).id == decided.id
    groups = Content(REPOSITORY / "content").diagnosis_groups
    with units() as uow:
        current = uow.history.current_of(patient)
    assert [(entry.state, entry.recorded_by) for entry in current] == [(EntryState.REFUTED, doctor)]
    assert groups_of(current, groups) == frozenset()
    other = _put(units, _entry(patient, code="E11.2", recorded_at=NOON + timedelta(days=3)))
    assert (other.version, other.state, other.decided) == (3, EntryState.ACTIVE, False)
    with units() as uow:
        assert {"diabetes", "ckd"} <= groups_of(uow.history.current_of(patient), groups)


def test_a_confirmation_is_a_version_that_a_replay_leaves_alone(units: UnitsOfWork) -> None:
    patient = _person(units)
    sent = _put(units, _entry(patient))
    nurse = new_id()
    asked = NOON + timedelta(days=1)
    with units() as uow:
        confirmed = uow.history.confirm(sent.id, by=nurse, at=asked)
        uow.commit()
    assert (confirmed.confirmed_at, confirmed.recorded_by, confirmed.version) == (asked, nurse, 2)
    assert _put(units, _entry(patient, recorded_at=asked + timedelta(days=1))).id == confirmed.id


def test_who_decides_about_an_outdated_version_is_told_so(units: UnitsOfWork) -> None:
    patient = _person(units)
    old = _put(units, _entry(patient))
    _put(units, _entry(patient, note="since 2019", recorded_at=NOON + timedelta(days=1)))
    with units() as uow, pytest.raises(EntryOutdatedError, match="load the record again"):
        uow.history.confirm(old.id, by=new_id(), at=NOON)


def test_another_patient_with_the_same_key_has_entries_of_his_own(units: UnitsOfWork) -> None:
    one, other = _person(units), _person(units)
    _put(units, _entry(one))
    _put(units, _entry(other, state=EntryState.RESOLVED))
    with units() as uow:
        assert [entry.state for entry in uow.history.current_of(one)] == [EntryState.ACTIVE]
        assert [entry.state for entry in uow.history.current_of(other, HistoryKind.CONDITION)] == [EntryState.RESOLVED]
        assert uow.history.current_of(other, HistoryKind.ALLERGY) == []


@pytest.mark.parametrize("statement", ["UPDATE history_entries SET name = 'x'", "DELETE FROM history_entries"])
def test_the_database_keeps_versions_as_they_are(units: UnitsOfWork, engine: Engine, statement: str) -> None:
    _put(units, _entry(_person(units)))
    with engine.begin() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(text(statement))


def test_versions_go_over_with_a_merged_record_and_its_like_stays_behind(units: UnitsOfWork) -> None:
    one, other = _person(units), _person(units)
    _put(units, _entry(one))
    kept = _put(units, _entry(one, note="since 2019", recorded_at=NOON + timedelta(days=1)))
    _put(units, _entry(other, source_key="DG1/I10", code="I10", name="高血压"))
    with units() as uow:
        uow.merges.merge(from_patient=one, into_patient=other, reason="one person", by=new_id(), at=NOON)
        uow.commit()
    with units() as uow:
        assert {entry.code for entry in uow.history.current_of(other)} == {"E11.9", "I10"}
        assert [entry.version for entry in uow.history.versions_of(kept.id)] == [1, 2]
        assert uow.history.current_of(one) == []
    # What the source says again of the merged record is no change either.
    assert _put(units, _entry(other, note="since 2019", recorded_at=NOON + timedelta(days=2))).id == kept.id


def test_two_who_say_the_same_at_once_make_one_entry(units: UnitsOfWork) -> None:
    patient = _person(units)
    entries = [_entry(patient, note=f"said by {place}") for place in range(6)]
    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(lambda entry: _put(units, entry), entries))
    with units() as uow:
        (current,) = uow.history.current_of(patient)
        versions = uow.history.versions_of(current.id)
    assert [entry.version for entry in versions] == [1, 2, 3, 4, 5, 6]
    assert sum(entry.superseded_at is None for entry in versions) == 1
