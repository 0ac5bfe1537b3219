"""What an agent has before her, what she takes of it, and what she may know of the patient when."""

from datetime import timedelta

from care.relatives import Matter
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.plans import Task
from followup.queues import AgentState, DialStyle, Queue
from scheduler.ownership import promise
from tests.integration.api.house import Asking, House
from tests.integration.api.test_attempts_and_notes import in_hand
from tests.integration.api.test_previews_and_ownership import at_her_desk
from tests.support.builders import a_node, a_patient, a_queue, a_task, an_encounter


def three_owed(uow: UnitOfWork, agent: Asking) -> tuple[Queue, list[Task]]:
    """Of yesterday, of today, and promised for a minute ago; and one of a queue that is not hers."""
    queue = a_queue(uow, style=DialStyle.PREVIEW)
    patients = [a_patient(uow, name="李小伟") for _ in range(4)]
    an_encounter(uow, patients[0], department="心内科")
    late = a_task(uow, patients[0], queue, due_at=uow.now - timedelta(days=2))
    late.latest_at = uow.now + timedelta(hours=2)
    today = a_task(uow, patients[1], queue)
    promised = a_task(uow, patients[2], queue)
    promise(promised, uow.now - timedelta(minutes=1), owner_id=agent.user_id, now=uow.now)
    a_task(uow, patients[3], a_queue(uow))
    desk = at_her_desk(uow, agent, queue.id)
    desk.state = AgentState.AVAILABLE
    a_node(uow)
    return queue, [late, today, promised]


def test_a_worklist_has_call_backs_first_then_the_late_and_masks_every_name(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        _, (late, today, promised) = three_owed(uow, agent)
    shown = agent.get("/agents/me/worklist")
    listed = shown.json()
    assert [(each["task_id"], each["pressing"]) for each in listed["tasks"]] == [
        (promised.id, "call_back"),
        (late.id, "overdue"),
        (today.id, "today"),
    ]
    assert (listed["due"], listed["overdue"], listed["call_backs"], listed["done"]) == (3, 1, 1, 0)
    assert listed["tasks"][1]["department"] == "心内科"
    assert listed["tasks"][0]["own"]
    assert "李小伟" not in shown.text


def test_a_promised_call_back_is_not_on_anybody_elses_list(house: House, agent: Asking) -> None:
    other = house.caller(Role.AGENT)
    with house.rows() as uow:
        queue, (_, _, promised) = three_owed(uow, agent)
        at_her_desk(uow, other, queue.id)
    assert promised.id not in [each["task_id"] for each in other.get("/agents/me/worklist").json()["tasks"]]


def test_a_chosen_task_is_shown_before_it_is_dialed_and_can_be_taken_once(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        _, (late, today, _) = three_owed(uow, agent)
    taken = agent.post(f"/tasks/{late.id}/claim")
    assert (taken.status_code, taken.json()["state"]) == (201, "reserved")
    assert taken.json()["preview_until"] is not None
    hand = agent.get("/agents/me/call").json()
    assert (hand["task"]["id"], hand["call"], hand["glance"]) == (late.id, None, None)
    assert agent.post(f"/tasks/{late.id}/claim").json()["code"] == "not_possible_now"
    assert agent.post(f"/tasks/{today.id}/claim").json()["code"] == "not_possible_now"
    listed = {each["task_id"]: each for each in agent.get("/agents/me/worklist").json()["tasks"]}
    assert late.id not in listed


def test_the_patient_is_seen_at_a_glance_once_it_is_known_who_speaks(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, AttemptState.IN_CALL)
    before = agent.get("/agents/me/call").json()
    assert (before["glance"], before["numbers"][0]["dialed"]) == (None, True)
    assert before["numbers"][0]["number"].startswith("*")
    agent.post(f"/attempts/{attempt.id}/identity", {"person": "patient", "identifiers": ["name", "born"]})
    with house.rows() as uow:
        patient = uow.patients.get(attempt.patient_id)
        assert patient is not None
        an_encounter(uow, patient, department="骨科", ward="3病区", doctor="张医生")
    seen = agent.get("/agents/me/call").json()
    assert seen["glance"]["visit"]["department"] == "骨科"
    assert seen["queue"]["wrap_up_seconds"] == 60
    assert Matter.SYMPTOMS in seen["may_be_told"]


def test_a_broken_glass_shows_him_before_he_said_who_he_is_and_is_not_an_identity(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, AttemptState.IN_CALL)
    asked = {"reason": "patient_on_the_line", "text": "胸痛,来不及核对"}
    assert agent.post(f"/patients/{attempt.patient_id}/broken-glasses", asked).status_code == 201
    seen = agent.get("/agents/me/call").json()
    assert (seen["glass_open"], seen["patient"]["masked"], seen["patient"]["name"]) == (True, False, "李小伟")
    assert seen["glance"] is not None
    assert (seen["speaker"], seen["attempt"]["identity_confirmed_at"]) == ("unknown", None)
    other = house.caller(Role.AGENT)
    with house.rows() as uow:
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        assert call.state is CallState.BRIDGED
    assert not other.get("/agents/me/call").json()["glass_open"]
