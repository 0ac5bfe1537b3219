"""What a patient says by keys is written in the key's own transaction: over loopback lines and a real database."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from care.appointments import AppointmentState
from care.consent import Purpose
from care.objections import ObjectionSource
from care.patients import Encounter
from care.responses import ResponseMode, ResponseState
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.appointments import CANCELLED_BECAUSE, ENCOUNTER
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import Task, TaskMode, TaskState
from scheduler.dialer import GateRefusedError, reserve
from telephony.owed_calls import BEFORE_THE_VISIT, OWED_BECAUSE, OWED_BY
from tests.support.builders import a_patient, a_queue, a_task, an_encounter
from tests.support.keyed_calls import due_again, picked_up
from tests.support.switchboard import Switchboard
from tests.support.telephony_bench import GATE


@pytest.fixture
def board(database_url: str, tmp_path: Path) -> Iterator[Switchboard]:
    engine = make_engine(database_url)
    yield Switchboard(units=UnitsOfWork(engine), database_url=database_url, folder=tmp_path)
    engine.dispose()


def a_reminder(uow: UnitOfWork, *, flow: str = "appointment_reminder", **values: object) -> tuple[Task, Encounter]:
    """A patient's appointment the day after tomorrow, a call about it that is due, and a queue of agents beside."""
    patient = a_patient(uow)
    visit = an_encounter(uow, patient, kind="appointment", occurred_at=uow.now + timedelta(days=2))
    queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER)
    if uow.inbound.first_agents_queue() is None:
        a_queue(uow, name="agents")
    task = a_task(uow, patient, queue, flow=flow, variables={ENCOUNTER: visit.id}, **values)
    return task, visit


def a_stored_reminder(board: Switchboard, *, flow: str = "appointment_reminder") -> tuple[Task, Encounter]:
    with board.units() as uow:
        made = a_reminder(uow, flow=flow)
        uow.commit()
    return made


def stored(board: Switchboard, task: Task) -> Task:
    with board.units() as uow:
        found = uow.plans.task(task.id)
        assert found is not None
        return found


def appointment(board: Switchboard, visit: Encounter) -> tuple[AppointmentState | None, list[tuple[str, str, str]]]:
    """Its state, and each move with its source."""
    with board.units() as uow:
        found = uow.patients.encounter(visit.id)
        assert found is not None
        moves = [
            (move.before.value, move.after.value, move.source.value) for move in uow.appointments.history_of(visit.id)
        ]
        return found.appointment_state, moves


def owed_calls(board: Switchboard, task: Task) -> list[Task]:
    with board.units() as uow:
        return [each for each in uow.plans.tasks_of_patient(task.patient_id) if each.variables.get(OWED_BY) == task.id]


def test_who_confirms_and_hangs_up_at_once_is_confirmed_and_reminded_no_more(board: Switchboard) -> None:
    with board.units() as uow:
        task, visit = a_reminder(uow)
        queue, patient = uow.queues.get(task.queue_id), uow.patients.get(task.patient_id)
        assert queue is not None
        assert patient is not None
        later = a_task(uow, patient, queue, state=TaskState.PLANNED, variables={ENCOUNTER: visit.id})
        other = a_task(uow, patient, queue, state=TaskState.PLANNED)
        uow.commit()
    call = picked_up(board, task)
    call.presses("1")
    assert call.step == "matter"
    call.presses("1")
    call.hangs_up()
    assert appointment(board, visit) == (AppointmentState.CONFIRMED, [("booked", "confirmed", "keys")])
    assert (call.attempt.outcome, call.attempt.task_result) == (AttemptOutcome.CONNECTED_PATIENT, "completed")
    assert call.attempt.answers == {"answer": "confirmed"}
    reminder = stored(board, later)
    assert (reminder.state, reminder.outcome) == (TaskState.CANCELLED, TaskOutcome.CANCELLED)
    assert reminder.variables[CANCELLED_BECAUSE] == "appointment_confirmed"
    assert stored(board, other).state is TaskState.PLANNED, "another matter's call is not touched"


def test_who_wants_another_day_is_owed_a_call_of_a_person_before_the_appointment(board: Switchboard) -> None:
    task, visit = a_stored_reminder(board)
    call = picked_up(board, task)
    call.presses("1")
    call.presses("3")
    call.hears_out()
    assert appointment(board, visit)[0] is AppointmentState.REBOOK_WANTED
    (owed,) = owed_calls(board, task)
    assert (owed.mode, owed.variables[OWED_BECAUSE], owed.variables[ENCOUNTER]) == (TaskMode.AGENT, "rebook", visit.id)
    assert owed.latest_at <= visit.occurred_at - BEFORE_THE_VISIT


def test_who_cancels_is_cancelled(board: Switchboard) -> None:
    task, visit = a_stored_reminder(board, flow="recheck_reminder")
    call = picked_up(board, task)
    call.presses("1")
    call.presses("2")
    assert appointment(board, visit) == (AppointmentState.CANCELLED, [("booked", "cancelled", "keys")])


def test_who_presses_nothing_is_called_by_a_person_before_the_appointment(board: Switchboard) -> None:
    task, visit = a_stored_reminder(board)
    call = picked_up(board, task)
    call.presses("1")
    call.waits(8.2)
    assert call.step == "matter"
    call.waits(8.2)
    assert call.step == "unanswered"
    call.hears_out()
    (owed,) = owed_calls(board, task)
    assert owed.latest_at <= visit.occurred_at - BEFORE_THE_VISIT
    assert (call.attempt.task_result, call.attempt.answers) == ("partially-completed", {"answer": "no_key"})
    assert appointment(board, visit) == (None, [])


def test_somebody_who_never_said_who_he_is_moves_nothing_and_is_owed_nothing(board: Switchboard) -> None:
    task, visit = a_stored_reminder(board)
    call = picked_up(board, task)
    call.presses("2")
    call.hears_out()
    assert call.attempt.outcome is AttemptOutcome.CONNECTED_WRONG_PERSON
    assert (appointment(board, visit), owed_calls(board, task)) == ((None, []), [])


def test_the_opt_out_key_closes_this_purpose_at_once_and_leaves_the_others_open(board: Switchboard) -> None:
    task, _ = a_stored_reminder(board)
    call = picked_up(board, task)
    call.presses("1")
    call.presses("7")
    with board.units() as uow:
        (entry,) = uow.objections.of_patient(task.patient_id)
        assert (entry.purpose, entry.source, entry.call_id) == (Purpose.REMINDER, ObjectionSource.KEYS, call.call_id)
    assert call.heard[-1] == "opted_out"
    call.hears_out()
    assert call.heard[-1] == "goodbye"
    assert (call.attempt.task_result, call.attempt.answers) == ("refused", {"answer": "opted_out"})
    with board.units() as uow:
        patient = uow.patients.get(task.patient_id)
        assert patient is not None
        automated = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER)
        number = patient.contact_points[0]
        again = GATE.ask(uow, a_task(uow, patient, automated), number, now=uow.now).verdict
        care = GATE.ask(uow, a_task(uow, patient, a_queue(uow)), number, now=uow.now).verdict
    assert "do_not_call" in [reason.value for reason in again.reasons]
    assert "do_not_call" not in [reason.value for reason in care.reasons]


def test_a_survey_is_kept_answer_by_answer_and_goes_on_at_the_first_open_question(board: Switchboard) -> None:
    with board.units() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.SURVEY)
        task = a_task(uow, a_patient(uow), queue, flow="satisfaction_survey")
        uow.commit()
    first = picked_up(board, task)
    first.presses("1")
    first.presses("1")
    first.presses("8")
    assert first.heard[-1] == "not_understood"
    first.presses("4")
    first.hangs_up()
    with board.units() as uow:
        response = uow.responses.of_task(task.id, "satisfaction")
        assert response is not None
        assert (response.state, response.answers) == (ResponseState.IN_PROGRESS, {"doctor_explains": "4"})
        (given,) = uow.responses.history(response.id)
        assert (given.mode, given.attempt_id, given.by) == (ResponseMode.KEYS, first.attempt.id, None)
        due_again(uow, task.id)
        uow.commit()
    second = picked_up(board, task)
    second.presses("1")
    second.presses("1")
    assert second.step == "waiting", "the first question has its answer"
    second.presses("9")
    second.presses("5")
    second.hears_out()
    assert second.heard[-2:] == ["noted", "goodbye"]
    with board.units() as uow:
        response = uow.responses.of_task(task.id, "satisfaction")
        assert response is not None
        assert response.answers == {"doctor_explains": "4", "waiting": "9", "overall": "5"}
        assert response.state is ResponseState.IN_PROGRESS, "a required question of the form is asked by nobody here"
    assert second.attempt.answers == {"waiting": "9", "overall": "5", "answer": "answered"}


def test_an_appointment_that_was_cancelled_meanwhile_is_not_confirmed_but_a_person_calls(board: Switchboard) -> None:
    task, visit = a_stored_reminder(board)
    call = picked_up(board, task)
    call.presses("1")
    with board.units() as uow:
        held = uow.patients.encounter(visit.id)
        assert held is not None
        held.appointment_state = AppointmentState.CANCELLED
        uow.commit()
    call.presses("1")
    assert appointment(board, visit) == (AppointmentState.CANCELLED, [])
    assert len(owed_calls(board, task)) == 1


def test_a_closed_patient_is_not_rung_for_the_purpose_he_refused(board: Switchboard) -> None:
    task, _ = a_stored_reminder(board)
    call = picked_up(board, task)
    call.presses("1")
    call.presses("7")
    call.hears_out()
    with board.units() as uow:
        again = due_again(uow, task.id)
        with pytest.raises(GateRefusedError):
            reserve(uow, task=again, agent_id=None, node="node-1", gate=GATE, now=uow.now)
