"""Scenario S3: an old patient with a weak heart enters her weight by keys, slowly, and a person looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from care.consent import Purpose
from care.patients import Patient
from db.gate import Gate
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.dialing_rules import Mode
from followup.inbound import InboundState
from followup.outcomes import AttemptOutcome
from followup.plans import Task, TaskMode
from followup.queues import Queue
from scheduler.dialer import match_and_reserve
from scheduler.due import queue_due_tasks
from telephony.automated import SLOW_TIMEOUT_SECONDS
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.keyed_calls import KeyedCall, answered
from tests.support.scenario import CONTENT, MovedClock, in_hospital_time
from tests.support.switchboard import Switchboard

BIRTHDAY = "0808#"


@dataclass(kw_only=True)
class Ward:
    """P2 at home, the hospital's API, its scheduler and its line, at an hour that the test sets."""

    house: House
    board: Switchboard
    clock: MovedClock
    patient: Patient
    nurse: Asking
    agents: Queue

    def move_to(self, text: str) -> None:
        with self.house.units() as uow:
            self.clock.offset += in_hospital_time(text) - uow.now

    def automated_task(self) -> Task:
        """The evening's question for her weight, due now."""
        with self.house.rows() as uow:
            queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.CARE)
            return a_task(uow, self.patient, queue, flow="heart_failure_weight", state="due", form="home_weight")

    def rings(self, task: Task) -> KeyedCall:
        """The scheduler finds her due and allowed, the node dials, she picks up."""
        with self.house.rows() as uow:
            uow.calls.heartbeat("node-1", uow.now, 4)
            queue_due_tasks(uow, gate=self.board.gate, now=uow.now)
        with self.house.rows() as uow:
            match_and_reserve(uow, gate=self.board.gate, now=uow.now)
        return answered(self.board, task.id)

    def weight_on_record(self, task: Task, kilograms: float) -> None:
        """The nurse writes down what she weighs."""
        response = self.nurse.put(f"/tasks/{task.id}/responses/home_weight").json()
        saved = self.nurse.put(f"/responses/{response['id']}/answers/weight", {"value": kilograms})
        assert saved.status_code == 200, saved.text


@pytest.fixture
def ward(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Ward]:
    clock = MovedClock()
    gate = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["cn"], trunk_is_loopback=True, allow_list=frozenset())
    with open_house(database_url, broker_url, tmp_path, gate=gate, clock=clock) as house:
        board = Switchboard(units=house.units, database_url=database_url, folder=tmp_path, gate=gate)
        with house.units() as uow:
            clock.offset += in_hospital_time("2026-11-16 18:00") - uow.now
        with house.rows() as uow:
            patient = a_patient(uow, name="李秀兰", sex="female", born=date(1955, 8, 8), dialect="nan")
            agents = a_queue(uow, purpose=Purpose.CARE)
            baseline = a_task(uow, patient, agents, form="home_weight", state="completed")
        ward = Ward(
            house=house,
            board=board,
            clock=clock,
            patient=patient,
            nurse=house.caller(Role.AGENT, Role.SUPERVISOR),
            agents=agents,
        )
        ward.weight_on_record(baseline, 61.0)
        ward.move_to("2026-11-18 18:10")
        ward.nurse = house.caller(Role.AGENT, Role.SUPERVISOR)
        yield ward


def wait_of(call: KeyedCall) -> float:
    """For how long a key is waited for now."""
    return call.board.control.leg(call.leg).digits_timeout


def test_she_enters_her_weight_by_keys_a_strange_one_is_confirmed_and_the_gain_is_an_amber_alert(
    ward: Ward, capfd: pytest.CaptureFixture[str]
) -> None:
    task = ward.automated_task()
    call = ward.rings(task)
    call.hears_out()
    assert call.heard == ["greeting", "machine_notice", "recording_notice", "ask_birthday"]
    assert wait_of(call) >= SLOW_TIMEOUT_SECONDS
    call.presses("0809#")
    assert call.heard[-1] == "birthday_wrong"
    call.presses(BIRTHDAY)
    assert call.heard[-1] == "ask_weight", "the first word about health comes behind the identity"
    assert wait_of(call) >= SLOW_TIMEOUT_SECONDS
    call.waits(SLOW_TIMEOUT_SECONDS - 0.1)
    assert call.heard[-1] == "ask_weight", "she is given her eight seconds"
    call.waits(2.2)
    assert call.heard[-1] == "ask_weight_again"
    call.presses("65#")
    assert call.heard[-1] == "weight_was_wrong", "6.5 kg is no weight"
    call.presses("1632#")
    assert (call.step, call.heard[-1]) == ("weight_strange", "weight_entered")
    assert call.attempt.answers == {}, "nothing is kept before she has said that it is right"
    assert wait_of(call) == SLOW_TIMEOUT_SECONDS
    call.presses("2")
    assert call.heard[-1] == "ask_weight_again"
    call.presses("632#")
    assert (call.step, call.heard[-1]) == ("weight_noted", "noted")
    call.hears_out()
    logged = "".join(capfd.readouterr())
    assert "command_taken" in logged
    assert [told for told in ("event_failed", "63.2", "632", "0808", "李秀兰") if told in logged] == []
    assert call.attempt.outcome is AttemptOutcome.CONNECTED_PATIENT
    assert call.attempt.answers == {"weight": "63.2", "answer": "weight_entered"}
    listed = ward.nurse.get(f"/tasks/{task.id}/responses")
    assert listed.status_code == 200, listed.text
    (response,) = listed.json()["responses"]
    assert response["answers"] == {"weight": 63.2}
    alerts = [each for each in ward.nurse.get("/alerts").json()["alerts"] if each["patient_id"] == ward.patient.id]
    assert [(alert["code"], alert["level"]) for alert in alerts] == [("weight_gain", "amber")]


def test_a_strange_weight_that_she_confirms_is_kept(ward: Ward) -> None:
    call = ward.rings(ward.automated_task())
    call.presses(BIRTHDAY)
    call.presses("702#")
    assert call.heard[-1] == "weight_entered"
    call.presses("1")
    call.hears_out()
    assert call.attempt.answers["weight"] == "70.2"


def test_prompts_for_her_are_the_slower_ones(ward: Ward) -> None:
    ward.rings(ward.automated_task()).presses(BIRTHDAY)
    asked = ward.board.prompts.asked
    assert ("ask_weight", True) in asked
    assert all(slow for _, slow in asked)


PLACES = {
    "at her birthday": [],
    "at her weight": [BIRTHDAY],
    "at what she has to confirm": [BIRTHDAY, "1632#"],
    "at the last words": [BIRTHDAY, "632#"],
}


def test_a_single_0_reaches_a_person_at_every_prompt(ward: Ward) -> None:
    for place, before in PLACES.items():
        with ward.house.rows() as uow:
            ward.patient = a_patient(uow, born=date(1955, 8, 8))
        task = ward.automated_task()
        with ward.house.rows() as uow:
            held = uow.plans.task_for_update(task.id)
            assert held is not None
            held.variables = {"last_weight": "61.0"}
        call = ward.rings(task)
        for keys in before:
            call.presses(keys)
        # The month of her birth begins with 0: there only the 0 with nothing behind it is the wish.
        call.presses("0#") if not before else call.board.press(call.leg, "0")
        assert call.step == "@person", place
        with ward.house.units() as uow:
            waiting = uow.inbound.live_of_call(call.call_id)
            assert waiting is not None
            assert waiting.state is InboundState.WAITING
        assert call.heard[-1] == "person"
        call.hangs_up()


def test_the_agent_who_calls_her_back_speaks_her_dialect(ward: Ward) -> None:
    ward.move_to("2026-11-19 09:00")
    with ward.house.rows() as uow:
        longest_waiting = an_agent(uow, ward.agents, state_since=uow.now - timedelta(hours=3))
        hers = an_agent(uow, ward.agents, dialects=["nan"], state_since=uow.now)
        uow.calls.heartbeat("node-1", uow.now, 4)
        task = a_task(uow, ward.patient, ward.agents, dialect="nan")
    assert agent_of(ward, task) == hers.id != longest_waiting.id


def agent_of(ward: Ward, task: Task) -> str | None:
    with ward.house.rows() as uow:
        match_and_reserve(uow, gate=ward.board.gate, now=uow.now)
    with ward.house.units() as uow:
        return _attempts(uow, task)


def _attempts(uow: UnitOfWork, task: Task) -> str | None:
    attempts = uow.attempts.of_task(task.id)
    return attempts[-1].agent_id if attempts else None
