"""A browser as headset, as the API tells of it: servers, offers, refusals in words, and the page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from db.users import Role
from followup.attempts import AttemptState
from followup.calls import Call, CallState
from followup.queues import AgentState, HeadsetKind, HeadsetState
from telephony.headsets.ice_servers import IceSettings
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt
from tests.support.headset_gateway import RunningGateway, running_gateway
from tests.support.waiting import until
from tests.support.webrtc_client import WebrtcClient

RELAY = IceSettings(stun_url="stun:turn.example:3478", turn_url="turn:turn.example:3478", turn_secret="s")


@pytest.fixture
def door(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("d") / "g.sock"


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path, door: Path) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path, gateway_socket=door, ice=RELAY) as opened:
        yield opened


@pytest.fixture
def gateway(tmp_path: Path, door: Path, database_url: str) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path / "gateway", door, database_url=database_url) as running:
        yield running


def test_a_browser_offers_itself_is_lost_and_taken_off(house: House, agent: Asking, gateway: RunningGateway) -> None:
    answers = []

    def answer_to(sdp: str) -> str:
        answers.append(agent.post("/headset/offers", {"sdp": sdp}, key="one"))
        assert answers[-1].status_code == 201, answers[-1].text
        return str(answers[-1].json()["sdp"])

    with WebrtcClient() as client:
        client.connect(answer_to)
        until(lambda: agent.get("/headset").json()["link"] == "up", timeout=10, what="the link is up")
        desk = agent.get("/agents/me/state").json()
        assert desk["headset_kind"] == "browser"
        assert re.fullmatch(r"sip:[0-9a-f]{32}@127\.0\.0\.1:\d+", desk["headset"])
        assert desk["headset_wanted"] is True
    until(lambda: agent.get("/headset").json()["lost_at"], timeout=5, what="the loss is told")
    assert agent.get("/headset").json()["link"] == "lost"
    assert agent.delete("/agents/me/headset").status_code == 200
    assert agent.get("/headset").json()["link"] == "none"
    assert agent.get("/agents/me/state").json()["headset_wanted"] is False


def test_the_servers_come_with_credentials_of_the_caller_s_own(agent: Asking) -> None:
    told = agent.get("/headset").json()
    stun, turn = told["ice_servers"]
    assert stun["urls"] == "stun:turn.example:3478"
    assert turn["username"].endswith(f":{agent.user_id}")
    assert turn["credential"]
    assert told["rejoin_seconds"] == 30


def test_a_gateway_that_is_away_is_said_so_and_asked_again(agent: Asking) -> None:
    refused = agent.post("/headset/offers", {"sdp": "v=0"})
    assert refused.status_code == 503
    assert "suifang headsets" in refused.json()["reason"]
    assert refused.headers["Retry-After"] == "2"
    assert agent.get("/headset").json()["link"] == "none"


def test_an_offer_without_encryption_is_refused_in_words(agent: Asking, gateway: RunningGateway) -> None:
    with WebrtcClient() as client:
        offer = client.offer()
    for spoiled, because in (
        (offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "only DTLS-SRTP"),
        (re.sub("a=fingerprint:.*\r\n", "", offer), "no fingerprint"),
    ):
        refused = agent.post("/headset/offers", {"sdp": spoiled})
        assert refused.status_code == 422
        assert because in refused.json()["reason"]
        assert refused.json()["field"] == "sdp"
    assert agent.get("/agents/me/state").json()["headset_wanted"] is False


def test_a_desk_phone_that_is_up_is_not_pushed_aside(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        desk = uow.queues.agent_for_update(agent.user_id)
        assert desk is not None
        desk.headset, desk.headset_kind, desk.headset_state = "8001", HeadsetKind.PHONE, HeadsetState.UP
    refused = agent.post("/headset/offers", {"sdp": "v=0"})
    assert refused.status_code == 409
    assert "detach it first" in refused.json()["reason"]


@contextmanager
def linked_browser(asking: Asking) -> Iterator[WebrtcClient]:
    """A browser of this person, linked as her headset."""

    def answer_to(sdp: str) -> str:
        told = asking.post("/headset/offers", {"sdp": sdp})
        assert told.status_code == 201, told.text
        return str(told.json()["sdp"])

    with WebrtcClient() as client:
        client.connect(answer_to)
        until(lambda: asking.get("/headset").json()["link"] == "up", timeout=10, what="the link is up")
        yield client


def a_bridged_call(house: House, **values: Any) -> Call:
    with house.rows() as uow:
        queue = a_queue(uow)
        agent = an_agent(uow, queue, state=AgentState.ON_CALL)
        attempt = an_attempt(uow, a_task(uow, a_patient(uow), queue), agent_id=agent.id, state=AttemptState.IN_CALL)
        ongoing = {"state": CallState.BRIDGED, "ended_at": None, "end_reason": None, "party": None}
        return a_call(uow, attempt, **{**ongoing, **values})


LISTEN = {"mode": "listen", "reason": "training"}


def test_a_supervisor_s_browser_is_rung_for_a_visit_and_is_on_no_line_else(
    house: House, gateway: RunningGateway
) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    overseer.put("/supervision/phone", {"phone": "8001"})
    call = a_bridged_call(house)
    with linked_browser(overseer):
        told = overseer.get("/headset").json()
        assert (told["purpose"], told["line"], told["visit"], told["rejoin_seconds"]) == (
            "supervision",
            "down",
            None,
            5,
        )
        begun = overseer.post(f"/calls/{call.id}/supervisions", LISTEN)
        assert begun.status_code == 202, begun.text
        visit = overseer.get("/headset").json()["visit"]
        assert (visit["supervision_id"], visit["state"], visit["in_browser"]) == (begun.json()["id"], "ringing", True)
        with house.units() as uow:
            supervision = uow.supervisions.get(begun.json()["id"])
            assert supervision is not None
            assert supervision.phone == gateway.door.look(overseer.user_id).address, "not her telephone"
        assert overseer.delete("/supervision/headset").status_code == 204
        assert overseer.get("/headset").json()["link"] == "none"


def test_a_browser_that_is_lost_is_not_rung_and_neither_is_a_telephone_in_its_place(
    house: House, gateway: RunningGateway
) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    overseer.put("/supervision/phone", {"phone": "8001"})
    call = a_bridged_call(house)
    with linked_browser(overseer):
        pass
    until(lambda: overseer.get("/headset").json()["link"] == "lost", timeout=5, what="the loss is seen")
    refused = overseer.post(f"/calls/{call.id}/supervisions", LISTEN)
    assert (refused.status_code, refused.json()["field"]) == (409, "headset")
    assert "ask again in a moment" in refused.json()["reason"]
    until(lambda: overseer.get("/headset").json()["link"] == "none", timeout=10, what="patience ends")
    assert overseer.post(f"/calls/{call.id}/supervisions", LISTEN).status_code == 202, "her telephone is rung"


def test_a_call_of_another_machine_is_out_of_a_browser_s_reach(house: House, gateway: RunningGateway) -> None:
    overseer = house.caller(Role.SUPERVISOR)
    call = a_bridged_call(house, node="node-2")
    with linked_browser(overseer):
        refused = overseer.post(f"/calls/{call.id}/supervisions", LISTEN)
        assert (refused.status_code, "another machine" in refused.json()["reason"]) == (409, True)
        overseer.put("/supervision/phone", {"phone": "8001"})
        assert overseer.post(f"/calls/{call.id}/supervisions", LISTEN).status_code == 202


def test_an_agent_who_supervises_keeps_her_browser_for_her_desk(house: House, gateway: RunningGateway) -> None:
    both = house.caller(Role.AGENT, Role.SUPERVISOR)
    call = a_bridged_call(house)
    with linked_browser(both):
        assert both.get("/headset").json()["purpose"] == "desk"
        refused = both.post(f"/calls/{call.id}/supervisions", LISTEN)
        assert (refused.status_code, refused.json()["field"]) == (409, "phone")
        assert "cannot be on a second one" in refused.json()["reason"]
        assert "you have a desk" in both.delete("/supervision/headset").json()["reason"]
        both.put("/supervision/phone", {"phone": "8001"})
        begun = both.post(f"/calls/{call.id}/supervisions", LISTEN)
        assert begun.status_code == 202
        with house.units() as uow:
            supervision = uow.supervisions.get(begun.json()["id"])
            assert supervision is not None
            assert (supervision.phone, supervision.in_browser) == ("8001", False)


def test_the_page_is_for_logged_in_agents_and_supervisors_and_runs_no_code_of_others(
    house: House, agent: Asking
) -> None:
    client = house.client
    client.cookies.clear()
    assert client.get("/headset").status_code == 401
    for role, status in ((Role.ADMIN, 403), (Role.SUPERVISOR, 200)):
        person = house.person(role)
        assert client.get("/headset", headers={"Authorization": f"Bearer {person.token}"}).status_code == status
    assert agent.person is not None
    page = client.get("/headset", headers={"Authorization": f"Bearer {agent.person.token}"})
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded == ["/headset/page.css", "/headset/page.js"]
    assert not re.search(r"<script(?! type=\"module\" src=)|<style| on\w+=| style=", page.text)
    for path in (*loaded, "/headset/headset.js", "/headset/desk.js", "/headset/words.js"):
        part = client.get(path)
        assert part.status_code == 200
    assert client.get("/headset/page.html").status_code == 422


def test_whoever_is_not_logged_in_finds_a_page_to_do_so(house: House) -> None:
    client = house.client
    client.cookies.clear()
    page = client.get("/log-in")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded == ["/headset/page.css", "/headset/log_in.js"]
    assert [client.get(path).status_code for path in loaded] == [200, 200]
