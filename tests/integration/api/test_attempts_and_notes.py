"""From the screen pop to the signed note."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.calls import CallState
from followup.notes import Proposal
from followup.queues import AgentState
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt

NOBODY = "00000000-0000-4000-8000-000000000000"


def in_hand(house: House, agent_id: str, state: AttemptState = AttemptState.WRAP_UP, **patient: Any) -> Attempt:
    """An attempt of this agent, in call or in wrap-up."""
    with house.rows() as uow:
        person = a_patient(uow, **{"name": "李小伟", "record_number": f"A-{new_id()[:8]}", "language": "zh", **patient})
        attempt = an_attempt(
            uow, a_task(uow, person, a_queue(uow, language=person.language)), agent_id=agent_id, state=state
        )
        in_call = state is not AttemptState.WRAP_UP
        ended = {"ended_at": None, "end_reason": None, "party": None} if in_call else {}
        a_call(uow, attempt, state=CallState.BRIDGED if in_call else CallState.ENDED, **ended)
        desk = uow.queues.agent(agent_id)
        assert desk is not None
        desk.state = AgentState.ON_CALL if in_call else AgentState.WRAP_UP
    return attempt


def events(house: House, *subjects: str) -> list[str]:
    with house.units.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, subject FROM outbox ORDER BY id")).all()
    return [kind for kind, subject in rows if subject in subjects]


def answer(asking: Asking, attempt: Attempt, item: str, value: object) -> Any:
    return asking.put(f"/attempts/{attempt.id}/answers/{item}", {"value": value})


def wrapped_up(house: House, agent: Asking, **body: Any) -> dict[str, Any]:
    attempt = in_hand(house, agent.user_id)
    made = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient", **body})
    assert made.status_code == 200, made.text
    note: dict[str, Any] = made.json()
    return note


def test_between_calls_the_hand_is_empty(agent: Asking) -> None:
    empty: dict[str, object] = {
        **dict.fromkeys(["attempt", "call", "task", "form", "response", "patient", "script", "queue", "glance"]),
        "call_back_at": None,
        "glass_open": False,
        "numbers": [],
        "tries": [],
        "skipped": {},
        "taken_along": [],
        "speaker": "unknown",
        "may_be_told": [],
    }
    assert agent.get("/agents/me/call").json() == empty


def test_the_patient_is_masked_until_he_has_said_who_he_is(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, AttemptState.IN_CALL, record_number="A10293")
    popped = agent.get("/agents/me/call")
    assert popped.json()["form"]["id"] == "discharge_core"
    assert popped.json()["script"]["lines"][0]["key"] == "notice"
    seen = popped.json()["patient"]
    assert (seen["masked"], seen["name"], seen["record_number"]) == (True, "李**", "***293")
    for hidden in ("李小伟", "A10293", attempt.number):
        assert hidden not in popped.text
    one = agent.post(f"/attempts/{attempt.id}/identity", {"person": "patient", "identifiers": ["name", "name"]})
    assert (one.status_code, one.json()["field"]) == (422, "identifiers")
    opened = agent.post(f"/attempts/{attempt.id}/identity", {"person": "patient", "identifiers": ["name", "born"]})
    assert opened.json()["name"] == "李小伟"
    assert agent.get("/agents/me/call").json()["patient"]["number"] == attempt.number


def test_nobody_is_identified_before_the_answer_or_by_another_agent(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, AttemptState.RESERVED)
    body = {"person": "patient", "identifiers": ["name", "born"]}
    assert agent.post(f"/attempts/{attempt.id}/identity", body).json()["code"] == "not_possible_now"
    other = house.caller(Role.AGENT).post(f"/attempts/{attempt.id}/identity", body)
    assert (other.status_code, other.json()["code"]) == (403, "not_yours")


@pytest.mark.parametrize(
    ("item", "good", "bad"),
    [
        ("feeling", "better", "splendid"),
        ("feeling", "worse", 1),
        ("medicines_obtained", True, "yes"),
        ("missed_days", 7, 8),
        ("missed_days", 0, -1),
        ("missed_days", 3, 2.5),
        ("questions", "什么时候拆线?", ""),
    ],
)
def test_an_answer_has_to_fit_its_question(house: House, agent: Asking, item: str, good: object, bad: object) -> None:
    attempt = in_hand(house, agent.user_id)
    refused = answer(agent, attempt, item, bad)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "answer_refused", item)
    assert answer(agent, attempt, item, good).json()["answers"] == {item: good}


def test_answers_are_kept_one_by_one_and_taken_back(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, AttemptState.IN_CALL)
    answer(agent, attempt, "feeling", "better")
    answer(agent, attempt, "missed_days", 2)
    answer(agent, attempt, "feeling", None)
    assert agent.get(f"/attempts/{attempt.id}").json()["answers"] == {"missed_days": 2}
    assert answer(agent, attempt, "no_such_item", 1).json()["code"] == "unknown_answer_item"


def test_a_wrap_up_closes_the_attempt_frees_the_agent_and_drafts_the_note(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id)
    answer(agent, attempt, "feeling", "better")
    answer(agent, attempt, "missed_days", 2)
    agent.post("/agents/me/state", {"state": "break"})
    said = {"outcome": "connected-proxy", "task_result": "completed", "spoke_with": "女儿", "note": "家属会陪同复诊。"}
    refused = agent.post(f"/attempts/{attempt.id}/wrap-up", said).json()
    assert (refused["code"], [fault["field"] for fault in refused["errors"]]) == (
        "answers_missing",
        ["answers.medicines_obtained", "answers.knows_appointment", "answers.knows_whom_to_call"],
    )
    done = agent.post(f"/attempts/{attempt.id}/wrap-up", {**said, "partial": True})
    note = done.json()
    assert (note["state"], note["attempt_id"]) == ("draft", attempt.id)
    for words in ("女儿", "王敏", "出院随访核心问题", "好转", "2 d", "家属会陪同复诊。"):
        assert words in note["text"], note["text"]
    closed = agent.get(f"/attempts/{attempt.id}").json()
    assert (closed["state"], closed["outcome"], closed["task_result"]) == (
        "closed",
        "connected-proxy",
        "partially-completed",
    )
    assert closed["outcome_by"] == agent.user_id
    assert agent.get("/agents/me/state").json()["state"] == "break"
    assert events(house, attempt.id, note["id"]) == ["attempt_closed", "note_drafted"]
    assert [each["id"] for each in agent.get("/agents/me/notes").json()["notes"]] == [note["id"]]


def test_the_note_can_be_read_before_the_wrap_up_is_done_and_is_the_same_then(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id)
    answer(agent, attempt, "feeling", "better")
    said = {"outcome": "connected-proxy", "spoke_with": "女儿", "note": "家属会陪同复诊。"}
    read = agent.post(f"/attempts/{attempt.id}/note-preview", said, key=None)
    assert agent.get("/agents/me/notes").json()["notes"] == []
    assert agent.post(f"/attempts/{attempt.id}/wrap-up", said).json()["text"] == read.json()["text"]
    talking = in_hand(house, agent.user_id, AttemptState.IN_CALL)
    assert agent.post(f"/attempts/{talking.id}/note-preview", said, key=None).json()["code"] == "not_possible_now"


def test_a_note_for_an_english_speaker_is_in_english(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, language="en")
    answer(agent, attempt, "medicines_obtained", False)
    note = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient"}).json()
    assert "telephone follow-up (Discharge follow-up core)" in note["text"]
    assert note["text"].endswith("Do you have all the medicines prescribed at discharge? no")


def test_a_foreign_an_unfinished_or_a_closed_attempt_is_not_wrapped_up(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id, AttemptState.IN_CALL)
    body = {"outcome": "connected-patient"}
    foreign = house.caller(Role.AGENT).post(f"/attempts/{attempt.id}/wrap-up", body)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_yours")
    early = agent.post(f"/attempts/{attempt.id}/wrap-up", body)
    assert (early.status_code, early.json()["code"]) == (409, "not_possible_now")
    assert "end the call first" in early.json()["reason"]
    with house.rows() as uow:
        row = uow.attempts.for_update(attempt.id)
        assert row is not None
        row.state = AttemptState.WRAP_UP
    assert agent.post(f"/attempts/{attempt.id}/wrap-up", body).status_code == 200
    late = agent.post(f"/attempts/{attempt.id}/wrap-up", body)
    assert (late.status_code, late.json()["field"]) == (409, "state")
    assert answer(agent, attempt, "feeling", "better").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "fine"}, "outcome"),
        ({"outcome": "blocked-by-policy"}, "outcome"),
        ({"outcome": "wrong-number", "task_result": "completed"}, "task_result"),
        ({"outcome": "connected-patient", "task_result": "not-due"}, "task_result"),
    ],
)
def test_a_wrap_up_that_makes_no_sense_is_refused(
    house: House, agent: Asking, body: dict[str, Any], field: str
) -> None:
    attempt = in_hand(house, agent.user_id)
    refused = agent.post(f"/attempts/{attempt.id}/wrap-up", body)
    assert (refused.status_code, refused.json()["field"]) == (422, field)


def with_proposals(house: House, note_id: str) -> list[str]:
    ids = [new_id(), new_id()]
    with house.rows() as uow:
        note = uow.notes.for_update(note_id)
        assert note is not None
        note.proposals += [
            Proposal(id=ids[0], note_id=note_id, kind="symptom", text="症状: 头晕", start=3.4, end=5.0),
            Proposal(id=ids[1], note_id=note_id, kind="number", text="收缩压 152", start=9.0, end=11.0),
        ]
    return ids


def test_a_draft_takes_proposals_is_rewritten_and_signed(house: House, agent: Asking) -> None:
    note = wrapped_up(house, agent)
    dizzy, pressure = with_proposals(house, note["id"])
    taken = agent.post(f"/notes/{note['id']}/proposals/{dizzy}/accept").json()
    assert taken["text"].endswith("[3.4s] 症状: 头晕")
    left = agent.post(f"/notes/{note['id']}/proposals/{pressure}/dismiss").json()
    assert [proposal["state"] for proposal in left["proposals"]] == ["accepted", "dismissed"]
    assert agent.post(f"/notes/{note['id']}/proposals/{NOBODY}/accept").json()["code"] == "unknown_proposal"
    assert agent.put(f"/notes/{note['id']}", {"text": "改过的记录"}).json()["text"] == "改过的记录"
    signed = agent.post(f"/notes/{note['id']}/sign").json()
    assert (signed["state"], signed["signed_by"]) == ("signed", agent.user_id)
    assert events(house, note["id"]) == ["note_drafted", "note_signed"]
    assert agent.get("/agents/me/notes").json()["notes"] == []


def test_a_signed_note_stays_as_it_is_and_grows_by_addenda(house: House, agent: Asking) -> None:
    note = wrapped_up(house, agent)
    early = agent.post(f"/notes/{note['id']}/addenda", {"text": "too early"})
    assert (early.status_code, early.json()["code"]) == (409, "not_possible_now")
    (proposal, _) = with_proposals(house, note["id"])
    signed = agent.post(f"/notes/{note['id']}/sign").json()
    for refused in (
        agent.put(f"/notes/{note['id']}", {"text": "other"}),
        agent.post(f"/notes/{note['id']}/sign"),
        agent.post(f"/notes/{note['id']}/proposals/{proposal}/accept"),
        agent.post(f"/notes/{note['id']}/proposals/{proposal}/dismiss"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "note_signed")
    assert agent.post(f"/notes/{note['id']}/addenda", {"text": "更正: 左膝。"}).status_code == 201
    now = agent.get(f"/notes/{note['id']}").json()
    assert now["text"] == signed["text"]
    assert [addendum["text"] for addendum in now["addenda"]] == ["更正: 左膝。"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE notes SET text = 'other'",
        "UPDATE notes SET state = 'draft'",
        "DELETE FROM notes",
        "UPDATE note_addenda SET text = 'other'",
        "DELETE FROM note_addenda",
    ],
)
def test_the_database_itself_keeps_signed_notes_and_addenda(house: House, agent: Asking, statement: str) -> None:
    note = wrapped_up(house, agent)
    agent.post(f"/notes/{note['id']}/sign")
    agent.post(f"/notes/{note['id']}/addenda", {"text": "later"})
    with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match=r"signed note|append-only"):
        connection.execute(text(statement))


def test_another_agents_note_is_read_but_not_changed(house: House, agent: Asking, supervisor: Asking) -> None:
    note = wrapped_up(house, agent)
    other = house.caller(Role.AGENT)
    assert other.get(f"/notes/{note['id']}").status_code == 200
    assert other.put(f"/notes/{note['id']}", {"text": "mine"}).json()["code"] == "not_yours"
    assert other.post(f"/notes/{note['id']}/sign").json()["code"] == "not_yours"
    assert supervisor.post(f"/notes/{note['id']}/sign").status_code == 200
