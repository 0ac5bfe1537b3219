"""Scenario S1's start: the discharge message alone, sent twice over a socket, leads to one plan and its first call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from care.consent import Consent, ConsentScope, Purpose
from followup.feeds import FeedState
from followup.plans import Plan, PlanState, Task, TaskState
from interop.hl7.applying import apply_waiting
from runtime.identifiers import new_id
from scheduler.feed_consequences import follow_feeds
from suifang.plans_command import make_queues
from tests.support.feeds import CONTENT, DESK, PLANS, Sender, adt, connect, open_server, pid
from tests.support.scenario import Scenario, in_hospital_time, scenario

DISCHARGED = in_hospital_time("2026-11-20 10:00")
P1 = pid("K-1001", card="990101195804123019", phone="19900000001")


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-20 10:05") as hospital:
        make_queues(hospital.units, CONTENT)

        def follow(patient_id: str) -> None:
            follow_feeds(hospital.units, patient_id, PLANS)

        hospital.follow_ups["scheduler.follow_feeds"] = follow
        yield hospital


@pytest.fixture
def his(played: Scenario) -> Iterator[Sender]:
    with open_server(played.units) as port, connect(port) as sender:
        yield sender


def discharge(trigger: str, control: str, told: str) -> str:
    at = in_hospital_time(told)
    others = (
        "DG1|1||I25.103^冠状动脉粥样硬化性心脏病^I10|||F",
        "PR1|1||36.0601^冠状动脉药物洗脱支架置入术",
        "ZPI|1|胸痛中心",
    )
    return adt(trigger, control, at=at, person=P1, visit="ZY2026-77", discharged=DISCHARGED, others=others)


def settle(played: Scenario) -> None:
    """Everything that runs by itself does what there is to do at this instant."""
    while apply_waiting(played.units, DESK):
        pass
    played.turn()


def the_plan(played: Scenario) -> tuple[Plan, list[Task]]:
    with played.units() as uow:
        (patient,) = uow.patients.page(after=None, limit=9)
        (plan,) = uow.plans.plans_of_patient(patient.id)
        return plan, sorted(uow.plans.tasks_of_plan(plan.id), key=lambda task: task.target_at)


def test_the_discharge_sent_twice_leads_without_hands_to_one_plan_and_the_call_that_is_due(
    played: Scenario, his: Sender
) -> None:
    text = discharge("A03", "MSG-1", "2026-11-20 10:00")
    assert [his.ask(text), his.ask(text)] == ["AA MSG-1", "AA MSG-1"]
    settle(played)
    plan, tasks = the_plan(played)
    assert (plan.template_id, plan.anchor_at, plan.state) == ("T03", DISCHARGED, PlanState.RUNNING)
    call = tasks[0]
    assert (call.earliest_at, call.target_at, call.latest_at) == tuple(
        in_hospital_time(day) for day in ("2026-11-21 10:00", "2026-11-22 10:00", "2026-11-23 10:00")
    )
    assert [task.step_key for task in tasks] == [
        "call-48h", "clinic", "month-1", "lipids", "month-3", "month-6", "month-12",
    ]  # fmt: skip
    with played.units() as uow:
        (message,) = uow.feeds.page(limit=9)
        kept = uow.feeds.get(message.id)
    assert (message.state, message.times) == (FeedState.APPLIED, 2)
    assert kept is not None
    assert "ZPI|1|胸痛中心" in kept.raw.decode()
    with played.rows() as uow:
        uow.patients.add_consent(
            Consent(
                id=new_id(),
                patient_id=plan.patient_id,
                purpose=Purpose.CARE,
                scope=ConsentScope.PHONE,
                granted=True,
                source="ward",
                recorded_at=uow.now,
            )
        )
    played.move_to("2026-11-22 09:30")
    settle(played)
    assert the_plan(played)[1][0].state is TaskState.QUEUED


def test_the_cancelled_discharge_cancels_all_tasks_before_the_call(played: Scenario, his: Sender) -> None:
    assert his.ask(discharge("A03", "MSG-1", "2026-11-20 10:00")) == "AA MSG-1"
    settle(played)
    assert his.ask(discharge("A13", "MSG-2", "2026-11-20 15:00")) == "AA MSG-2"
    settle(played)
    plan, tasks = the_plan(played)
    assert plan.state is PlanState.CANCELLED
    assert {task.state for task in tasks} == {TaskState.CANCELLED}


def test_an_admission_on_the_next_day_pauses_the_plan(played: Scenario, his: Sender) -> None:
    assert his.ask(discharge("A03", "MSG-1", "2026-11-20 10:00")) == "AA MSG-1"
    settle(played)
    played.move_to("2026-11-21 09:00")
    at = in_hospital_time("2026-11-21 08:50")
    assert his.ask(adt("A01", "MSG-3", at=at, person=P1, visit="ZY2026-91", admitted=at)) == "AA MSG-3"
    settle(played)
    plan, tasks = the_plan(played)
    assert plan.state is PlanState.PAUSED
    assert {task.state for task in tasks} == {TaskState.CANCELLED}
