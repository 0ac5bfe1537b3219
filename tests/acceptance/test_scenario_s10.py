"""Scenario S10: a satisfaction wave keeps its hours, leaves out who was asked enough, and loses a trunk and an agent.

Sixty people instead of five hundred, in the same proportions.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from care.consent import Purpose
from care.patients import Patient
from db.trunks import TrunkCondition
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.attempts import AttemptState
from followup.calls import CallState, LegRole
from followup.outcomes import AttemptOutcome
from followup.plans import TaskMode, TaskState
from followup.queues import AgentState, Queue
from followup.survey_figures import figures_by_department, survey_figures
from telephony.call_control import Trunk
from telephony.trunks import Trunks, TrunkTerms
from tests.integration.api.house import Asking
from tests.support.builders import a_patient, a_queue, a_task, an_attempt, an_encounter
from tests.support.scenario import Scenario, in_hospital_time, scenario
from tests.support.waiting import until

WAVE = "W4"
LINES, NURSES = 4, 2
QUOTAS = {"cardiology": 30, "surgery": 15}
CHEAP, DEAR = (
    TrunkTerms(trunk=Trunk(name=name, host="127.0.0.1", loopback_only=True), cost=cost)
    for name, cost in (("A", 1.0), ("B", 2.0))
)


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    trunks = Trunks.of((CHEAP, DEAR))
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-24 11:30", trunks=trunks) as hospital:
        yield hospital


def somebody(uow: UnitOfWork, department: str, **values: Any) -> Patient:
    patient = a_patient(uow, born=date(1985, 3, 1), **values)
    an_encounter(uow, patient, department=department, occurred_at=uow.now - timedelta(days=5))
    return patient


def asked_twice(uow: UnitOfWork, queue: Queue, department: str) -> Patient:
    """Somebody who answered two surveys within the last thirty days."""
    patient = somebody(uow, department)
    for days in (6, 20):
        earlier = a_task(uow, patient, queue, state=TaskState.COMPLETED, due_at=uow.now - timedelta(days=days))
        an_attempt(
            uow,
            earlier,
            state=AttemptState.CLOSED,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            reserved_at=uow.now - timedelta(days=days),
        )
    return patient


def wave(boss: Asking, queue: Queue, departments: list[str], **values: Any) -> Any:
    answer = boss.post(
        "/campaigns",
        {
            "name": WAVE,
            "purpose": "survey",
            "queue_id": queue.id,
            "audience": {"kind": "visits", "visit_kind": "discharge", "departments": departments},
            "from_at": in_hospital_time("2026-11-24 11:30").isoformat(),
            "until_at": in_hospital_time("2026-11-25 20:00").isoformat(),
            **values,
        },
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def started(boss: Asking, campaign: Any) -> Any:
    answer = boss.post(f"/campaigns/{campaign['id']}/start", {"reason": "第四波满意度调查"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def dialed(played: Scenario, queue: Queue, *, since: str = "2026-11-24 00:00") -> Counter[str]:
    """How often each patient was dialed for this queue."""
    with played.units() as uow:
        tasks = uow.waiting.page(queue_id=queue.id, limit=200)
        return Counter(
            attempt.patient_id
            for task in tasks
            for attempt in uow.attempts.of_task(task.id)
            if attempt.reserved_at >= in_hospital_time(since)
        )


def hang_up_all(played: Scenario) -> None:
    with played.units() as uow:
        live = uow.calls.live_on("node-1")
    for call in live:
        played.place.ask("hang_up", call.id)
    for call in live:
        played.place.wait_for(call.id, CallState.ENDED)


def test_the_wave_keeps_its_hours_and_its_lines_and_goes_to_the_other_trunk(played: Scenario) -> None:
    boss = played.ask(Role.SUPERVISOR)
    with played.rows() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.SURVEY, lines=LINES)
        for department, count in (("cardiology", 34), ("surgery", 18)):
            for _ in range(count):
                somebody(uow, department)
        capped = [asked_twice(uow, queue, "cardiology") for _ in range(5)]
        uyghur = [somebody(uow, "surgery", language="ug") for _ in range(3)]
    campaign = wave(boss, queue, [*QUOTAS], flow="satisfaction_survey", quotas=QUOTAS)
    reckoned = boss.get(f"/campaigns/{campaign['id']}/estimate").json()
    assert (reckoned["people"], reckoned["callable"], reckoned["fits"]) == (60, 45, True)
    counts = started(boss, campaign)["counts"]
    assert counts["size"] == 45
    assert counts["left_out"] == {"rolling_cap": 5, "language_not_served": 3, "over_quota": 7}
    left_out = boss.get(f"/campaigns/{campaign['id']}/people", params={"left_out": True}).json()["people"]
    why = {each["patient_id"]: each["reasons"] for each in left_out}
    assert {tuple(why[patient.id]) for patient in capped} == {("rolling_cap",)}
    assert {tuple(why[patient.id]) for patient in uyghur} == {("language_not_served",)}

    played.turn()
    assert dialed(played, queue).total() == LINES
    with played.units() as uow:
        before_noon = [call.id for call in uow.calls.live_on("node-1")]
    for call_id in before_noon:
        played.place.wait_for(call_id, CallState.ANSWERED)
    played.move_to("2026-11-24 11:45")
    hung_up, running = before_noon[:2], before_noon[2:]
    for call_id in hung_up:
        played.place.ask("hang_up", call_id)
        played.place.wait_for(call_id, CallState.ENDED)
    played.turn()
    assert dialed(played, queue).total() == LINES, "the last dial was before 11:45"
    assert {played.place.call(call_id).state for call_id in running} == {CallState.ANSWERED}, "what runs may finish"
    hang_up_all(played)
    played.move_to("2026-11-24 13:59")
    played.turn()
    assert dialed(played, queue).total() == LINES

    played.move_to("2026-11-24 15:05")
    played.turn()
    assert dialed(played, queue).total() == 2 * LINES
    hang_up_all(played)
    with played.rows() as uow:
        assert uow.trunks.checked("node-1", "A", TrunkCondition.DOWN, "no answer to OPTIONS", now=uow.now)
    played.turn()
    live = [call for call in calls_of(played, queue) if call.state is not CallState.ENDED]
    assert len(live) == LINES
    for call in live:
        played.place.wait_for(call.id, CallState.ANSWERED)
    on_trunk = {call.id: leg.trunk for call in calls_of(played, queue) for leg in call.legs}
    assert Counter(on_trunk.values()) == {"A": 2 * LINES, "B": LINES}
    assert set(dialed(played, queue, since="2026-11-24 15:00").values()) == {1}, "nobody was dialed twice"
    legs = Counter(leg.role for call in calls_of(played, queue) for leg in call.legs)
    assert legs == {LegRole.PATIENT: 3 * LINES}, "one leg for each attempt"
    told = boss.get(f"/campaigns/{campaign['id']}").json()["counts"]
    assert sum(told["groups"].values()) == told["size"] == 45
    hang_up_all(played)
    played.move_to("2026-11-24 20:00")
    played.turn()
    assert dialed(played, queue).total() == 3 * LINES


def calls_of(played: Scenario, queue: Queue) -> list[Any]:
    with played.units() as uow:
        tasks = uow.waiting.page(queue_id=queue.id, limit=200)
        found = [
            uow.calls.of_attempt(attempt.id)
            for task in tasks
            for attempt in uow.attempts.of_task(task.id)
            if attempt.reserved_at >= in_hospital_time("2026-11-24 00:00")
        ]
    return [call for call in found if call is not None]


def test_an_agent_who_logs_out_in_mid_call_finishes_it_and_gets_no_other(played: Scenario) -> None:
    boss, leaving, staying = played.ask(Role.SUPERVISOR), played.ask(Role.AGENT), played.ask(Role.AGENT)
    with played.rows() as uow:
        queue = a_queue(uow, purpose=Purpose.SURVEY)
        for _ in range(4):
            somebody(uow, "medicine")
        for nurse in (leaving, staying):
            agent = uow.queues.agent_for_update(nurse.user_id)
            assert agent is not None
            agent.queues = [queue.id]
    for number, nurse in enumerate((leaving, staying)):
        played.seat(nurse.user_id, f"desk-{number}")
    campaign = wave(boss, queue, ["medicine"], form="satisfaction")
    assert started(boss, campaign)["counts"]["size"] == 4
    played.turn()
    assert dialed(played, queue).total() == NURSES
    mine = next(call for call in calls_of(played, queue) if call.agent_id == leaving.user_id)
    played.place.wait_for(mine.id, CallState.BRIDGED)
    assert leaving.post("/agents/me/state", {"state": "offline"}).status_code == 200
    assert played.place.call(mine.id).state is CallState.BRIDGED, "the conversation goes on"
    played.place.ask("hang_up", mine.id)
    played.place.wait_for(mine.id, CallState.ENDED)
    done = {"outcome": "connected-patient", "task_result": "partially-completed"}

    def wrapped_up() -> bool:
        return bool(leaving.post(f"/attempts/{mine.attempt_id}/wrap-up", done).status_code == 200)

    until(wrapped_up, timeout=10, what="she has said what came of it")
    played.turn()
    assert played.place.agent(leaving.user_id).state is AgentState.OFFLINE
    assert dialed(played, queue)[mine.patient_id] == 1, "what she did is not done again"
    assert dialed(played, queue).total() == NURSES, "she is given no other"
    hang_up_all(played)


def test_the_figures_of_the_wave_are_those_of_the_answers_and_few_answers_give_none() -> None:
    scores = [5] * 140 + [4] * 110 + [3] * 30 + [2] * 15 + [1] * 5
    recommend = [10] * 100 + [9] * 65 + [8] * 105 + [5] * 30
    figures = survey_figures(scores, recommend)
    assert (figures.n, figures.satisfied, figures.top_box, figures.recommendation) == (300, 83.3, 46.7, 45.0)
    by_department = figures_by_department({"cardiology": scores[:30], "dermatology": scores[:29]})
    assert not by_department["cardiology"].insufficient
    few = by_department["dermatology"]
    assert (few.insufficient, few.satisfied, few.top_box) == (True, None, None)
