"""Agents outside the hospital's network: their browsers reach the gateway through coturn and by no other way."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from telephony.headsets.ice_servers import ice_servers
from telephony.headsets.wire import LinkState
from tests.support.coturn import Relay, coturn
from tests.support.headset_gateway import RunningGateway, running_gateway
from tests.support.waiting import until
from tests.support.webrtc_client import WebrtcClient

pytestmark = pytest.mark.stranger


def connect(relay: Relay, gateway: RunningGateway, agent: str) -> str:
    """The offer of a browser that may use the relay only."""
    servers = ice_servers(relay.settings, name=agent, now=datetime.now(UTC))
    offers: list[str] = []

    def answer_to(sdp: str) -> str:
        offers.append(sdp)
        return gateway.door.connect(agent, sdp).sdp

    with WebrtcClient(servers=servers, relay_only=True) as client:
        client.connect(answer_to)
        until(lambda: gateway.door.look(agent).link is LinkState.UP, timeout=15, what="the browser is linked")
    return offers[0]


def test_a_browser_that_may_use_the_relay_only_is_linked_through_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    door = tmp_path_factory.mktemp("d") / "g.sock"
    with (
        coturn(tmp_path / "turn") as relay,
        running_gateway(tmp_path, door, stun_url=relay.settings.stun_url or "") as gateway,
    ):
        offer = connect(relay, gateway, "agent-1")
        candidates = [line for line in offer.splitlines() if line.startswith("a=candidate:")]
        assert candidates
        assert all(" typ relay " in line for line in candidates)

        forged = replace(relay, settings=replace(relay.settings, turn_secret="another secret"))
        servers = ice_servers(forged.settings, name="agent-2", now=datetime.now(UTC))
        with WebrtcClient(servers=servers, relay_only=True) as client:
            assert "typ relay" not in client.offer(), "credentials that we did not make are worth nothing"
