"""A browser as headset, as the API tells of it: servers, offers, refusals in words, and the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.users import Role
from followup.queues import HeadsetKind, HeadsetState
from telephony.headsets.ice_servers import IceSettings
from tests.integration.api.house import Asking, House, open_house
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
    for path in (*loaded, "/headset/headset.js", "/headset/words.js"):
        part = client.get(path)
        assert part.status_code == 200
    assert client.get("/headset/page.html").status_code == 422
