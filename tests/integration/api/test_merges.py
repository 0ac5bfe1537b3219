"""Two records become one and are parted again: every row traced, nothing lost, nothing forgotten."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Enum,
    LargeBinary,
    String,
    Table,
    TypeDecorator,
    Uuid,
    insert,
    literal_column,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from care.identifiers import IdentifierKind, PersonIdentifier
from care.patient_links import LinkKind
from care.patients import NumberQuality, Patient
from db.metadata import metadata
from db.users import Role
from followup.attempts import AttemptState
from followup.calling_hours import OwnHours
from followup.calls import CallState
from followup.events import EventKind
from followup.plans import PlanState
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt

SAME = {"reason": "one person, two record numbers"}
NOT_SAME = {"reason": "father and son of one name"}

NOTE = """
INSERT INTO notes (id, attempt_id, task_id, patient_id, language, text, state, created_at)
VALUES (gen_random_uuid(), :attempt, :task, :patient, 'zh', 'well', 'signed', now())
"""
CHECK = """
INSERT INTO identity_checks (id, attempt_id, patient_id, person, rule, passed, failed, enough, by, at)
VALUES (gen_random_uuid(), :attempt, :patient, 'patient', 'default/1', '[]', '[]', true, :user, now())
"""


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("merges")) as opened:
        yield opened


def two(house: House, **values: Any) -> tuple[Patient, Patient]:
    with house.rows() as uow:
        return a_patient(uow, **values), a_patient(uow, **values)


def merged(supervisor: Asking, gone: Patient, kept: Patient) -> dict[str, Any]:
    answer = supervisor.post(f"/patients/{gone.id}/merge", {"into": kept.id, **SAME})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def parted(supervisor: Asking, merge_id: str) -> dict[str, Any]:
    answer = supervisor.post(f"/merges/{merge_id}/undo", NOT_SAME)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def rows_of(house: House, patient_id: str) -> dict[str, set[str]]:
    """Every row in the database that refers to a patient, by table."""
    places = text(
        "SELECT tc.table_name, kcu.column_name FROM information_schema.table_constraints tc "
        "JOIN information_schema.key_column_usage kcu USING (constraint_name) "
        "JOIN information_schema.constraint_column_usage ccu USING (constraint_name) "
        "WHERE tc.constraint_type = 'FOREIGN KEY' AND ccu.table_name = 'patients' AND tc.table_name <> 'patient_merges'"
    )
    found: dict[str, set[str]] = {}
    with house.units.engine.connect() as connection:
        for table, column in connection.execute(places).all():
            rows = connection.execute(
                text(f"SELECT to_jsonb(t) - '{column}' FROM {table} t WHERE {column} = :id"),  # noqa: S608
                {"id": patient_id},
            )
            if told := {str(row[0]) for row in rows}:
                found[table] = told
    return found


def a_rich_record(house: House) -> Patient:
    """A patient with something in many tables, of which some never change otherwise."""
    with house.rows() as uow:
        patient = a_patient(uow, numbers=2, born=date(1960, 3, 2))
        queue = a_queue(uow)
        task = a_task(uow, patient, queue)
        attempt = an_attempt(uow, task, state=AttemptState.CLOSED)
        a_call(uow, attempt, state=CallState.ENDED)
        uow.patients.add_identifier(
            PersonIdentifier(
                id=new_id(), patient_id=patient.id, kind=IdentifierKind.INSURANCE, value=f"INS-{new_id()[:12]}"
            )
        )
        uow.objections.put_own_hours(patient.id, OwnHours(spans=(), wish=True), source="test", by=None, now=uow.now)
        uow.flush()
    return patient


def test_a_merger_that_is_taken_back_leaves_both_records_as_they_were(house: House, supervisor: Asking) -> None:
    gone, kept = a_rich_record(house), a_rich_record(house)
    before = rows_of(house, gone.id), rows_of(house, kept.id)
    assert len(before[0]) >= 7
    told = merged(supervisor, gone, kept)
    assert told["moved"]["calls"] == 1
    assert set(rows_of(house, gone.id)) == {"own_hours"}, "he has hours of his own there already"
    parted(supervisor, told["merge_id"])
    assert (rows_of(house, gone.id), rows_of(house, kept.id)) == before


def test_rows_that_never_change_go_over_too_and_nothing_else_of_them_can(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    gone, kept = two(house)
    with house.rows() as uow:
        attempt = an_attempt(uow, a_task(uow, gone, a_queue(uow)), state=AttemptState.CLOSED)
        a_call(uow, attempt, state=CallState.ENDED)
    ids = {"attempt": attempt.id, "task": attempt.task_id, "patient": gone.id, "user": agent.user_id}
    with house.units.engine.begin() as connection:
        for statement in (NOTE, CHECK):
            connection.execute(text(statement), {name: each for name, each in ids.items() if f":{name}" in statement})
    told = merged(supervisor, gone, kept)
    assert told["left_behind"] == {}
    assert (told["moved"]["notes"], told["moved"]["identity_checks"]) == (1, 1)
    for guarded in (
        "UPDATE notes SET text = 'ill'",
        "DELETE FROM notes",
        "DELETE FROM identity_checks",
        "UPDATE patient_merges SET reason = ''",
        "UPDATE audit_log SET action = ''",
    ):
        with house.units.engine.connect() as connection:
            connection.execute(text("SET LOCAL suifang.merging = 'on'"))
            with pytest.raises(DBAPIError, match=r"signed|append-only"):
                connection.execute(text(guarded))
    with pytest.raises(DBAPIError, match="append-only"), house.units.engine.begin() as connection:
        connection.execute(text("UPDATE identity_checks SET rule = ''"))


def test_what_came_after_the_merger_stays_but_for_what_hangs_on_what_goes_back(
    house: House, supervisor: Asking
) -> None:
    gone, kept = two(house)
    with house.rows() as uow:
        his = a_task(uow, gone, a_queue(uow))
    told = merged(supervisor, gone, kept)
    with house.rows() as uow:
        patient = uow.patients.get(kept.id)
        task = uow.plans.task(his.id)
        assert patient is not None
        assert task is not None
        new = a_task(uow, patient, a_queue(uow))
        on_his = an_attempt(uow, task, state=AttemptState.CLOSED)
        call = a_call(uow, on_his, state=CallState.ENDED)
        on_new = an_attempt(uow, new, state=AttemptState.CLOSED)
    back = parted(supervisor, told["merge_id"])
    assert (back["patient_id"], back["stayed"]) == (gone.id, {})
    assert (back["returned"]["attempts"], back["returned"]["calls"]) == (1, 1)
    with house.units() as uow:
        found = uow.attempts.get(on_his.id), uow.attempts.get(on_new.id), uow.calls.get(call.id)
        assert [each.patient_id for each in found if each] == [gone.id, kept.id, gone.id]


def test_what_is_known_of_a_number_and_a_death_goes_over_and_is_taken_back_with_the_merger(
    house: House, supervisor: Asking
) -> None:
    gone, kept = two(house)
    with house.rows() as uow:
        one, other = uow.patients.get(gone.id), uow.patients.get(kept.id)
        assert one is not None
        assert other is not None
        one.contact_points[0].number = other.contact_points[0].number
        one.contact_points[0].do_not_call = True
        one.contact_points[0].quality = NumberQuality.WRONG
        one.deceased_at = uow.now - timedelta(days=3)
    told = merged(supervisor, gone, kept)

    def known() -> tuple[bool, str, bool]:
        with house.units() as uow:
            patient = uow.patients.get(kept.id)
            assert patient is not None
            (point,) = patient.contact_points
            return point.do_not_call, point.quality.value, patient.deceased_at is not None

    assert known() == (True, "wrong", True)
    parted(supervisor, told["merge_id"])
    assert known() == (False, "unverified", False)


def test_what_somebody_learned_since_is_not_unlearned(house: House, supervisor: Asking) -> None:
    gone, kept = two(house)
    with house.rows() as uow:
        one, other = uow.patients.get(gone.id), uow.patients.get(kept.id)
        assert one is not None
        assert other is not None
        one.contact_points[0].number = other.contact_points[0].number
        one.contact_points[0].do_not_call = True
    told = merged(supervisor, gone, kept)
    with house.rows() as uow:
        other = uow.patients.get(kept.id)
        assert other is not None
        other.contact_points[0].quality = NumberQuality.VERIFIED
    parted(supervisor, told["merge_id"])
    with house.units() as uow:
        other = uow.patients.get(kept.id)
        assert other is not None
        assert (other.contact_points[0].do_not_call, other.contact_points[0].quality.value) == (True, "verified")


def test_a_chain_of_mergers_is_undone_from_its_end(house: House, supervisor: Asking) -> None:
    (first, second), (third, _) = two(house), two(house)
    one, other = merged(supervisor, first, second), merged(supervisor, second, third)
    told = supervisor.get(f"/patients/{third.id}/merges").json()
    assert set(told["whole"]) == {first.id, second.id, third.id}
    refused = supervisor.post(f"/merges/{one['merge_id']}/undo", NOT_SAME)
    assert (refused.status_code, refused.json()["field"]) == (409, "merge_id")
    assert third.id in refused.json()["reason"]
    parted(supervisor, other["merge_id"])
    parted(supervisor, one["merge_id"])
    assert "taken back already" in supervisor.post(f"/merges/{one['merge_id']}/undo", NOT_SAME).json()["reason"]
    trace = supervisor.get(f"/patients/{first.id}/merges").json()
    assert (trace["merged_into"], trace["whole"]) == (None, [first.id])
    (merge,) = trace["merges"]
    assert (merge["undone_because"], merge["undone_by"]) == (NOT_SAME["reason"], supervisor.user_id)
    # They turn out to be one person all the same.
    again = merged(supervisor, first, second)
    assert supervisor.get(f"/patients/{first.id}").json()["merged_into"] == second.id
    assert again["merge_id"] != one["merge_id"]


def test_nobody_is_parted_while_he_is_called(house: House, supervisor: Asking) -> None:
    gone, kept = two(house)
    told = merged(supervisor, gone, kept)
    with house.rows() as uow:
        patient = uow.patients.get(kept.id)
        assert patient is not None
        attempt = an_attempt(uow, a_task(uow, patient, a_queue(uow)), state=AttemptState.IN_CALL)
        a_call(uow, attempt, state=CallState.RINGING)
    refused = supervisor.post(f"/merges/{told['merge_id']}/undo", NOT_SAME)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    assert "is being called" in refused.json()["reason"]
    unknown = supervisor.post(f"/merges/{new_id()}/undo", NOT_SAME)
    assert (unknown.status_code, unknown.json()["field"]) == (404, "merge_id")


def test_rules_are_told_of_both_records_each_time(house: House, supervisor: Asking) -> None:
    gone, kept = two(house)
    told = merged(supervisor, gone, kept)
    parted(supervisor, told["merge_id"])
    query = text("SELECT subject FROM outbox WHERE kind = :kind AND subject IN (:one, :other)")
    with house.units.engine.connect() as connection:
        subjects = connection.execute(
            query, {"kind": EventKind.RECORD_CHANGED.value, "one": gone.id, "other": kept.id}
        ).scalars()
        assert sorted(subjects) == sorted([gone.id, kept.id] * 2)


def test_the_log_of_the_record_that_went_is_read_with_the_one_that_stays(
    house: House, agent: Asking, supervisor: Asking
) -> None:
    gone, kept = two(house)
    agent.get(f"/patients/{gone.id}")
    told = merged(supervisor, gone, kept)

    def looked() -> set[tuple[str, str]]:
        entries = supervisor.get(f"/patients/{kept.id}/audit?limit=200").json()["entries"]
        return {(entry["patient_id"], entry["action"]) for entry in entries}

    assert (gone.id, "patient_viewed") in looked()
    parted(supervisor, told["merge_id"])
    assert (gone.id, "patient_viewed") not in looked()
    page = supervisor.get(f"/patients/{gone.id}/audit?limit=1").json()
    older = supervisor.get(f"/patients/{gone.id}/audit?limit=200&before={page['next']}").json()["entries"]
    assert all(entry["position"] < page["next"] for entry in older)
    assert agent.get(f"/patients/{kept.id}/audit").status_code == 403


def test_pairs_that_may_be_one_are_listed_until_somebody_rules(house: House, supervisor: Asking) -> None:
    clerk = house.caller(Role.REGISTRAR)
    with house.rows() as uow:
        one = a_patient(uow, name="钱学深", born=date(1911, 12, 11))
        other = a_patient(uow, name="钱学森", born=date(1911, 12, 11))
        third = a_patient(uow, name="钱学申", born=date(1911, 12, 11))
        a_patient(uow, name="钱学申", born=date(1911, 12, 12))
    ids = {one.id, other.id, third.id}

    def pairs() -> list[set[str]]:
        seen, path = [], "/duplicates?limit=1"
        while True:
            page = clerk.get(path).json()
            seen += [{pair["one"]["patient_id"], pair["other"]["patient_id"]} for pair in page["pairs"]]
            if page["next_one"] is None:
                return [pair for pair in seen if pair <= ids]
            path = f"/duplicates?limit=1&after_one={page['next_one']}&after_other={page['next_other']}"

    # 深 and 申 are read shen, 森 is read sen.
    assert pairs() == [{one.id, third.id}]
    ruled = supervisor.post("/duplicates/apart", {"one": third.id, "other": one.id, **NOT_SAME})
    assert ruled.status_code == 201
    assert pairs() == []
    assert clerk.get(f"/patients/{one.id}/duplicates").json()["candidates"] == []
    assert supervisor.post("/duplicates/apart", {"one": one.id, "other": one.id, **NOT_SAME}).status_code == 422
    assert clerk.get(f"/duplicates?after_one={one.id}").json()["field"] == "after_other"


# What a row must hold besides its type and set of words, by table.
ROWS: dict[str, dict[str, Any]] = {
    "attempts": {"state": AttemptState.CLOSED},
    "calls": {"state": CallState.ENDED},
    "care_team_members": {"department": "心内科"},
    "plans": {"state": PlanState.COMPLETED},
    "patient_links": {"kind": LinkKind.RECORD},
}


class EverythingOf:
    """One row in every table that refers to a patient, with the rows on which it hangs."""

    def __init__(self, connection: Connection, patient: Patient, other: Patient) -> None:
        self._connection = connection
        self._keys: dict[str, Any] = {"patients": patient.id}
        self._other = other.id

    def write(self) -> set[str]:
        tables = [
            table
            for table in metadata.sorted_tables
            if table.name != "patient_merges" and any(key.column.table.name == "patients" for key in table.foreign_keys)
        ]
        for table in tables:
            self._key_of(table)
        return {table.name for table in tables}

    def _key_of(self, table: Table) -> Any:
        if table.name not in self._keys:
            row = {each.name: self._value(each) for each in table.columns if _wanted(each)} | ROWS.get(table.name, {})
            made = self._connection.execute(insert(table).values(row).returning(*table.primary_key.columns))
            self._keys[table.name] = made.one()[0]
        return self._keys[table.name]

    def _value(self, column: Column[Any]) -> Any:
        for key in column.foreign_keys:
            return self._other if column.name == "other" else self._key_of(key.column.table)
        kind = column.type
        if isinstance(kind, Enum):
            return kind.enums[0] if kind.enum_class is None else next(iter(kind.enum_class))
        if isinstance(kind, TypeDecorator):
            return literal_column("'[]'::jsonb")
        for of, value in _VALUES.items():
            if isinstance(kind, of):
                return value
        return new_id()[: kind.length or 36] if isinstance(kind, String) else 1


_VALUES: dict[type[TypeEngine[Any]], Any] = {
    Uuid: new_id(),
    DateTime: datetime.now(UTC),
    Date: date(2026, 11, 1),
    Boolean: False,
    JSON: {},
    LargeBinary: b"x",
    ARRAY: [],
}


def _wanted(column: Column[Any]) -> bool:
    of_patient = any(key.column.table.name == "patients" for key in column.foreign_keys)
    return of_patient or (not column.nullable and column.identity is None and column.computed is None)


def test_every_table_that_refers_to_a_patient_goes_over_and_back(house: House, supervisor: Asking) -> None:
    gone, kept = two(house)
    with house.rows() as uow:
        third = a_patient(uow)
    with house.units.engine.begin() as connection:
        tables = EverythingOf(connection, gone, third).write()
    before, empty = rows_of(house, gone.id), rows_of(house, kept.id)
    assert set(before) >= tables
    merge = merged(supervisor, gone, kept)
    assert rows_of(house, gone.id) == {}
    after = rows_of(house, kept.id)
    assert {table: after[table] - empty.get(table, set()) for table in before} == before
    parted(supervisor, merge["merge_id"])
    assert rows_of(house, gone.id) == before
    assert rows_of(house, kept.id).keys() - empty.keys() <= {"outbox_events"}
