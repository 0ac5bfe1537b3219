"""What the system decided, by API: why, in both languages; taken back, changed for a queue; messages and numbers."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from care.consent import ConsentScope
from care.patients import NumberQuality
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.messages import Channel, Message, MessageTrigger
from followup.outcomes import AttemptOutcome
from followup.plans import TaskState
from runtime.identifiers import new_id
from scheduler.outcomes import AttemptPolicies, decide_next_for
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import a_patient, a_queue, a_task, an_attempt

REGISTRAR = Role.REGISTRAR


@dataclass
class Missed:
    """An attempt that reached nobody, and who asks about it."""

    house: House
    attempt: Attempt
    agent: Asking

    @property
    def task(self) -> dict[str, object]:
        """The task as the API shows it."""
        found: dict[str, object] = self.agent.get(f"/tasks/{self.attempt.task_id}").json()
        return found


@pytest.fixture
def missed(house: House) -> Missed:
    return Missed(house=house, attempt=_attempt(house, AttemptOutcome.NO_ANSWER), agent=house.caller(Role.AGENT))


def _attempt(house: House, outcome: AttemptOutcome) -> Attempt:
    with house.rows() as uow:
        patient = a_patient(uow, scopes=(ConsentScope.PHONE, ConsentScope.SMS))
        task = a_task(uow, patient, a_queue(uow, policy="default"), state=TaskState.IN_PROGRESS, attempts_made=1)
        task.latest_at = uow.now + timedelta(days=6)
        attempt = an_attempt(
            uow, task, state=AttemptState.CLOSED, outcome=outcome, closed_at=uow.now, reserved_at=uow.now
        )
        gate = house.app.state.wiring.gate
        policies = AttemptPolicies(by_id=CONTENT.policies, documents=CONTENT.policy_documents)
        assert decide_next_for(uow, attempt.id, gate=gate, policies=policies)
    return attempt


def test_a_decision_says_why_in_both_languages_and_can_be_undone_once(missed: Missed) -> None:
    (decision,) = missed.agent.get(f"/attempts/{missed.attempt.id}/decisions").json()["decisions"]
    assert (decision["action"], decision["reason"]) == ("call_again", "nobody_reached")
    assert decision["words"] == {
        "zh": "没有联系上任何人，稍后再打",
        "en": "Nobody was reached; the patient is called again",
    }
    path = f"/attempts/{missed.attempt.id}/undo-decision"
    (undone,) = missed.agent.post(path, {"reason": "他请我们明天再打"}).json()["decisions"]
    assert (undone["undone_by"], undone["undo_reason"]) == (missed.agent.user_id, "他请我们明天再打")
    assert (missed.task["state"], missed.task["next_action"]) == ("queued", "escalate")
    again = missed.agent.post(path, {"reason": "once more"})
    assert (again.status_code, again.json()["reason"]) == (409, "the decision was undone already")
    assert missed.agent.get(f"/tasks/{missed.attempt.task_id}/decisions").json()["decisions"] == [undone]
    assert missed.agent.post(path, {"reason": " "}).status_code == 422


def test_what_was_never_decided_cannot_be_undone(house: House) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow), state=TaskState.IN_PROGRESS)
        attempt = an_attempt(uow, task)
    agent = house.caller(Role.AGENT)
    assert agent.get(f"/attempts/{attempt.id}/decisions").json() == {"decisions": []}
    refused = agent.post(f"/attempts/{attempt.id}/undo-decision", {"reason": "?"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")


def test_a_queues_own_values_are_set_by_who_may_and_stay_readable(missed: Missed) -> None:
    house, queue = missed.house, missed.attempt.queue_id
    supervisor = house.caller(Role.SUPERVISOR)
    path = f"/queues/{queue}/attempt-policy"
    assert missed.agent.post(path, {"changes": {}}).status_code == 403
    set_now = supervisor.post(path, {"changes": {"max_attempts": 5, "messages_after_misses": True}}).json()
    assert (set_now["policy"]["max_attempts"], set_now["policy"]["per_day"]) == (5, 2)
    supervisor.post(path, {"changes": {}})
    read = missed.agent.get(path).json()
    assert (read["policy"]["max_attempts"], read["changes"]) == (3, {})
    assert [entry["changes"] for entry in read["history"]] == [{}, {"max_attempts": 5, "messages_after_misses": True}]
    assert {entry["set_by"] for entry in read["history"]} == {supervisor.user_id}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_attempts": 99}, "max_attempts"),
        ({"message_before_first": "poem"}, "there is no message poem"),
        ({"outcomes": {"network-failure": {"counts": True}}}, "may not count"),
    ],
)
def test_values_that_make_no_policy_are_refused_in_words(
    missed: Missed, changes: dict[str, object], words: str
) -> None:
    refused = missed.house.caller(Role.SUPERVISOR).post(
        f"/queues/{missed.attempt.queue_id}/attempt-policy", {"changes": changes}
    )
    assert (refused.status_code, refused.json()["field"]) == (422, "changes")
    assert words in refused.json()["reason"]


def test_a_parked_message_is_listed_sent_again_and_called_off(missed: Missed) -> None:
    house = missed.house
    with house.rows() as uow:
        message = Message(
            id=new_id(),
            patient_id=missed.attempt.patient_id,
            channel=Channel.SMS,
            address=missed.attempt.number,
            language="zh",
            text_key="missed_call",
            text="您好。",
            planned_at=uow.now,
            send_at=uow.now,
        )
        uow.messages.plan(message)
        uow.messages.move(message, MessageTrigger.PARK, at=uow.now, reason="no channel")
    supervisor = house.caller(Role.SUPERVISOR)
    (listed,) = supervisor.get("/messages", params={"state": "parked"}).json()["messages"]
    assert (listed["id"], listed["reason"]) == (message.id, "no channel")
    assert missed.attempt.number not in str(listed)
    assert supervisor.post(f"/messages/{message.id}/send-again").json()["state"] == "planned"
    assert supervisor.post(f"/messages/{message.id}/send-again").status_code == 409
    assert missed.agent.post(f"/messages/{message.id}/cancel").json()["state"] == "cancelled"
    (shown,) = missed.agent.get(f"/patients/{missed.attempt.patient_id}/messages").json()["messages"]
    assert [step["trigger"] for step in shown["history"]] == ["park", "send_again", "cancel"]
    assert shown["history"][1]["user_id"] == supervisor.user_id
    assert supervisor.post(f"/messages/{new_id()}/cancel").status_code == 404


@pytest.mark.parametrize(
    ("address", "status"), [("li@example.org", 201), ("li", 422), ("li@", 422), ("@b.cn", 422), ("li@localhost", 422)]
)
def test_an_address_is_kept_if_it_is_one(missed: Missed, address: str, status: int) -> None:
    path = f"/patients/{missed.attempt.patient_id}/message-addresses"
    answer = missed.agent.post(path, {"channel": "email", "address": address.ljust(3)})
    assert answer.status_code == status
    if status == 201:
        with missed.house.rows() as uow:
            assert uow.messages.address_of(missed.attempt.patient_id, Channel.EMAIL) == address


def test_the_registry_finds_a_number_and_the_task_is_taken_up_again(house: House) -> None:
    attempt = _attempt(house, AttemptOutcome.WRONG_NUMBER)
    registrar = house.caller(REGISTRAR)
    agent = house.caller(Role.AGENT)
    assert agent.get("/number-searches").status_code == 403
    (search,) = registrar.get("/number-searches").json()["searches"]
    assert (search["because"], search["none_left"]) == ("wrong-number", True)
    assert not {"purpose", "queue_id", "task_id", "department"} & set(search)
    path = f"/number-searches/{search['id']}/close"
    assert registrar.post(path, {}).status_code == 422
    taken = registrar.post(path, {"number": attempt.number})
    assert (taken.status_code, taken.json()["code"]) == (409, "taken")
    closed = registrar.post(path, {"number": "139 0000 0123", "words": "from the admission sheet"}).json()
    assert closed["closed_by"] == registrar.user_id
    assert registrar.post(path, {"words": "again"}).status_code == 409
    assert registrar.get("/number-searches").json()["searches"] == []
    task = agent.get(f"/tasks/{attempt.task_id}").json()
    assert (task["state"], task["next_action"]) == ("queued", None)
    with house.rows() as uow:
        patient = uow.patients.get(attempt.patient_id)
        assert patient is not None
        assert {point.number: point.quality for point in patient.contact_points} == {
            attempt.number: NumberQuality.WRONG,
            "+8613900000123": NumberQuality.UNVERIFIED,
        }
