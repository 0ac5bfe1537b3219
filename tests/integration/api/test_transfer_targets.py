"""Whom a call can be passed on to: who is ready, who is on duty; and the number beside the bell of alerts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.users import Role
from followup.alerts import AlertSource
from followup.calls import CallId
from tests.console.seeds import talk
from tests.integration.api.house import Asking, House, open_house


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def agent(house: House) -> Asking:
    return Asking(house, talk.desks(house)["talking"])


def call_of(house: House, agent: Asking) -> CallId:
    with house.rows() as uow:
        attempt = uow.attempts.live_of_agent(agent.user_id)
        assert attempt is not None
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        return call.id


def test_the_ready_come_first_and_telephones_of_who_is_on_duty_are_masked(house: House, agent: Asking) -> None:
    found = agent.get(f"/calls/{call_of(house, agent)}/transfer-targets").json()
    assert found["department"] == "心内科"
    assert [(each["role"], each["name"], each["number"][-4:]) for each in found["on_duty"]] == [
        ("nurse", "何平", "7788"),
        ("doctor", "诸葛瑾瑜", "7788"),
        ("head", "欧阳震华", "7788"),
    ]
    assert not any("13900" in each["number"] for each in found["on_duty"])
    assert (found["colleagues"][0]["name"], found["colleagues"][0]["ready"]) == ("陈静", True)
    assert not any(each["ready"] for each in found["colleagues"][1:])
    assert agent.user_id not in [each["agent_id"] for each in found["colleagues"]]
    assert [each["name"] for each in found["directory"]] == sorted(each["name"] for each in found["directory"])
    assert found["free_numbers"] is True


def test_another_agents_call_has_no_targets_for_her(house: House, agent: Asking) -> None:
    other = house.caller(Role.AGENT)
    refused = other.get(f"/calls/{call_of(house, agent)}/transfer-targets")
    assert refused.status_code in (403, 404)


def test_a_transfer_to_who_is_on_duty_dials_the_roster_s_number_while_the_shift_lasts(
    house: House, agent: Asking
) -> None:
    call_id = call_of(house, agent)
    targets = agent.get(f"/calls/{call_id}/transfer-targets").json()
    doctor, head = targets["on_duty"][1], targets["on_duty"][2]
    with house.rows() as uow:
        over = uow.duty.for_update(head["shift_id"])
        assert over is not None
        over.withdrawn_at = uow.now
    path = f"/calls/{call_id}/transfers"
    refused = agent.post(path, {"mode": "consult", "duty_shift_id": head["shift_id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible_now")
    begun = agent.post(path, {"mode": "consult", "duty_shift_id": doctor["shift_id"]})
    assert begun.status_code == 202, begun.text
    with house.rows() as uow:
        transfer = uow.transfers.live_of_call(call_id)
        assert transfer is not None
        assert transfer.number == "+8613900007788"


def test_the_bells_number_counts_what_nobody_acknowledged_and_is_no_view_of_a_record(
    house: House, agent: Asking
) -> None:
    assert agent.get("/alert-count").json() == {"raised": 0, "red": 0, "due_at": None}
    with house.rows() as uow:
        attempt = uow.attempts.live_of_agent(agent.user_id)
        assert attempt is not None
        alert = talk.raise_alert_of(uow, attempt, source=AlertSource.PERSON)
    counted = agent.get("/alert-count").json()
    assert (counted["raised"], counted["red"]) == (1, 1)
    assert counted["due_at"] is not None
    with house.rows() as uow:
        assert not uow.audit.has(user_id=agent.user_id, action="alert_viewed", subject_kind="alert", subject=alert.id)
    signs = agent.get("/alert-levels").json()["signs"]
    assert {"chest_pain", "thoughts_of_self_harm"} <= {sign["code"] for sign in signs}
    assert signs[0]["level"] == "red"
    assert all(sign["advice"]["zh"] and sign["advice"]["en"] for sign in signs)
