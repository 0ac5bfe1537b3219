"""Messages that wait together are applied with few statements; what comes out is what each alone would leave."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedReason, FeedState
from interop.hl7.applying import apply_waiting
from interop.hl7.receiving import store
from tests.support.feeds import DESK, RULES, adt, ago, bring, judged, kept, obx, oru, pid
from tests.support.hospital_years import admitting_messages, messages_of, numbers_of_results, order_message

PEOPLE = range(5, 13)


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    """A hospital of its own for each test: what waits is counted."""
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def other_units(module_database_url: str) -> Iterator[UnitsOfWork]:
    """Another hospital."""
    engine = make_engine(module_database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def _results(units: UnitsOfWork) -> list[tuple[object, ...]]:
    with units.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT record_number, code, value, version, superseded_at IS NULL, status, taken_at, source_key "
                "FROM results JOIN patients ON patients.id = patient_id ORDER BY source_key, version"
            )
        )
        return [tuple(row) for row in rows]


def _corrections() -> list[str]:
    at = ago(days=30)
    person = pid("900001")
    first = oru("c1", obx("718-7", "132", "g/L"), at=at, person=person)
    second = oru("c2", obx("718-7", "112", "g/L", state="C"), at=at + timedelta(hours=1), person=person)
    late = oru("c3", obx("718-7", "99", "g/L", state="P"), at=at - timedelta(hours=1), person=person)
    unknown = oru("c4", obx("718-7", "141", "g/L"), at=at, person=pid("999999"), order="X")
    other = oru(
        "c5", obx("2823-3", "4.1", "mmol/L"), at=at, person=pid("900001", name="李四", born="19700101"), order="Y"
    )
    return [first, second, late, unknown, other]


def test_messages_applied_together_leave_what_each_alone_leaves(units: UnitsOfWork, other_units: UnitsOfWork) -> None:
    people = [text for person in PEOPLE for text in admitting_messages(person)]
    orders = [order_message(person, order) for order in range(10) for person in PEOPLE]
    told = [*people, _someone(), *orders, *_corrections()]
    store(units, [judged(each) for each in told], RULES)
    while apply_waiting(units, DESK):
        pass
    for each in told:
        bring(other_units, each)

    assert _results(units) == _results(other_units)
    with units() as uow, other_units() as other:
        for state in FeedState:
            assert uow.feeds.count(state) == other.feeds.count(state), state
        assert uow.unmapped_results.count_waiting() == other.unmapped_results.count_waiting() == 1


def _someone() -> str:
    """Whom the corrections are about."""
    return adt("A04", "p1", at=ago(days=400), visit="")


def test_everything_that_came_is_applied_or_parked_and_counted_once(units: UnitsOfWork) -> None:
    told = list(messages_of(PEOPLE))
    store(units, [judged(each) for each in told], RULES)
    store(units, [judged(each) for each in told], RULES)
    while apply_waiting(units, DESK):
        pass

    placed, waiting = numbers_of_results(PEOPLE)
    with units() as uow:
        assert uow.feeds.count(FeedState.APPLIED) == len(told)
        assert uow.unmapped_results.count_waiting() == waiting
        patients = uow.patients.page(after=None, limit=100)
        assert sum(sum(uow.observations.codes_of(each.id).values()) for each in patients) == placed


def test_one_message_that_the_database_refuses_keeps_none_of_the_others_away(units: UnitsOfWork) -> None:
    with units.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION no_413() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END $$ "
            "LANGUAGE plpgsql"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER no_413 BEFORE INSERT ON results FOR EACH ROW WHEN (NEW.sent_value = '4.13') "
            "EXECUTE FUNCTION no_413()"
        )
    bring(units, _someone())
    at = ago(days=9)
    values = ["4.1", "4.13", "4.3"]
    came = [
        judged(oru(f"m{place}", obx("2823-3", value, "mmol/L"), at=at, person=pid("900001"), order=f"o{place}"))
        for place, value in enumerate(values)
    ]
    store(units, came, RULES)
    while apply_waiting(units, DESK):
        pass

    states = [kept(units, each.arrived) for each in came]
    assert [each.state for each in states] == [FeedState.APPLIED, FeedState.PARKED, FeedState.APPLIED]
    assert states[1].reason is FeedReason.FAILED


def test_a_patient_with_many_messages_at_once_is_told_of_once(units: UnitsOfWork) -> None:
    bring(units, *admitting_messages(3))
    with units() as uow:
        before = uow.outbox.count_unpublished()
    store(units, [judged(order_message(3, order)) for order in range(10)], RULES)
    apply_waiting(units, DESK)
    with units() as uow:
        assert uow.outbox.count_unpublished() == before + 1


def test_fresh_results_raise_their_alarm_though_many_come_together(units: UnitsOfWork) -> None:
    bring(units, _someone())
    now = datetime.now(UTC).replace(microsecond=0)
    old = [
        oru(
            f"f{n}",
            obx("8480-6", "130", "mm[Hg]"),
            at=now - timedelta(days=20 + n),
            person=pid("900001"),
            order=f"p{n}",
        )
        for n in range(5)
    ]
    fresh = oru(
        "f9",
        obx("8480-6", "192", "mm[Hg]"),
        obx("8462-4", "121", "mm[Hg]", line=2),
        at=now - timedelta(hours=1),
        person=pid("900001"),
        order="p9",
    )
    store(units, [judged(each) for each in (*old[:3], fresh, *old[3:])], RULES)
    while apply_waiting(units, DESK):
        pass
    with units() as uow:
        (patient,) = uow.patients.page(after=None, limit=5)
        assert uow.alerts.of_patient(patient.id)


@pytest.mark.parametrize("limit", [1, 3])
def test_one_message_longer_than_a_batch_may_be_is_applied_all_the_same(units: UnitsOfWork, limit: int) -> None:
    store(units, [judged(each) for each in admitting_messages(4)], RULES)
    with units() as uow:
        assert len(uow.feeds.waiting(limit=limit, size=1)) == 1
        assert len(uow.feeds.waiting(limit=limit, size=1_000_000)) == limit
