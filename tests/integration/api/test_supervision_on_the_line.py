"""A supervisor on the line: every second of it is on record, and nobody gets in who should not."""

import itertools
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.users import Role
from followup.calls import Call, CallState, LegRole
from followup.queues import Agent, Queue
from followup.supervision import Stretch, SupervisionReason
from runtime.embedded import Engines
from telephony.line_script import answer, ring
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_queue
from tests.support.loopback_bench import (
    IS_BUSY,
    LoopbackPlace,
    a_conversation,
    a_desk,
    a_stored_queue,
    audit_rows,
    loopback_node,
    put_on_headset,
)
from tests.support.waiting import until

SCRIPTS = {"busy-phone": IS_BUSY}


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def place(house: House, module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackPlace]:
    """One node for all tests of this module; each test has people, queues and calls of its own."""
    folder = tmp_path_factory.mktemp("node")
    with loopback_node(house.units, module_database_url, folder, SCRIPTS) as running:
        yield running


@pytest.fixture
def queue(house: House) -> Queue:
    return a_stored_queue(house.units)


@pytest.fixture
def desk(place: LoopbackPlace, queue: Queue) -> Agent:
    return a_desk(place, queue, "desk-1")


@pytest.fixture
def talk(place: LoopbackPlace, desk: Agent, queue: Queue) -> Call:
    return a_conversation(place, desk, queue)


@pytest.fixture
def overseer(house: House) -> Asking:
    person = house.caller(Role.SUPERVISOR)
    assert person.put("/supervision/phone", {"phone": "8001"}).status_code == 200
    return person


def begin(overseer: Asking, call: Call, mode: str = "listen", reason: str = "training") -> str:
    answer = overseer.post(f"/calls/{call.id}/supervisions", {"mode": mode, "reason": reason})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def own_visits(overseer: Asking) -> list[dict[str, object]]:
    listed = overseer.get("/supervisions").json()["supervisions"]
    return [each for each in listed if each["supervisor_id"] == overseer.user_id]


def has_left(overseer: Asking) -> None:
    until(lambda: own_visits(overseer) == [], timeout=10, what="the supervision is over")


def stretches(place: LoopbackPlace, call: Call) -> list[Stretch]:
    with place.units() as uow:
        return list(uow.supervisions.stretches(call.id))


def up(place: LoopbackPlace, call: Call) -> list[LegRole]:
    own = {leg.id for leg in place.call(call.id).legs}
    return [leg.role for leg in place.control.status() if leg.leg_id in own]


def in_mode(place: LoopbackPlace, call: Call, mode: str) -> None:
    until(
        lambda: [each.mode for each in stretches(place, call) if each.ended_at is None] == [mode],
        timeout=10,
        what=f"the supervisor is on the line in mode {mode}",
    )


def test_every_second_on_the_line_can_be_read_back_from_the_audit_log(
    place: LoopbackPlace, overseer: Asking, talk: Call
) -> None:
    supervision = begin(overseer, talk, "listen", "training")
    in_mode(place, talk, "listen")
    for mode, reason in (("whisper", None), ("barge", "safety"), ("take_over", None)):
        body = {"mode": mode, "reason": reason}
        assert overseer.post(f"/supervisions/{supervision}/mode", body).status_code == 202
        in_mode(place, talk, mode)
    assert overseer.post(f"/supervisions/{supervision}/end").status_code == 202
    until(
        lambda: overseer.get("/supervisions").json()["supervisions"] == [], timeout=10, what="the supervision is over"
    )

    assert place.call(talk.id).state is CallState.BRIDGED, "a supervisor's end is not the call's"
    with place.units() as uow:
        rows = audit_rows(uow, talk.id)
    seconds = [(detail, who) for action, who, detail in rows if action == "supervision_stretch"]
    assert [(detail["mode"], detail["reason"]) for detail, _ in seconds] == [
        ("listen", "training"),
        ("whisper", "training"),
        ("barge", "safety"),
        ("take_over", "safety"),
    ]
    assert {who for _, who in seconds} == {overseer.user_id}
    assert {detail["agent"] for detail, _ in seconds} == {talk.agent_id}
    times = [(datetime.fromisoformat(str(d["from"])), datetime.fromisoformat(str(d["to"]))) for d, _ in seconds]
    assert all(one[1] == two[0] for one, two in itertools.pairwise(times)), "no second between two modes is missing"
    assert all(begun <= ended for begun, ended in times)
    actions = [action for action, _, _ in rows]
    assert actions.count("supervision_asked") == 1
    assert actions.count("supervision_mode") == 4, "each begin is on record before its end is known"
    assert actions.count("supervision_ended") == 1
    listed = overseer.get(f"/calls/{talk.id}/supervisions").json()["stretches"]
    assert [each["mode"] for each in listed] == ["listen", "whisper", "barge", "take_over"]


def test_the_call_s_end_ends_the_supervision_and_her_line(place: LoopbackPlace, overseer: Asking, talk: Call) -> None:
    begin(overseer, talk)
    in_mode(place, talk, "listen")
    place.ask("hang_up", talk.id)
    ended = place.wait_for(talk.id, CallState.ENDED)
    until(lambda: all(leg.ended_at for leg in place.call(talk.id).legs), timeout=10, what="every leg has ended")
    (stretch,) = stretches(place, talk)
    assert stretch.ended_at is not None
    assert ended.ended_at is not None
    assert stretch.ended_at <= ended.ended_at
    assert up(place, talk) == [], "only the headset stays up"


@pytest.mark.parametrize("how", ["she logs out", "she is disabled"])
def test_nobody_stays_on_a_call_without_a_log_in(
    house: House, place: LoopbackPlace, overseer: Asking, talk: Call, how: str
) -> None:
    begin(overseer, talk)
    in_mode(place, talk, "listen")
    if how == "she logs out":
        assert overseer.post("/log-out", {}).status_code == 204
    else:
        assert house.caller(Role.ADMIN).post(f"/users/{overseer.user_id}/disable", {}).status_code == 200
    until(lambda: LegRole.SUPERVISOR not in up(place, talk), timeout=10, what="her line is down")
    assert LegRole.PATIENT in up(place, talk)


def test_a_headset_between_calls_cannot_be_supervised(
    place: LoopbackPlace, overseer: Asking, talk: Call, desk: Agent
) -> None:
    place.ask("hang_up", talk.id)
    place.wait_for(talk.id, CallState.ENDED)
    body = {"mode": "listen", "reason": "training"}
    refused = overseer.post(f"/calls/{talk.id}/supervisions", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    headset = place.agent(desk.id).headset_leg_id
    assert overseer.post(f"/calls/{headset}/supervisions", body).json()["code"] == "unknown_call"
    assert overseer.post(f"/calls/{desk.id}/supervisions", body).json()["code"] == "unknown_call"
    assert up(place, talk) == []
    assert [leg.role for leg in place.control.status() if leg.leg_id == headset] == [LegRole.AGENT]


def test_a_call_has_room_for_one_supervisor(house: House, overseer: Asking, talk: Call, place: LoopbackPlace) -> None:
    begin(overseer, talk)
    second = house.caller(Role.SUPERVISOR)
    second.put("/supervision/phone", {"phone": "8002"})
    refused = second.post(f"/calls/{talk.id}/supervisions", {"mode": "listen", "reason": "training"})
    assert (refused.status_code, "another supervisor" in refused.json()["reason"]) == (409, True)
    in_mode(place, talk, "listen")
    own = own_visits(overseer)[0]["id"]
    assert second.post(f"/supervisions/{own}/mode", {"mode": "barge"}).json()["code"] == "not_yours"
    assert second.post(f"/supervisions/{own}/end").json()["code"] == "not_yours"


def test_a_supervisor_goes_only_on_calls_of_queues_she_oversees(
    house: House, overseer: Asking, admin: Asking, talk: Call
) -> None:
    with house.rows() as uow:
        other = a_queue(uow)
    assert admin.put(f"/users/{overseer.user_id}/overseen-queues", {"queues": [other.id]}).status_code == 200
    refused = overseer.post(f"/calls/{talk.id}/supervisions", {"mode": "listen", "reason": "training"})
    assert refused.json()["code"] == "not_yours"
    assert overseer.get(f"/calls/{talk.id}/supervisions").json()["code"] == "not_yours"
    queues = {"queues": [other.id, talk.queue_id]}
    assert admin.put(f"/users/{overseer.user_id}/overseen-queues", queues).status_code == 200
    begin(overseer, talk)


def test_a_reason_is_picked_and_a_telephone_is_known(house: House, overseer: Asking, talk: Call) -> None:
    listed = overseer.get("/supervision/reasons").json()["reasons"]
    assert {each["code"] for each in listed} == {reason.value for reason in SupervisionReason}
    assert all(each["zh"] and each["en"] for each in listed)
    typed = overseer.post(f"/calls/{talk.id}/supervisions", {"mode": "listen", "reason": "just so"})
    assert (typed.status_code, typed.json()["field"]) == (422, "reason")
    without = house.caller(Role.SUPERVISOR)
    nowhere = without.post(f"/calls/{talk.id}/supervisions", {"mode": "listen", "reason": "training"})
    assert (nowhere.status_code, nowhere.json()["field"]) == (409, "phone")


def test_a_supervisor_whose_telephone_is_busy_is_told_so_and_may_try_again(
    place: LoopbackPlace, overseer: Asking, talk: Call
) -> None:
    overseer.put("/supervision/phone", {"phone": "busy-phone"})
    begin(overseer, talk)
    has_left(overseer)
    assert stretches(place, talk) == []
    with place.units() as uow:
        (ended,) = [detail for action, _, detail in audit_rows(uow, talk.id) if action == "supervision_ended"]
    assert "not answered" in str(ended["because"])
    overseer.put("/supervision/phone", {"phone": "8001"})
    begin(overseer, talk)
    in_mode(place, talk, "listen")


def test_a_supervisor_who_comes_when_the_conversation_is_interrupted_is_hung_up_and_told_why(
    place: LoopbackPlace, overseer: Asking, talk: Call
) -> None:
    place.control.teach("8003", (ring(0.0), answer(0.6)))
    overseer.put("/supervision/phone", {"phone": "8003"})
    begin(overseer, talk)
    entry = overseer.post("/directory", {"name": f"Dept {talk.id}", "kind": "department", "number": "2010"})
    body = {"mode": "consult", "directory_id": entry.json()["id"]}
    assert overseer.post(f"/calls/{talk.id}/transfers", body).status_code == 202
    has_left(overseer)
    with place.units() as uow:
        (ended,) = [detail for action, _, detail in audit_rows(uow, talk.id) if action == "supervision_ended"]
    assert "not bridged" in str(ended["because"])
    assert stretches(place, talk) == []


@pytest.mark.parametrize(
    ("shown", "sees_listening", "sees_barging"),
    [("always", True, True), ("speaking", False, True), ("hidden", False, False)],
)
def test_the_agent_is_shown_what_the_queue_s_policy_says(
    house: House,
    place: LoopbackPlace,
    overseer: Asking,
    admin: Asking,
    queue: Queue,
    shown: str,
    sees_listening: bool,
    sees_barging: bool,
) -> None:
    agent = house.caller(Role.AGENT)
    desk = put_on_headset(place, agent.user_id, "desk-7")
    at = a_conversation(place, desk, queue)
    assert admin.put(f"/queues/{queue.id}/supervision", {"shown": shown, "free_numbers": False}).status_code == 200
    supervision = begin(overseer, at, "listen", "quality_check")
    in_mode(place, at, "listen")
    assert seen(agent, at) is sees_listening
    assert seen(overseer, at), "supervisors see each other"
    overseer.post(f"/supervisions/{supervision}/mode", {"mode": "barge"})
    in_mode(place, at, "barge")
    assert seen(agent, at) is sees_barging
    commands = agent.get(f"/calls/{at.id}/commands").json()["commands"]
    assert [each for each in commands if each["verb"].endswith("supervision")] == []
    assert agent.get("/supervisions").status_code == 403


def seen(asking: Asking, call: Call) -> bool:
    answer = asking.get(f"/calls/{call.id}").json()
    on_a_leg = any(leg["role"] == "supervisor" for leg in answer["legs"])
    assert on_a_leg is (answer["supervisor"] is not None)
    return on_a_leg


def test_what_was_monitored_cannot_be_rewritten(
    house: House, place: LoopbackPlace, overseer: Asking, talk: Call
) -> None:
    supervision = begin(overseer, talk, "barge")
    in_mode(place, talk, "barge")
    overseer.post(f"/supervisions/{supervision}/end")
    until(lambda: all(each.ended_at for each in stretches(place, talk)), timeout=10, what="the stretch is closed")
    for statement in (
        "UPDATE monitorings SET mode = 'listen'",
        "UPDATE monitorings SET ended_at = now()",
        "UPDATE monitorings SET ended_at = NULL",
        "DELETE FROM monitorings",
        "TRUNCATE monitorings",
    ):
        with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))
