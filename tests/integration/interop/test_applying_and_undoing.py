"""Lists under way: killed and resumed, each row once; plans for their visits; taken back as far as nobody uses them."""

import multiprocessing
import os
import signal
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from db.calendar import HospitalTime
from db.engine import make_engine
from db.refusals import RowRefusedError
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import EventKind
from followup.imports import ImportState, ListKind, RowState
from followup.plans import PlanState, PlanTemplate
from interop.lists.applying import NotNowError, apply_chunk, apply_import, ask_to_apply
from interop.lists.checking import look_at
from interop.lists.receiving import ListOrder, receive_file
from interop.lists.undoing import ask_to_undo, undo_import
from scheduler.listed_plans import PlanSurroundings, start_listed_plans, stop_listed_plans
from tests.integration.interop.conftest import Bring, read
from tests.support.builders import a_patient, a_queue, a_step, a_template, an_attempt
from tests.support.lists import HEADER, SURROUNDINGS, as_csv, discharge
from tests.support.waiting import until

TIME = HospitalTime(zone=ZoneInfo("Asia/Shanghai"), region="CN")


def count(units: UnitsOfWork, table: str) -> int:
    with units.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


def undo(units: UnitsOfWork, import_id: str) -> None:
    with units() as uow:
        made = uow.imports.locked(import_id)
        assert made is not None
        ask_to_undo(uow, made, by=None)
        uow.commit()
    undo_import(units, import_id)


def start_plans(units: UnitsOfWork, import_id: str, template: PlanTemplate) -> int:
    surroundings = PlanSurroundings(templates={template.id: template}, time=TIME, roster=None)
    return start_listed_plans(units, import_id, surroundings)


def _write(database_url: str, import_id: str) -> None:
    apply_import(UnitsOfWork(make_engine(database_url)), import_id, SURROUNDINGS)


def test_a_killed_worker_is_followed_by_another_and_each_row_is_written_once(
    units: UnitsOfWork, bring: Bring, database_url: str
) -> None:
    made = bring([discharge(place) for place in range(2000)], apply=False)
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        uow.commit()
    worker = multiprocessing.get_context("spawn").Process(target=_write, args=(database_url, made.id))
    worker.start()
    until(lambda: read(units, made.id).done > 0, timeout=60, what="the first chunk is written")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    between = read(units, made.id)
    assert between.state is ImportState.APPLYING
    assert 0 < between.done < 2000
    assert count(units, "patients") == between.done
    apply_import(units, made.id, SURROUNDINGS)
    apply_import(units, made.id, SURROUNDINGS)  # told twice
    assert read(units, made.id).state is ImportState.APPLIED
    assert count(units, "patients") == count(units, "encounters") == count(units, "contact_points") == 2000


def test_progress_is_told_by_ids_and_figures(units: UnitsOfWork, bring: Bring) -> None:
    made = bring([discharge(place) for place in range(3)])
    with units() as uow:
        told = [row for row in uow.outbox.unpublished() if row.subject == made.id]
    assert [row.kind for row in told] == [
        EventKind.IMPORT_TO_APPLY,
        EventKind.IMPORT_PROGRESSED,
        EventKind.IMPORT_PROGRESSED,
    ]
    assert told[-1].ids == {"state": "applied", "done": "3", "total": "3", "kind": "discharge"}


def test_one_row_that_the_database_refuses_does_not_keep_the_others_out(
    units: UnitsOfWork, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bring([discharge(place) for place in range(3)], apply=False)

    def raced(uow: UnitOfWork, rows, rules, newcomers):  # type: ignore[no-untyped-def]
        # Between the look and the write somebody brings the second person in by the API.
        looked_at = look_at(uow, rows, rules, newcomers)
        if count(units, "patients") == 0:
            with units() as other:
                a_patient(other, record_number="A000001", name="测试1")
                other.commit()
        return looked_at

    monkeypatch.setattr("interop.lists.applying.look_at", raced)
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        uow.commit()
    with units() as uow, pytest.raises(RowRefusedError):
        apply_chunk(uow, made.id, SURROUNDINGS)
    apply_import(units, made.id, SURROUNDINGS)
    assert read(units, made.id).counts["applied"] == 3
    assert count(units, "patients") == 3


def test_the_visits_of_a_list_get_their_plan_once_and_refusals_are_kept(units: UnitsOfWork, bring: Bring) -> None:
    template = a_template(a_step(latest=timedelta(days=9)), id="DISCHARGE")
    made = bring([discharge(place) for place in range(3)], template="DISCHARGE")
    assert start_plans(units, made.id, template) == 0
    with units() as uow:
        assert uow.imports.plan_counts(made.id) == {"plans_started": 0, "plans_refused": 3, "plans_waiting": 0}
        assert "no queue discharge" in (uow.imports.rows(made.id)[0].plan_refusal or "")
        a_queue(uow, name="discharge")
        uow.imports.ask_for_plans_again(made.id)
        uow.commit()
    assert start_plans(units, made.id, template) == 3
    assert start_plans(units, made.id, template) == 0
    assert count(units, "plans") == count(units, "tasks") == 3


def test_what_nobody_used_is_taken_back_and_the_rest_says_why_it_stays(units: UnitsOfWork, bring: Bring) -> None:
    template = a_template(a_step(latest=timedelta(days=9)), id="DISCHARGE")
    bring([discharge(0)])
    header = (*HEADER, "出生日期")
    made = bring(
        [[*discharge(place, 联系电话=f"1390000000{place}"), "1950-01-01"] for place in range(4)],
        header=header,
        template="DISCHARGE",
    )
    bare = bring([discharge(9, 联系电话="13900000009")])
    with units() as uow:
        queue = a_queue(uow, name="discharge")
        uow.commit()
    assert start_plans(units, made.id, template) == 4
    with units() as uow:
        called = uow.imports.rows(made.id)[3]
        assert called.patient_id is not None
        (task,) = uow.plans.tasks_of_patient(called.patient_id)
        task.attempts_made = 1
        an_attempt(uow, task, queue_id=queue.id)
        uow.commit()
    undo(units, bare.id)
    undo(units, made.id)
    assert stop_listed_plans(units, made.id) == 2
    assert stop_listed_plans(units, made.id) == 0
    assert read(units, made.id).state is read(units, bare.id).state is ImportState.UNDONE
    with units() as uow:
        assert [row.state for row in uow.imports.rows(bare.id)] == [RowState.UNDONE]
        known, *planned = uow.imports.rows(made.id, states=[RowState.LEFT])
        assert [fault["code"] for fault in known.faults] == ["plan_stays", "filled_stays"]
        assert all({"still_used", "plan_stops"} == {fault["code"] for fault in row.faults} for row in planned)
        assert all(row.cells == () for row in [known, *planned])
        assert [plan.state for row in planned if row.plan_id and (plan := uow.plans.get(row.plan_id))] == [
            PlanState.CANCELLED,
            PlanState.CANCELLED,
            PlanState.RUNNING,
        ]
        people = uow.patients.page(after=None, limit=10)
        # What nobody used is gone: the person of the bare list, and the number added to somebody known.
        assert [each.record_number for each in people] == ["A000000", "A000001", "A000002", "A000003"]
        assert [point.number for point in people[0].contact_points] == ["+8613800000000"]


def test_a_list_of_which_nothing_is_written_only_loses_its_rows(units: UnitsOfWork, bring: Bring) -> None:
    made = bring([discharge(1)], apply=False)
    undo(units, made.id)
    assert read(units, made.id).state is ImportState.UNDONE
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        with pytest.raises(NotNowError, match="once"):
            ask_to_undo(uow, held, by=None)


def test_rows_are_forgotten_when_their_time_is_over_and_can_still_be_taken_back(
    units: UnitsOfWork, bring: Bring
) -> None:
    made = bring([discharge(1)])
    with units() as uow:
        assert uow.imports.forget_rows(uow.now + timedelta(days=29)) == 0
        assert uow.imports.forget_rows(uow.now + timedelta(days=31)) == 1
        assert uow.imports.forget_rows(uow.now + timedelta(days=31)) == 0
        uow.commit()
    with units() as uow:
        assert uow.imports.rows(made.id)[0].cells == ()
    undo(units, made.id)
    assert count(units, "patients") == 0


def test_a_list_that_stalled_is_asked_for_again(units: UnitsOfWork, bring: Bring) -> None:
    made = bring([discharge(1)], apply=False)
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        uow.commit()
    with units() as uow:
        assert uow.imports.stalled(uow.now) == [(made.id, ImportState.APPLYING)]
        assert uow.imports.stalled(uow.now - timedelta(minutes=2)) == []


def test_a_mapping_is_remembered_for_its_source(units: UnitsOfWork) -> None:
    header = ("号", "叫", "打", "科室", "出院日期")
    rows = [["A1", "李一", "13800000001", "心内科", "2026-11-20"]]
    mapping = {"号": "record_number", "叫": "name", "打": "phone"}
    with units() as uow:
        first = receive_file(
            uow, as_csv(rows, header=header), ListOrder(kind=ListKind.DISCHARGE, source="门诊"), SURROUNDINGS
        )
        assert first.state is ImportState.READ
        told = receive_file(
            uow,
            as_csv(rows, header=header),
            ListOrder(kind=ListKind.DISCHARGE, source="门诊", mapping=mapping),
            SURROUNDINGS,
        )
        assert told.counts["ready"] == 1
        again = receive_file(
            uow, as_csv(rows, header=header), ListOrder(kind=ListKind.DISCHARGE, source="门诊"), SURROUNDINGS
        )
        assert (again.mapping, again.counts["ready"]) == (told.mapping, 1)
