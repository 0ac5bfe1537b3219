"""What sources say of the person: the rule decides, the old words are kept, a replay changes nothing."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from care.conflicts import PersonField, SourcePolicy
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import a_patient

POLICIES = Content(REPOSITORY / "content").source_ranks.person


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    made = make_engine(module_database_url)
    yield made
    made.dispose()


@pytest.fixture
def units(engine: Engine) -> UnitsOfWork:
    return UnitsOfWork(engine)


def _opened(units: UnitsOfWork) -> str:
    with units() as uow:
        patient = a_patient(uow, name="王小明", born=date(1958, 3, 2), sex="male")
        uow.commit()
    return patient.id


def _say(
    units: UnitsOfWork,
    patient_id: str,
    values: dict[PersonField, str | None],
    *,
    source: str,
    minutes: int = 0,
    policies: dict[PersonField, SourcePolicy] | None = None,
) -> tuple[PersonField, ...]:
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        changed = uow.stated.state(
            patient,
            values,
            source=source,
            policies=policies or POLICIES,
            at=uow.now,
            stated_at=patient.created_at + timedelta(minutes=minutes),
        )
        uow.commit()
    return changed


def test_the_more_trusted_source_replaces_what_stood_and_what_stood_is_kept(units: UnitsOfWork) -> None:
    patient_id = _opened(units)
    assert _say(units, patient_id, {PersonField.BORN: "1958-03-20"}, source="hl7:HIS") == (PersonField.BORN,)
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        assert patient.born == date(1958, 3, 20)
        settled = uow.stated.settled(patient, POLICIES)[PersonField.BORN]
        said = [(word.source, word.value) for word in uow.stated.versions_of(patient_id, PersonField.BORN)]
    assert settled.holds is not None
    assert (settled.holds.source, [other.value for other in settled.others]) == ("hl7:HIS", ["1958-03-02"])
    assert said == [("card", "1958-03-02"), ("hl7:HIS", "1958-03-20")]


def test_the_less_trusted_source_is_kept_beside_and_changes_nothing(units: UnitsOfWork) -> None:
    patient_id = _opened(units)
    assert _say(units, patient_id, {PersonField.NAME: "王晓明"}, source="list:physical", minutes=5) == ()
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        assert patient.name == "王小明"
        assert [w.value for w in uow.stated.settled(patient, POLICIES)[PersonField.NAME].others] == ["王晓明"]


def test_the_same_feed_twice_changes_nothing(units: UnitsOfWork) -> None:
    patient_id = _opened(units)
    values: dict[PersonField, str | None] = {PersonField.NAME: "王晓明", PersonField.SEX: "male"}
    _say(units, patient_id, values, source="hl7:HIS", minutes=1)
    assert _say(units, patient_id, values, source="hl7:HIS", minutes=2) == ()
    with units() as uow:
        assert len(uow.stated.versions_of(patient_id, PersonField.NAME)) == 2


def test_a_message_that_comes_late_is_kept_and_does_not_hold(units: UnitsOfWork) -> None:
    patient_id = _opened(units)
    _say(units, patient_id, {PersonField.NAME: "王晓明"}, source="hl7:HIS", minutes=9)
    for _ in range(2):
        assert _say(units, patient_id, {PersonField.NAME: "王小敏"}, source="hl7:HIS", minutes=3) == ()
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        assert patient.name == "王晓明"
        said = [word.value for word in uow.stated.versions_of(patient_id, PersonField.NAME)]
    assert said == ["王小明", "王晓明", "王小敏"]


def test_a_word_taken_back_leaves_the_next_source_standing_but_never_no_name(units: UnitsOfWork) -> None:
    patient_id = _opened(units)
    _say(units, patient_id, {PersonField.NAME: "王晓明", PersonField.SEX: "female"}, source="hl7:HIS", minutes=1)
    taken_back: dict[PersonField, str | None] = {PersonField.NAME: None, PersonField.SEX: None}
    changed = _say(units, patient_id, taken_back, source="hl7:HIS", minutes=2)
    assert set(changed) == {PersonField.NAME, PersonField.SEX}
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        assert (patient.name, patient.sex) == ("王小明", "male")


def test_what_was_written_past_this_place_is_kept_as_a_version_first(units: UnitsOfWork) -> None:
    patient_id = _opened(units)
    _say(units, patient_id, {PersonField.DIALECT: "闽南语"}, source="list:one", minutes=1)
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        patient.dialect = "粤语"
        uow.commit()
    _say(units, patient_id, {PersonField.DIALECT: "吴语"}, source="hand:nurse", minutes=3)
    with units() as uow:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        assert patient.dialect == "吴语"
        said = {word.value for word in uow.stated.versions_of(patient_id, PersonField.DIALECT)}
    assert said == {"闽南语", "粤语", "吴语"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({PersonField.BORN: "1958-02-30"}, "no day of the calendar"),
        ({PersonField.BORN: "2158-02-03"}, "in the future"),
        ({PersonField.SEX: "m"}, "write one of female, male"),
        ({PersonField.NAME: "王" * 201}, "at most 200"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_nothing_is_kept(
    units: UnitsOfWork, values: dict[PersonField, str | None], words: str
) -> None:
    patient_id = _opened(units)
    with pytest.raises(ValueError, match=words):
        _say(units, patient_id, values, source="hl7:HIS")
    with units() as uow:
        assert uow.stated.versions_of(patient_id, next(iter(values))) == []


def test_the_database_keeps_the_words_as_they_were(units: UnitsOfWork, engine: Engine) -> None:
    _say(units, _opened(units), {PersonField.SEX: "female"}, source="hl7:HIS")
    with engine.begin() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(text("UPDATE stated_values SET value = 'other'"))
