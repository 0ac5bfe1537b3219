"""Plans while calls go on: stopped in the middle of a conversation, listened to, followed, and checked from outside."""

from datetime import UTC, datetime, timedelta

import pytest

from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.closing import close_attempt
from followup.follow_up_rules import ContactWay
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import Plan, PlanEnd, Task, TaskState, TaskTrigger, next_task_state
from runtime.content.library import Content
from scheduler.dialer import reserve
from scheduler.following import PlanDesk, follow_closed_tasks
from scheduler.outcomes import AttemptPolicies, decide_next_for
from scheduler.planning import PlanNotPossibleError, start_plan
from scheduler.results import record_result
from scheduler.stops import cancel_plan, pause_plan
from suifang import plans_command
from tests.support.builders import HOSPITAL, a_node, a_patient, a_queue, a_step, a_template, an_agent, an_encounter


def begun(uow: UnitOfWork, **template: object) -> tuple[Plan, Task]:
    """A plan whose first contact waits for an agent."""
    patient, queue = a_patient(uow), a_queue(uow)
    plan = start_plan(
        uow,
        patient=patient,
        encounter=an_encounter(uow, patient),
        template=a_template(a_step(), **template),
        queues_by_name={"discharge": queue},
        now=uow.now,
        variables={},
        time=HOSPITAL,
    )
    uow.flush()
    (task,) = uow.plans.tasks_of_plan(plan.id)
    task.state = TaskState.QUEUED
    return plan, task


@pytest.mark.parametrize("paused", [True, False])
def test_a_plan_that_stops_during_the_conversation_is_not_called_again(
    units: UnitsOfWork, gate: Gate, content: Content, paused: bool
) -> None:
    with units() as uow:
        plan, task = begun(uow)
        a_node(uow)
        agent = an_agent(uow, *[queue for queue in uow.queues.all() if queue.id == task.queue_id])
        attempt = reserve(uow, task=task, agent_id=agent.id, node="node-1", gate=gate, now=uow.now)
        if paused:
            pause_plan(uow, plan, by=None, reason="readmitted", now=uow.now)
        else:
            cancel_plan(uow, plan, PlanEnd.BY_HAND, by=None, reason="a mistake", now=uow.now)
        assert task.state is TaskState.IN_PROGRESS
        assert uow.plans.is_stopped(task)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        assert [command.verb for command in uow.calls.commands_for(call.id)] == ["dial", "hang_up"]
        close_attempt(attempt, agent, outcome=AttemptOutcome.NO_ANSWER, task_result=None, by=None, now=uow.now)
        assert attempt.state is AttemptState.CLOSED
        uow.flush()
        decide_next_for(uow, attempt.id, gate=gate, policies=AttemptPolicies(by_id=content.policies))
        wanted = TaskOutcome.READMITTED if paused else TaskOutcome.CANCELLED
        assert (task.state, task.outcome) == (TaskState.CANCELLED, wanted)


def test_what_is_listened_for_comes_from_the_plans_of_the_call(units: UnitsOfWork) -> None:
    with units() as uow:
        _, one = begun(uow, red_flags=("stroke", "hypertension"))
        _, two = begun(uow, red_flags=("hypertension",))
        _, none = begun(uow)
        uow.flush()
        assert uow.plans.red_flags_of_tasks([one.id, two.id]) == ["hypertension", "stroke"]
        assert uow.plans.red_flags_of_tasks([none.id]) == []


def test_a_plan_keeps_its_own_steps_when_it_is_read_again(units: UnitsOfWork) -> None:
    with units() as uow:
        plan, _ = begun(uow, red_flags=("stroke",), version=7)
        uow.commit()
    with units() as uow:
        read = uow.plans.get(plan.id)
        assert read is not None
        assert read.steps == [a_step()]
        assert (read.template_version, read.red_flags) == (7, ["stroke"])


def test_a_contact_whose_queue_is_missing_goes_where_the_plans_others_go(units: UnitsOfWork, content: Content) -> None:
    with units() as uow:
        plan, task = begun(uow, rules="hypertension")
        record_result(
            uow,
            plan,
            answers={"systolic": 150, "diastolic": 95},
            taken_at=uow.now,
            way=ContactWay.FACE_TO_FACE,
            by=None,
            task=None,
            content=content,
            time=HOSPITAL,
            now=uow.now,
        )
        more = [each for each in uow.plans.tasks_of_plan(plan.id) if each.id != task.id]
        assert {(each.step_key or "").partition(":")[0] for each in more} == {"doctor-review", "check"}
        assert {each.queue_id for each in more} == {task.queue_id}


def test_a_newer_result_calls_off_the_check_that_an_older_one_asked_for(units: UnitsOfWork, content: Content) -> None:
    with units() as uow:
        plan, _ = begun(uow, rules="hypertension")
        for days, systolic in ((3, 150), (1, 128)):
            record_result(
                uow,
                plan,
                answers={"systolic": systolic, "diastolic": 80},
                taken_at=uow.now - timedelta(days=days),
                way=ContactWay.FACE_TO_FACE,
                by=None,
                task=None,
                content=content,
                time=HOSPITAL,
                now=uow.now,
            )
        found = {(task.step_key or "").partition(":")[0]: task.state for task in uow.plans.tasks_of_plan(plan.id)}
        assert found["check"] is TaskState.CANCELLED
        uow.flush()
        (second, first) = uow.plan_records.results_of(plan.patient_id, "hypertension")
        assert (first.control, second.control) == ("first_uncontrolled", "controlled")


def test_results_of_a_plan_without_rules_or_of_a_day_before_any_are_refused_in_words(
    units: UnitsOfWork, content: Content
) -> None:
    with units() as uow:
        for rules, at, word in (
            (None, uow.now, "no rules"),
            ("hypertension", datetime(2001, 1, 1, tzinfo=UTC), "2001"),
        ):
            plan, _ = begun(uow, rules=rules)
            with pytest.raises(PlanNotPossibleError, match=word):
                record_result(
                    uow,
                    plan,
                    answers={"systolic": 150, "diastolic": 95},
                    taken_at=at,
                    way=ContactWay.TELEPHONE,
                    by=None,
                    task=None,
                    content=content,
                    time=HOSPITAL,
                    now=uow.now,
                )


def test_each_closed_task_is_followed_once(units: UnitsOfWork, content: Content) -> None:
    desk = PlanDesk(content=content, time=HOSPITAL)
    with units() as uow:
        _, task = begun(uow)
        assert follow_closed_tasks(uow, desk=desk, now=uow.now) == 0
        task.state = next_task_state(task.state, TaskTrigger.LOSE)
        uow.flush()
        assert follow_closed_tasks(uow, desk=desk, now=uow.now) == 1
        uow.flush()
        assert follow_closed_tasks(uow, desk=desk, now=uow.now) == 0


def test_the_command_makes_the_queues_checks_the_templates_and_lists_what_follows_an_older_version(
    units: UnitsOfWork, content: Content
) -> None:
    assert any("T01, step day-7: there is no queue discharge" in line for line in plans_command.check(units, content))
    assert "discharge" in plans_command.make_queues(units, content)
    assert plans_command.make_queues(units, content) == []
    assert plans_command.check(units, content) == []
    assert plans_command.outdated(units, content) == []
    with units() as uow:
        plan, _ = begun(uow, id="T01", version=1)
        uow.commit()
    (line,) = plans_command.outdated(units, content)
    assert line.startswith(plan.id)
    assert "version 1 → 2" in line
