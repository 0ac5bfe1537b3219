"""Campaigns over the API: reckoned and tried dry without a row, started, stopped, called, taken as a file."""

import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from care.consent import Purpose
from care.patients import Patient
from db.trunks import TrunkCondition
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.attempts import AttemptState
from followup.dialing_rules import GateReason
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import TaskMode, TaskState
from followup.queues import Queue
from scheduler.campaigns import finish_those_over
from tests.integration.api.house import Asking
from tests.support.builders import a_patient, a_queue, an_attempt, an_encounter
from tests.support.scenario import Scenario, in_hospital_time, scenario
from tests.support.waiting import until

WHY = {"reason": "第四次满意度调查"}


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-23 09:00") as hospital:
        yield hospital


def reminders(uow: UnitOfWork, *, lines: int = 2) -> Queue:
    return a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=lines)


def with_visit(uow: UnitOfWork, department: str = "cardiology", **values: Any) -> Patient:
    values.setdefault("born", date(1980, 5, 1))
    patient = a_patient(uow, **values)
    an_encounter(uow, patient, kind="appointment", department=department, occurred_at=uow.now + timedelta(days=3))
    return patient


def written(boss: Asking, queue: Queue, people: list[Patient], **values: Any) -> Any:
    body = {
        "name": f"campaign {queue.name}",
        "purpose": queue.purpose.value,
        "queue_id": queue.id,
        "flow": "appointment_reminder",
        "audience": {"kind": "patients", "patient_ids": [patient.id for patient in people]},
        "from_at": in_hospital_time("2026-11-23 09:00").isoformat(),
        "until_at": in_hospital_time("2026-11-24 20:00").isoformat(),
        **values,
    }
    answer = boss.post("/campaigns", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def counted(boss: Asking, campaign: Any) -> dict[str, int]:
    answer = boss.get(f"/campaigns/{campaign['id']}").json()["counts"]
    assert sum(answer["groups"].values()) == answer["size"]
    return {group: count for group, count in answer["groups"].items() if count}


def test_whoever_the_gate_would_refuse_for_good_is_left_out_with_the_reason_and_nothing_is_written(
    played: Scenario,
) -> None:
    boss = played.ask(Role.SUPERVISOR)
    with played.rows() as uow:
        queue = reminders(uow)
        fine = [with_visit(uow) for _ in range(3)]
        silent = with_visit(uow, scopes=())
        no_number = with_visit(uow, numbers=0)
        foreign = with_visit(uow, language="ug")
        closed = with_visit(uow)
        closed.contact_points[0].do_not_call = True
    people = [*fine, silent, no_number, foreign, closed, fine[0]]
    campaign = written(boss, queue, people)
    reckoned = boss.get(f"/campaigns/{campaign['id']}/estimate")
    assert reckoned.status_code == 200, reckoned.text
    told = reckoned.json()
    assert (told["people"], told["callable"], told["fits"], told["lines"]) == (7, 3, True, 2)
    assert told["left_out"] == {
        "no_consent": 1,
        "no_number": 1,
        "language_not_served": 1,
        "do_not_call": 1,
    }
    assert told["seconds_each"] > 20, "the flow's own prompts are counted"
    dry = boss.get(f"/campaigns/{campaign['id']}/dry-run").json()
    first = in_hospital_time("2026-11-23 09:00")
    assert [(hour["starts"][:16], len(hour["patient_ids"])) for hour in dry["hours"]] == [
        (first.isoformat()[:16], 3),
    ]
    assert {each["patient_id"] for each in dry["left_out"]} == {silent.id, no_number.id, foreign.id, closed.id}
    with played.units() as uow:
        assert uow.waiting.page(queue_id=queue.id, limit=10) == []
        assert uow.campaigns.people(campaign["id"], limit=10) == []
    assert boss.post(f"/campaigns/{campaign['id']}/start", WHY).status_code == 200
    assert counted(boss, campaign) == {"still_open": 3}
    left = boss.get(f"/campaigns/{campaign['id']}/people", params={"left_out": True}).json()["people"]
    assert len(left) == 4
    again = boss.post(f"/campaigns/{campaign['id']}/start", WHY)
    assert (again.status_code, again.json()["code"]) == (409, "not_possible_now")


def test_hours_calls_of_a_day_and_quotas_bound_a_campaign(played: Scenario) -> None:
    boss = played.ask(Role.SUPERVISOR)
    with played.rows() as uow:
        queue = reminders(uow, lines=4)
        people = [with_visit(uow, "cardiology") for _ in range(4)] + [with_visit(uow, "surgery") for _ in range(4)]
    campaign = written(
        boss,
        queue,
        people,
        hours=[{"start": "10:00", "end": "11:00"}],
        calls_per_day=3,
        quotas={"surgery": 1},
    )
    assert boss.post(f"/campaigns/{campaign['id']}/start", WHY).json()["counts"]["left_out"] == {"over_quota": 3}
    played.turn()
    with played.units() as uow:
        assert uow.attempts.live() == [], "its own hours have not begun"
    played.move_to("2026-11-23 10:00")

    def three() -> bool:
        played.turn()
        return counted_attempts(played, queue) == 3

    until(three, timeout=10, what="the day's three calls are reserved")
    played.move_to("2026-11-23 10:59")
    played.turn()
    assert counted_attempts(played, queue) == 3
    with played.units() as uow:
        waits = [task for task in uow.waiting.page(queue_id=queue.id, limit=20) if task.attempts_made == 0]
    assert {task.next_attempt_at for task in waits} == {in_hospital_time("2026-11-24 10:00")}


def counted_attempts(played: Scenario, queue: Queue) -> int:
    with played.units() as uow:
        return sum(len(uow.attempts.of_task(task.id)) for task in uow.waiting.page(queue_id=queue.id, limit=50))


def test_a_stop_takes_back_what_is_not_placed_and_calls_off_the_rest(played: Scenario) -> None:
    boss = played.ask(Role.SUPERVISOR)
    with played.rows() as uow:
        queue = reminders(uow)
        people = [with_visit(uow) for _ in range(5)]
        # No line is up: what is reserved waits at the node for one.
        assert uow.trunks.checked("node-1", "loopback", TrunkCondition.DOWN, "cut", now=uow.now)
    campaign = written(boss, queue, people)
    boss.post(f"/campaigns/{campaign['id']}/start", WHY)
    played.turn()
    with played.units() as uow:
        reserved = uow.attempts.live()
    assert len(reserved) == 2
    paused = boss.post(f"/campaigns/{campaign['id']}/pause", {"reason": "名单有误"})
    assert paused.status_code == 200, paused.text

    def taken_back() -> bool:
        with played.units() as uow:
            return not uow.attempts.live()

    until(taken_back, timeout=2, what="nothing of the campaign is reserved any more")
    with played.units() as uow:
        attempt = uow.attempts.get(reserved[0].id)
        assert attempt is not None
        assert (attempt.state, attempt.outcome) == (AttemptState.CLOSED, AttemptOutcome.BLOCKED_BY_POLICY)
        assert attempt.gate["reasons"] == [GateReason.CAMPAIGN_STOPPED]
    with played.rows() as uow:
        uow.trunks.checked("node-1", "loopback", TrunkCondition.UP, "", now=uow.now)
    played.turn()
    assert counted(boss, campaign) == {"still_open": 5}
    with played.units() as uow:
        assert uow.attempts.live() == [], "paused: nothing is dialed"
        assert uow.waiting.page(queue_id=queue.id, in_line=True, limit=9) == [], "nor does it cost a claim anything"
    stopped = boss.post(f"/campaigns/{campaign['id']}/stop", {"reason": "不再需要"})
    assert stopped.status_code == 200, stopped.text
    assert (stopped.json()["state"], stopped.json()["reason"]) == ("stopped", "不再需要")
    assert counted(boss, campaign) == {"called_off": 5}
    with played.units() as uow:
        tasks = uow.waiting.page(queue_id=queue.id, limit=9)
        assert {(task.state, task.outcome) for task in tasks} == {(TaskState.CANCELLED, TaskOutcome.CANCELLED)}
        pressed = [(row.action, row.user_id) for row in uow.audit.of_subject("campaign", campaign["id"])]
        assert ("campaign_paused", boss.user_id) in pressed
    assert boss.post(f"/campaigns/{campaign['id']}/resume", WHY).status_code == 409


def test_each_group_is_a_list_that_persons_call_once_and_a_file_with_its_purpose(played: Scenario) -> None:
    boss = played.ask(Role.SUPERVISOR)
    ended = (
        (AttemptOutcome.CONNECTED_PATIENT, TaskOutcome.COMPLETED, "confirmed", "confirmed"),
        (AttemptOutcome.CONNECTED_PATIENT, TaskOutcome.COMPLETED, "cancelled", "cancelled"),
        (AttemptOutcome.CONNECTED_PATIENT, TaskOutcome.COMPLETED, "rebook", "rebook"),
        (AttemptOutcome.CONNECTED_PATIENT, TaskOutcome.PARTIALLY_COMPLETED, "wants_person", "wants_person"),
        (AttemptOutcome.CONNECTED_PATIENT, TaskOutcome.PARTIALLY_COMPLETED, "no_key", "answered"),
        (AttemptOutcome.ANSWERED_MACHINE, TaskOutcome.LOST_TO_FOLLOW_UP, "", "machine"),
        (AttemptOutcome.NO_ANSWER, TaskOutcome.LOST_TO_FOLLOW_UP, "", "unreached"),
        (AttemptOutcome.NO_ANSWER, TaskOutcome.LOST_TO_FOLLOW_UP, "", "unreached"),
        (AttemptOutcome.CONNECTED_PATIENT, TaskOutcome.REFUSED, "opted_out", "refused"),
        (AttemptOutcome.INVALID_NUMBER, TaskOutcome.LOST_TO_FOLLOW_UP, "", "wrong_number"),
    )
    with played.rows() as uow:
        queue, nurses = reminders(uow), a_queue(uow, purpose=Purpose.REMINDER)
        people = [with_visit(uow, name="=1+1") for _ in ended]
    campaign = written(boss, queue, people)
    boss.post(f"/campaigns/{campaign['id']}/start", WHY)
    with played.rows() as uow:
        by_patient = {task.patient_id: task for task in uow.waiting.page(queue_id=queue.id, limit=50)}
        for patient, (outcome, came_to, answer, _) in zip(people, ended, strict=True):
            task = uow.plans.task_for_update(by_patient[patient.id].id)
            assert task is not None
            an_attempt(uow, task, state=AttemptState.CLOSED, outcome=outcome, answers={"answer": answer})
            task.state, task.outcome = TaskState(came_to.value.replace("-", "_")), came_to
    expected: dict[str, int] = {}
    for _, _, _, group in ended:
        expected[group] = expected.get(group, 0) + 1
    assert counted(boss, campaign) == expected
    with played.rows() as uow:
        assert finish_those_over(uow) == 1
    assert boss.get(f"/campaigns/{campaign['id']}").json()["state"] == "finished"
    assert counted(boss, campaign) == expected, "the report keeps its numbers"

    listed = boss.get(f"/campaigns/{campaign['id']}/people", params={"group": "unreached"}).json()["people"]
    assert {each["patient_id"] for each in listed} == {people[6].id, people[7].id}
    ask = {"group": "unreached", "queue_id": nurses.id, "reason": "电话补访"}
    assert boss.post(f"/campaigns/{campaign['id']}/calls", ask).json() == {"people": 2, "tasks_made": 2}
    assert boss.post(f"/campaigns/{campaign['id']}/calls", ask).json() == {"people": 2, "tasks_made": 0}
    wrong = boss.post(f"/campaigns/{campaign['id']}/calls", {**ask, "queue_id": queue.id})
    assert (wrong.status_code, wrong.json()["field"]) == (409, "queue_id")
    with played.units() as uow:
        made = uow.waiting.page(queue_id=nurses.id, limit=9)
    assert {task.patient_id for task in made} == {people[6].id, people[7].id}

    assert boss.get(f"/campaigns/{campaign['id']}/export").status_code == 422, "what it is for has to be said"
    taken = boss.get(f"/campaigns/{campaign['id']}/export", params={"purpose": "科室质控", "group": "confirmed"})
    assert taken.status_code == 200, taken.text
    rows = list(load_workbook(io.BytesIO(taken.content))["campaign"].iter_rows(values_only=True))
    assert "科室质控" in str(rows[0][0])
    assert boss.user_id in str(rows[0][0])
    assert [row[:2] for row in rows[2:]] == [(people[0].record_number, "=1+1")], "a name is text, never a formula"
    with played.units() as uow:
        audited = [row for row in uow.audit.of_subject("campaign", campaign["id"]) if row.action == "campaign_exported"]
    assert [(row.user_id, row.detail["rows"], row.detail["purpose"]) for row in audited] == [
        (boss.user_id, 1, "科室质控")
    ]


def test_what_cannot_be_a_campaign_is_refused_with_its_field(played: Scenario) -> None:
    boss = played.ask(Role.SUPERVISOR)
    with played.rows() as uow:
        queue, agents = reminders(uow), a_queue(uow, purpose=Purpose.SURVEY)
        patient = with_visit(uow)
    good = {
        "name": "x",
        "purpose": "reminder",
        "queue_id": queue.id,
        "flow": "appointment_reminder",
        "audience": {"kind": "patients", "patient_ids": [patient.id]},
        "from_at": in_hospital_time("2026-11-23 09:00").isoformat(),
        "until_at": in_hospital_time("2026-11-24 20:00").isoformat(),
    }
    faults = (
        ({"flow": None}, "flow"),
        ({"flow": "nonsense"}, "flow"),
        ({"purpose": "survey"}, "purpose"),
        ({"queue_id": agents.id, "purpose": "survey"}, "flow"),
        ({"queue_id": agents.id, "purpose": "survey", "flow": None}, "form"),
        ({"until_at": good["from_at"]}, "until_at"),
        ({"hours": [{"start": "12:00", "end": "09:00"}]}, "hours.0.end"),
        ({"audience": {"kind": "import"}}, "audience.import_id"),
        ({"audience": {"kind": "visits"}}, "audience.visited_from"),
    )
    for change, field in faults:
        answer = boss.post("/campaigns", {**good, **change})
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    nobody = {**good, "audience": {"kind": "visits", "departments": ["nowhere"]}}
    campaign = boss.post("/campaigns", nobody).json()
    refused = boss.post(f"/campaigns/{campaign['id']}/start", WHY)
    assert (refused.status_code, refused.json()["field"]) == (409, "audience")
