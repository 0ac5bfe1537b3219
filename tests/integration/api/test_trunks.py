"""Trunks and caller IDs as supervisors and administrators see them."""

from datetime import timedelta

import pytest

from db.trunks import TrunkCondition
from db.users import Role
from followup.calls import CallId, CallState, CauseCode, Leg, LegId, LegRole
from runtime.identifiers import new_id
from tests.integration.api.house import House
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt


def leg(call_id: CallId, *, role: LegRole = LegRole.PATIENT, trunk: str = "a", ended: bool = False) -> Leg:
    made = Leg(id=LegId(new_id()), call_id=call_id, role=role, trunk=trunk, caller_id="+861055550001")
    if ended:
        made.cause = CauseCode.CONGESTION
    return made


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMIN])
def test_overseers_see_which_trunks_are_up_and_how_full_they_are(house: House, role: Role) -> None:
    with house.rows() as uow:
        uow.trunks.declare("node-1", {"a": {"channels": 30}, "b": {"channels": None}}, now=uow.now)
        assert uow.trunks.checked("node-1", "b", TrunkCondition.DOWN, "does not answer", now=uow.now)
        assert not uow.trunks.checked("node-1", "b", TrunkCondition.DOWN, "does not answer", now=uow.now)
        task = a_task(uow, a_patient(uow), a_queue(uow))
        call_id = CallId(new_id())
        refused, goes_on = leg(call_id, trunk="b"), leg(call_id)
        refused.ended_at = uow.now
        third = leg(call_id, role=LegRole.THIRD_PARTY)
        attempt = an_attempt(uow, task)
        a_call(uow, attempt, id=call_id, state=CallState.DIALING, ended_at=None, legs=[refused, goes_on, third])
    seen = house.caller(role).get("/trunks").json()["trunks"]
    told = {row["trunk"]: (row["condition"], row["channels_in_use"], row["declared"]["channels"]) for row in seen}
    assert told == {"a": ("unknown", 2, 30), "b": ("down", 0, None)}


def test_a_node_that_lost_a_trunk_from_its_file_no_longer_shows_it(house: House) -> None:
    with house.rows() as uow:
        uow.trunks.declare("node-1", {"a": {}, "b": {}}, now=uow.now)
        uow.trunks.declare("node-2", {"b": {}}, now=uow.now)
        uow.trunks.checked("node-1", "a", TrunkCondition.UP, "200 OK", now=uow.now)
    with house.rows() as uow:
        uow.trunks.declare("node-1", {"a": {"cost": 1}}, now=uow.now + timedelta(hours=1))
    with house.rows() as uow:
        rows = [(state.node, state.trunk, state.condition) for state in uow.trunks.all()]
    assert rows == [("node-1", "a", "up"), ("node-2", "b", "unknown")]


def test_agents_do_not_see_trunks(house: House) -> None:
    agent = house.caller(Role.AGENT)
    assert agent.get("/trunks").status_code == agent.get("/caller-ids").status_code == 403


def test_the_answer_rate_of_each_number_comes_with_its_interval(house: House) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        call_id = CallId(new_id())
        talked = leg(call_id)
        talked.answered_at = talked.ended_at = uow.now
        a_call(uow, an_attempt(uow, task), id=call_id, invite_at=uow.now, legs=[talked])
    (row,) = house.caller(Role.SUPERVISOR).get("/caller-ids").json()["days"]
    assert (row["caller_id"], row["tries"], row["answered"], row["rate"]) == ("+861055550001", 1, 1, 1.0)
    assert 0.2 < row["rate_low"] < 0.21
    assert house.caller(Role.SUPERVISOR).get("/caller-ids?days=0").status_code == 422


def test_why_a_call_ended_comes_with_words_in_both_languages(house: House) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        call = a_call(uow, an_attempt(uow, task), cause=CauseCode.SWITCHED_OFF)
    told = house.caller(Role.SUPERVISOR).get(f"/calls/{call.id}").json()
    assert told["cause"] == "switched_off"
    assert told["cause_words"] == {"zh": "对方已关机", "en": "The phone is switched off"}
