"""A visit and a template become one plan, however often and by how many the visit is told of."""

import threading
from datetime import timedelta

import pytest

from db.unit_of_work import UnitsOfWork
from followup.outcomes import TaskOutcome
from followup.plans import TaskMode, TaskState
from scheduler.planning import PlanNotPossibleError, start_plan
from tests.support.builders import HOSPITAL, a_patient, a_queue, a_step, a_template, an_encounter


def test_the_tasks_carry_the_windows_of_their_steps(units: UnitsOfWork) -> None:
    template = a_template(
        a_step("second", earliest=timedelta(days=6), target=timedelta(days=7), latest=timedelta(days=8)),
        a_step("first", earliest=timedelta(hours=24), target=timedelta(hours=48), latest=timedelta(hours=72)),
    )
    with units() as uow:
        patient, queue = a_patient(uow), a_queue(uow)
        encounter = an_encounter(uow, patient)
        plan = start_plan(
            uow,
            patient=patient,
            encounter=encounter,
            template=template,
            queues_by_name={"discharge": queue},
            now=uow.now,
            variables={"time": "10:00"},
            time=HOSPITAL,
        )
        uow.commit()
    with units() as uow:
        first, second = uow.plans.tasks_of_plan(plan.id)
        assert first.earliest_at == first.next_attempt_at == encounter.occurred_at + timedelta(hours=24)
        assert second.target_at == encounter.occurred_at + timedelta(days=7)
        assert {first.state, second.state} == {TaskState.PLANNED}
        assert first.variables == {"time": "10:00"}


def test_a_visit_told_of_twice_keeps_its_one_plan(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, queue = a_patient(uow), a_queue(uow)
        encounter = an_encounter(uow, patient)
        plans = {
            start_plan(
                uow,
                patient=patient,
                encounter=encounter,
                template=a_template(),
                queues_by_name={"discharge": queue},
                now=uow.now,
                variables={},
                time=HOSPITAL,
            ).id
            for _ in range(2)
        }
        assert len(plans) == 1
        assert len(uow.plans.tasks_of_patient(patient.id)) == 1


def test_two_feeds_at_one_moment_make_one_plan(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, queue = a_patient(uow), a_queue(uow)
        encounter = an_encounter(uow, patient)
        uow.commit()
    together = threading.Barrier(2)
    plans: list[str] = []

    def feed() -> None:
        with units() as uow:
            together.wait(timeout=10)
            plan = start_plan(
                uow,
                patient=patient,
                encounter=encounter,
                template=a_template(),
                queues_by_name={"discharge": queue},
                now=uow.now,
                variables={},
                time=HOSPITAL,
            )
            uow.commit()
            plans.append(plan.id)

    feeds = [threading.Thread(target=feed) for _ in range(2)]
    for thread in feeds:
        thread.start()
    for thread in feeds:
        thread.join(timeout=20)
    with units() as uow:
        assert len(plans) == 2
        assert len(set(plans)) == 1
        assert len(uow.plans.tasks_of_patient(patient.id)) == 1


def test_a_step_whose_window_was_over_before_the_visit_was_told_of_is_not_counted_as_lost(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, queue = a_patient(uow), a_queue(uow)
        encounter = an_encounter(uow, patient, occurred_at=uow.now - timedelta(days=10))
        plan = start_plan(
            uow,
            patient=patient,
            encounter=encounter,
            template=a_template(),
            queues_by_name={"discharge": queue},
            now=uow.now,
            variables={},
            time=HOSPITAL,
        )
        (task,) = uow.plans.tasks_of_plan(plan.id)
        assert (task.state, task.outcome) == (TaskState.CANCELLED, TaskOutcome.NOT_DUE)


def test_a_template_that_does_not_fit_is_refused_in_words(units: UnitsOfWork) -> None:
    with units() as uow:
        patient, queue = a_patient(uow), a_queue(uow, mode=TaskMode.AUTOMATED)
        encounter = an_encounter(uow, patient)
        for queues_by_name, word in (({}, "there is no queue discharge"), ({"discharge": queue}, "is automated")):
            with pytest.raises(PlanNotPossibleError, match=word):
                start_plan(
                    uow,
                    patient=patient,
                    encounter=encounter,
                    template=a_template(),
                    queues_by_name=queues_by_name,
                    now=uow.now,
                    variables={},
                    time=HOSPITAL,
                )
        stranger = a_patient(uow)
        with pytest.raises(PlanNotPossibleError, match="another patient"):
            start_plan(
                uow,
                patient=stranger,
                encounter=encounter,
                template=a_template(),
                queues_by_name={"discharge": queue},
                now=uow.now,
                variables={},
                time=HOSPITAL,
            )
