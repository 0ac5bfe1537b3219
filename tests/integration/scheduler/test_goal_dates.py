"""The calendar's part in goals: whose last day went by, his record is followed."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from care.goals import Goal, GoalState
from care.patients import Patient
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import EventKind
from record.following import RecordParts
from record.goals import follow_goals
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.task_queue import make_task_queue
from scheduler.goal_dates import look_at_goals_past_due
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from tests.support.builders import HOSPITAL, a_patient, a_user


@pytest.fixture
def repairs(units: UnitsOfWork, content: Content, broker_url: str) -> Iterator[Repairs]:
    """What repairs work with."""
    with LiveStream(broker_url) as live:
        yield Repairs(
            units_of_work=units,
            task_queue=make_task_queue(broker_url),
            live=live,
            policies=AttemptPolicies(by_id=content.policies),
            ring=timedelta(seconds=30),
        )


def a_goal(uow: UnitOfWork, patient: Patient, due_on: date) -> Goal:
    user = a_user(uow)
    goal = Goal(
        id=new_id(),
        patient_id=patient.id,
        template_id=None,
        title={"zh": "血压", "en": "pressure"},
        targets=[{"code": "systolic", "comparator": "<", "value": 140}],
        readings=1,
        action={"zh": "量血压", "en": "measure"},
        owner_id=user.id,
        starts_on=due_on - timedelta(days=30),
        due_on=due_on,
        zone="Asia/Shanghai",
        state_since=uow.now,
        set_by=user.id,
        set_at=uow.now,
    )
    uow.goals.add(goal)
    uow.flush()
    return goal


def test_only_goals_whose_last_day_is_over_are_looked_at_and_then_never_again(
    units: UnitsOfWork, content: Content, repairs: Repairs
) -> None:
    with units() as uow:
        today = uow.now.astimezone(HOSPITAL.zone).date()
        late, running = a_patient(uow), a_patient(uow)
        goal = a_goal(uow, late, today - timedelta(days=1))
        a_goal(uow, running, today)
        uow.commit()
    assert look_at_goals_past_due(repairs) == 1
    with units() as uow:
        events = [event for event in uow.outbox.unpublished(100) if event.kind == EventKind.RECORD_CHANGED]
        assert [event.subject for event in events] == [late.id]
    parts = RecordParts(units_of_work=units, content=content, zone=HOSPITAL.zone)
    with units() as uow:
        follow_goals(uow, parts, late.id)
        uow.commit()
    with units() as uow:
        missed = uow.goals.get(goal.id)
        assert missed is not None
        assert missed.state is GoalState.MISSED
    assert look_at_goals_past_due(repairs) == 0
