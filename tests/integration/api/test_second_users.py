"""Two users at one moment, and users who reach for what is not theirs: whoever comes second is told so in words."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.day_exceptions import DayExceptionKind
from followup.outcomes import TaskOutcome
from followup.plans import TaskState
from followup.supervision import Supervision, SupervisionMode, SupervisionReason
from runtime.identifiers import new_id
from tests.integration.api.house import PASSWORD, QUICK_HASHER, Asking, House
from tests.integration.api.test_previews_and_ownership import at_her_desk
from tests.integration.api.test_quality import CARD, Desk, marks
from tests.integration.api.test_worklists import three_owed
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt
from tests.support.waiting import until


@contextmanager
def held(house: House, change: Callable[[UnitOfWork], None], ask: Callable[[], Any]) -> Iterator[list[Any]]:
    """`ask` is sent while a change is not committed yet; its answer is there at the end."""
    answers: list[Any] = []
    with house.units() as uow:
        change(uow)
        uow.flush()
        second = threading.Thread(target=lambda: answers.append(ask()))
        second.start()
        until(lambda: bool(answers) or _waits(house), timeout=20, what="the second request to wait for the first")
        uow.commit()
    second.join(20)
    yield answers


def _waits(house: House) -> bool:
    with house.units() as uow:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = "
        return bool(uow._session.execute(text(f"{waiting} 'Lock'")).scalar_one())


def test_two_administrators_cannot_lock_each_other_out(house: House) -> None:
    first, second = house.caller(Role.ADMIN), house.caller(Role.ADMIN)

    def lock_out(uow: UnitOfWork) -> None:
        user = uow.users.get(second.user_id)
        assert user is not None
        user.disabled = True

    with held(house, lock_out, lambda: second.post(f"/users/{first.user_id}/disable")) as (answer,):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_possible_now")
    with house.rows() as uow:
        assert uow.users.lock_administrators() == {first.user_id}


def test_an_administrator_who_has_just_lost_the_role_takes_it_from_nobody(house: House) -> None:
    first, second = house.caller(Role.ADMIN), house.caller(Role.ADMIN)

    def take(uow: UnitOfWork) -> None:
        user = uow.users.get(second.user_id)
        assert user is not None
        user.roles = [Role.AGENT.value]

    wanted = {"display_name": "王敏", "roles": ["agent"]}
    with held(house, take, lambda: second.put(f"/users/{first.user_id}", wanted)) as (answer,):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_possible_now")


def test_nobody_logs_in_with_a_password_that_was_changed_while_it_was_checked(house: House) -> None:
    person = house.person(Role.AGENT)

    def give(uow: UnitOfWork) -> None:
        user = uow.users.get(person.user_id)
        assert user is not None
        user.password_hash = QUICK_HASHER.hash("another horse battery")

    asked = {"login": person.login, "password": PASSWORD, "take_over": True}
    with held(house, give, lambda: house.stranger().post("/log-ins", asked)) as (answer,):
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_log_in")


def _listening(house: House, supervisor: Asking) -> str:
    with house.rows() as uow:
        agent = an_agent(uow, queue := a_queue(uow))
        call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), queue), agent_id=agent.id))
        visit = Supervision(
            id=new_id(),
            call_id=call.id,
            leg_id=call.legs[0].id,
            supervisor_id=supervisor.user_id,
            agent_id=agent.id,
            phone="8001",
            mode=SupervisionMode.LISTEN,
            reason=SupervisionReason.TRAINING,
            asked_at=uow.now,
        )
        uow.supervisions.add(visit)
    return visit.id


def _ended(house: House, visit: str) -> bool:
    with house.units() as uow:
        asked = "SELECT count(*) FROM call_commands WHERE verb = 'end_supervision' AND CAST(subject AS text) = :visit"
        return bool(uow._session.execute(text(asked), {"visit": visit}).scalar_one())


def test_nobody_listens_on_when_his_password_or_his_role_is_taken(house: House, admin: Asking) -> None:
    listener, other = house.caller(Role.SUPERVISOR), house.caller(Role.SUPERVISOR)
    visit, another = _listening(house, listener), _listening(house, other)
    assert admin.post(f"/users/{listener.user_id}/password", {"password": "another horse battery"}).status_code == 204
    assert _ended(house, visit)
    kept = {"display_name": "李静", "roles": ["supervisor", "agent"]}
    assert admin.put(f"/users/{other.user_id}", kept).status_code == 200
    assert not _ended(house, another)
    assert admin.put(f"/users/{other.user_id}", {**kept, "roles": ["agent"]}).status_code == 200
    assert _ended(house, another)


def test_a_colleagues_promise_and_other_queues_tasks_cannot_be_claimed(house: House, agent: Asking) -> None:
    other, stranger = house.caller(Role.AGENT), house.caller(Role.AGENT)
    with house.rows() as uow:
        queue, (late, _, promised) = three_owed(uow, agent)
        at_her_desk(uow, other, queue.id)
        at_her_desk(uow, stranger, a_queue(uow).id)
    for refused in (other.post(f"/tasks/{promised.id}/claim"), stranger.post(f"/tasks/{late.id}/claim")):
        assert (refused.status_code, refused.json()["field"]) == (409, "task_id"), refused.text
    assert other.post(f"/tasks/{late.id}/claim").status_code == 201
    assert agent.post(f"/tasks/{promised.id}/claim").status_code == 201


def test_no_marks_are_given_in_a_round_once_all_of_them_can_be_read(house: House, supervisor: Asking) -> None:
    other, desk = house.caller(Role.SUPERVISOR), Desk(house)
    call = desk.talked()
    asked = {
        "kind": "double",
        "title": "双评",
        "card": CARD,
        "attempt_ids": [call.id],
        "grader_ids": [supervisor.user_id, other.user_id],
    }
    grading = supervisor.post("/quality/rounds", asked).json()["id"]
    body = {"attempt_id": call.id, "card": CARD, "round_id": grading}
    score = other.post("/quality/scores", body).json()["id"]
    assert other.put(f"/quality/scores/{score}", {"marks": marks()}).status_code == 200
    assert supervisor.post(f"/quality/rounds/{grading}/close").status_code == 200
    for late in (
        other.put(f"/quality/scores/{score}", {"marks": marks()}),
        other.post(f"/quality/scores/{score}/give"),
    ):
        assert (late.status_code, late.json()["field"]) == (409, "round_id"), late.text


def test_how_a_colleague_was_judged_is_told_to_her_and_to_supervisors_only(house: House, supervisor: Asking) -> None:
    desk = Desk(house)
    call = desk.talked()
    score = supervisor.post("/quality/scores", {"attempt_id": call.id, "card": CARD}).json()["id"]
    supervisor.put(f"/quality/scores/{score}", {"marks": marks()})
    assert supervisor.post(f"/quality/scores/{score}/give").status_code == 200
    of_patient = {"patient_id": call.patient_id}
    told = {
        name: asking.get("/recordings", params=of_patient).json()["recordings"][0]
        for name, asking in (
            ("supervisor", supervisor),
            ("herself", desk.asking),
            ("colleague", house.caller(Role.AGENT)),
            ("doctor", house.caller(Role.DOCTOR)),
        )
    }
    assert {name: each["score"] for name, each in told.items()} == {
        "supervisor": 100.0,
        "herself": 100.0,
        "colleague": None,
        "doctor": None,
    }
    colleague = house.caller(Role.AGENT)
    assert colleague.get(f"/recordings/{told['colleague']['id']}/call").json()["call"]["score"] is None
    asked = colleague.get("/recordings", params={**of_patient, "least_score": 50})
    assert (asked.status_code, asked.json()["code"]) == (403, "not_yours")


def test_what_one_has_settled_another_does_not_settle_with_other_words(house: House) -> None:
    second = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        task = a_task(
            uow,
            a_patient(uow),
            a_queue(uow),
            due_at=uow.now - timedelta(days=2),
            state=TaskState.LOST_TO_FOLLOW_UP,
            outcome=TaskOutcome.LOST_TO_FOLLOW_UP,
            next_action="escalate",
        )

    def settle(uow: UnitOfWork) -> None:
        case = uow.day_exceptions.case(DayExceptionKind.WINDOW_MISSED, task.id, new_id=new_id())
        case.settled_at, case.settled_because = uow.now, "rang his daughter"

    address = f"/exceptions/window_missed/{task.id}/settle"
    with held(house, settle, lambda: second.post(address, {"because": "nothing to do"})) as (answer,):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_exception")


def test_days_at_the_ends_of_the_calendar_are_refused_in_words(supervisor: Asking) -> None:
    for first, last in (("9999-12-31", "9999-12-31"), ("0001-01-01", "0001-01-02")):
        for address in ("/indicators", "/indicators/export", "/indicators/completion/tasks"):
            asked = supervisor.get(address, params={"first": first, "last": last, "purpose": "audit"})
            assert asked.status_code == 422, asked.text


def test_a_nul_in_an_address_is_no_fault_of_the_server(supervisor: Asking) -> None:
    month = {"first": "2026-03-01", "last": "2026-03-31"}
    for address, params in (
        ("/recordings", {"department": "a\0"}),
        ("/indicators", {**month, "department": "a\0"}),
        ("/indicators/export", {**month, "purpose": "why\0"}),
        ("/indicators/completion/tasks", {**month, "plan": "a\0"}),
    ):
        asked = supervisor.get(address, params=params)
        assert asked.status_code == 422, (address, asked.text)


def test_the_log_tells_which_tasks_behind_a_figure_were_seen(house: House, supervisor: Asking) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        day = uow.now.date()
        task.latest_at = uow.now
    asked = {"first": (day - timedelta(days=1)).isoformat(), "last": (day + timedelta(days=1)).isoformat()}
    assert supervisor.get("/indicators/completion/tasks", params=asked).json()["tasks"][0]["task_id"] == task.id
    rows = house.caller(Role.ADMIN).post("/audit/search", {"action": "indicator_tasks_viewed"}).json()["rows"]
    assert rows[0]["detail"]["tasks"] == [task.id]


def test_whoever_listened_last_is_told_of_however_often_others_did(house: House, supervisor: Asking) -> None:
    desk = Desk(house)
    call = desk.talked()
    (recording,) = supervisor.get("/recordings", params={"patient_id": call.patient_id}).json()["recordings"]
    many = (
        "INSERT INTO audit_log (at, user_id, action, subject_kind, subject, patient_id, detail) "
        "SELECT clock_timestamp(), :user, 'recording_played', 'recording', :recording, :patient, '{}' "
        "FROM generate_series(1, 10000)"
    )
    with house.rows() as uow:
        values = {"user": supervisor.user_id, "recording": recording["id"], "patient": call.patient_id}
        uow._session.execute(text(many), values)
    assert desk.asking.get(f"/recordings/{recording['id']}").status_code == 200
    told = supervisor.get(f"/recordings/{recording['id']}/accesses").json()["accesses"]
    assert told[0]["user_id"] == desk.asking.user_id
