"""What the scheduler mends about lists: lost messages are sent again, owed plans asked for, old rows emptied."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from db.unit_of_work import UnitsOfWork
from followup.events import EventKind
from followup.imports import ImportState
from interop.lists.applying import ask_to_apply
from interop.lists.undoing import ask_to_undo
from runtime.live_events import LiveStream
from runtime.task_queue import make_task_queue
from scheduler.list_repairs import STALLED, forget_import_rows, resume_stalled_imports
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from tests.integration.interop.conftest import Bring, read
from tests.support.lists import discharge


@pytest.fixture
def later(units: UnitsOfWork, broker_url: str) -> Iterator[Repairs]:
    """The repairs when nothing has been heard of any import for as long as it takes to wonder."""
    with LiveStream(broker_url) as live:
        yield Repairs(
            units_of_work=UnitsOfWork(units.engine, clock=lambda instant: instant + STALLED + timedelta(seconds=1)),
            task_queue=make_task_queue(broker_url),
            live=live,
            policies=AttemptPolicies(by_id={}),
            ring=timedelta(seconds=30),
        )


def told_of(units: UnitsOfWork, import_id: str) -> list[EventKind]:
    """What was told of the import, which is then forgotten."""
    with units() as uow:
        rows = [row for row in uow.outbox.unpublished() if row.subject == import_id]
        uow.outbox.mark_published([row.id for row in rows], uow.now)
        uow.commit()
    return [EventKind(row.kind) for row in rows]


def test_an_import_that_stands_still_is_asked_for_again_whichever_way_it_was_going(
    units: UnitsOfWork, bring: Bring, later: Repairs
) -> None:
    made = bring([discharge(place) for place in range(3)], apply=False)
    assert resume_stalled_imports(later) == 0  # nobody asked for it yet
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        uow.commit()
    told_of(units, made.id)
    assert resume_stalled_imports(later) == 1
    assert told_of(units, made.id) == [EventKind.IMPORT_TO_APPLY]

    other = bring([discharge(place) for place in range(3, 6)])
    assert read(units, other.id).state is ImportState.APPLIED
    with units() as uow:
        held = uow.imports.locked(other.id)
        assert held is not None
        ask_to_undo(uow, held, by=None)
        uow.commit()
    told_of(units, other.id)
    assert resume_stalled_imports(later) == 2
    assert told_of(units, other.id) == [EventKind.IMPORT_TO_UNDO]


def test_one_that_has_just_moved_is_left_in_peace(units: UnitsOfWork, bring: Bring, later: Repairs) -> None:
    made = bring([discharge(0)], apply=False)
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        ask_to_apply(uow, held, by=None)
        held.moved_at = uow.now + timedelta(seconds=30)
        uow.commit()
    told_of(units, made.id)
    assert resume_stalled_imports(later) == 0
    assert told_of(units, made.id) == []


def test_visits_that_still_lack_their_plan_are_told_of_until_they_have_it_or_a_reason(
    units: UnitsOfWork, bring: Bring, later: Repairs
) -> None:
    made = bring([discharge(0)], template="DISCHARGE")
    told_of(units, made.id)
    assert resume_stalled_imports(later) == 1
    assert told_of(units, made.id) == [EventKind.IMPORT_PROGRESSED]
    with units.engine.begin() as connection:
        connection.execute(text("UPDATE import_rows SET plan_refusal = 'no queue'"))
    assert resume_stalled_imports(later) == 0


def test_rows_hold_health_data_and_are_emptied_when_their_time_is_over(
    units: UnitsOfWork, bring: Bring, later: Repairs
) -> None:
    made = bring([discharge(0), discharge(1, 联系电话="12")])
    assert forget_import_rows(later) == 0
    assert read(units, made.id).rows_forgotten_at is None
    with units() as uow:
        held = uow.imports.locked(made.id)
        assert held is not None
        held.rows_kept_until = uow.now
        uow.commit()
    forget_import_rows(later)
    assert read(units, made.id).rows_forgotten_at is not None
    with units() as uow:
        assert [(row.cells, row.remarks) for row in uow.imports.rows(made.id)] == [((), ()), ((), ())]
