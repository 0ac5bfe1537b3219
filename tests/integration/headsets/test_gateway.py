"""The headset gateway between a browser (aiortc here) and a call worker (a socket here), in a process of its own."""

import re
import signal
import socket
import struct
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.headsets.door import HeadsetRefusedError
from telephony.headsets.headset import SILENT_SECONDS
from telephony.headsets.wire import LinkPurpose, LinkState
from tests.support.headset_gateway import RunningGateway, running_gateway
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.waiting import until
from tests.support.webrtc_client import WebrtcClient

REJOIN_SECONDS, SUPERVISOR_REJOIN_SECONDS = 3.0, 0.5


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("g")
    with running_gateway(
        folder, folder / "g.sock", rejoin_seconds=REJOIN_SECONDS, supervisor_rejoin_seconds=SUPERVISOR_REJOIN_SECONDS
    ) as running:
        yield running


@pytest.fixture
def agent() -> str:
    return f"agent-{uuid.uuid4().hex[:8]}"


class Worker:
    """A call worker as the gateway sees it: one SIP socket and one for sound."""

    def __init__(self, peer: RawPeer, address: str) -> None:
        self.peer = peer
        self.target = address
        user, _, place = address.removeprefix("sip:").partition("@")
        self.gateway = ("127.0.0.1", int(place.partition(":")[2]))
        self.sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sound.bind(("127.0.0.1", 0))
        self.sound.settimeout(3.0)
        self.call_id = uuid.uuid4().hex
        self.branch = ""
        self.cseq = 1
        self.to = f"<sip:{user}@127.0.0.1>"

    def send(self, method: str, *headers: str, body: str = "", branch: str | None = None) -> None:
        """One request."""
        self.branch = branch or f"z9hG4bK{uuid.uuid4().hex}"
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.peer.port};rport;branch={self.branch}",
            "Max-Forwards: 70",
            "From: <sip:suifang@127.0.0.1>;tag=w",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <sip:suifang@127.0.0.1:{self.peer.port}>",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.peer.say("\r\n".join([*lines, "", body]), self.gateway)

    def sdp(self, direction: str = "sendrecv", formats: str = "8 0 120") -> str:
        """What it offers."""
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {self.sound.getsockname()[1]} RTP/AVP {formats}",
            "a=rtpmap:120 telephone-event/8000",
            f"a={direction}",
            "",
        ]
        return "\r\n".join(lines)

    def answered(self, code: str) -> Received:
        """The next answer that is not provisional."""
        while True:
            answer = self.peer.receive("SIP/2.0")
            if not answer.start.startswith("SIP/2.0 1"):
                assert answer.start.startswith(f"SIP/2.0 {code}"), answer.text
                return answer

    def call(self) -> Received:
        """INVITE until it is picked up, and ACK."""
        self.send("INVITE", "Supported: timer", "Session-Expires: 90", body=self.sdp())
        answer = self.answered("200")
        self.to = answer.one("To")
        self.send("ACK")
        return answer

    def packets(self, count: int) -> list[bytes]:
        """The next packets of sound."""
        return [self.sound.recv(2048) for _ in range(count)]


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with raw_peer() as made:
        yield made


def linked(gateway: RunningGateway, client: WebrtcClient, agent: str, purpose: LinkPurpose = LinkPurpose.DESK) -> str:
    """The address of a client that is linked."""
    addresses: list[str] = []

    def connect(sdp: str) -> str:
        connected = gateway.door.connect(agent, sdp, purpose)
        addresses.append(connected.address)
        return connected.sdp

    client.connect(connect)
    until(lambda: gateway.door.look(agent).link is LinkState.UP, timeout=10, what="the client is linked")
    return addresses[0]


def test_a_worker_s_call_is_answered_carried_held_and_ended(gateway: RunningGateway, agent: str, peer: RawPeer) -> None:
    with WebrtcClient() as client:
        worker = Worker(peer, linked(gateway, client, agent))
        answer = worker.call()
        assert re.search(r"m=audio \d+ RTP/AVP 8 120\r\n", answer.body)
        assert answer.one("Session-Expires") == "90;refresher=uac"
        heads = [struct.unpack_from("!BBHII", packet) for packet in worker.packets(20)]
        assert {head[1] & 0x7F for head in heads} == {8}
        assert len({head[4] for head in heads}) == 1
        assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == list(range(20))

        port = int(answer.body.split("m=audio ")[1].split()[0])
        for number in range(60):
            head = struct.pack("!BBHII", 0x80, 8, number, number * 160, 5)
            worker.sound.sendto(head + b"\x2a" * 160, ("127.0.0.1", port))
        until(lambda: any(abs(block).max() > 1000 for block in client.heard), timeout=5, what="the browser hears it")

        worker.cseq = 2
        worker.send("INVITE", body=worker.sdp("sendonly"))
        assert "a=recvonly" in worker.answered("200").body
        worker.send("ACK")
        worker.sound.settimeout(0.3)
        with pytest.raises(TimeoutError):
            worker.packets(100)  # what was under way, and then nothing
        worker.cseq = 3
        worker.send("INVITE", body=worker.sdp())
        worker.answered("200")
        worker.send("ACK")
        worker.packets(5)

        worker.cseq = 4
        worker.send("BYE")
        worker.answered("200")
        until(lambda: not gateway.door.look(agent).line, timeout=2, what="the line is down")
        assert gateway.door.look(agent).link is LinkState.UP


def test_a_repeated_request_gets_the_same_answer(gateway: RunningGateway, agent: str, peer: RawPeer) -> None:
    with WebrtcClient() as client:
        worker = Worker(peer, linked(gateway, client, agent))
        worker.send("INVITE", body=worker.sdp())
        first = worker.answered("200")
        worker.send("INVITE", body=worker.sdp(), branch=worker.branch)
        assert worker.answered("200").text == first.text


@pytest.mark.parametrize(
    ("formats", "code"), [("18", "488"), ("120", "488")], ids=["no codec of ours", "keys and no sound"]
)
def test_a_line_without_a_common_codec_is_refused(
    gateway: RunningGateway, agent: str, peer: RawPeer, formats: str, code: str
) -> None:
    with WebrtcClient() as client:
        worker = Worker(peer, linked(gateway, client, agent))
        worker.send("INVITE", body=worker.sdp(formats=formats))
        worker.answered(code)


def test_strangers_get_nothing(gateway: RunningGateway, agent: str, peer: RawPeer) -> None:
    with WebrtcClient() as client:
        address = linked(gateway, client, agent)
        stranger = Worker(peer, "sip:guessed@" + address.partition("@")[2])
        stranger.send("INVITE", body=stranger.sdp())
        stranger.answered("404")
        stranger.send("BYE")
        stranger.answered("481")
        for rubbish in ("", "\r\n\r\n", "INVITE\r\n\r\n", "BYE sip:x SIP/2.0\r\nCSeq: x\r\n\r\n", "\x00\xff"):
            peer.say(rubbish, stranger.gateway)
        stranger.send("OPTIONS")
        stranger.answered("200")


def test_a_call_rings_until_the_browser_is_linked_and_may_be_cancelled(
    gateway: RunningGateway, agent: str, peer: RawPeer
) -> None:
    with WebrtcClient() as client:
        connected = gateway.door.connect(agent, client.offer())  # its answer never reaches the browser
        worker = Worker(peer, connected.address)
        worker.send("INVITE", body=worker.sdp())
        assert peer.receive("SIP/2.0").start.startswith("SIP/2.0 180")
        worker.send("CANCEL", branch=worker.branch)
        answers = {worker.peer.receive("SIP/2.0").start[:11] for _ in range(2)}
        assert answers == {"SIP/2.0 200", "SIP/2.0 487"}


def test_a_new_call_takes_the_place_of_one_whose_worker_died(
    gateway: RunningGateway, agent: str, peer: RawPeer
) -> None:
    with WebrtcClient() as client, raw_peer() as other:
        address = linked(gateway, client, agent)
        Worker(peer, address).call()
        Worker(other, address).call()
        assert peer.receive("BYE").one("To").endswith("tag=w")
        assert gateway.door.look(agent).line


def test_a_lost_browser_keeps_its_line_with_signs_of_life_until_patience_ends(
    gateway: RunningGateway, agent: str, peer: RawPeer
) -> None:
    with WebrtcClient() as client:
        worker = Worker(peer, linked(gateway, client, agent))
        worker.call()
        worker.packets(5)
    until(lambda: gateway.news(agent) == ["lost"], timeout=5, what="the loss is told")

    def silent_packet() -> bool:
        return worker.sound.recv(2048)[12:] == b"\xd5" * 160

    until(silent_packet, timeout=5, what="silence is sent for the browser")
    with WebrtcClient() as client:
        assert linked(gateway, client, agent) == worker.target, "the same address: the line goes on"
        until(lambda: gateway.news(agent) == ["lost", "back"], timeout=5, what="the return is told")
        worker.packets(20)
    until(lambda: gateway.news(agent) == ["lost", "back", "lost", "gone"], timeout=12, what="patience ends")
    assert peer.receive("BYE").one("Call-ID") == worker.call_id
    peer.reply(peer.passed_over[-1] if peer.passed_over else peer.receive("BYE"), "200 OK")


def test_nobody_waits_for_a_supervisor_s_browser_and_it_can_be_called_at_the_address_it_is_seen_at(
    gateway: RunningGateway, agent: str, peer: RawPeer
) -> None:
    with WebrtcClient() as client:
        address = linked(gateway, client, agent, LinkPurpose.SUPERVISION)
        assert gateway.door.look(agent).address == address
        assert not gateway.door.look(agent).line
        worker = Worker(peer, address)
        worker.call()
        worker.packets(5)
        left = time.monotonic()
    assert peer.receive("BYE", timeout=6.0).one("Call-ID") == worker.call_id
    assert time.monotonic() - left < SILENT_SECONDS + SUPERVISOR_REJOIN_SECONDS + 2 < SILENT_SECONDS + REJOIN_SECONDS
    until(lambda: gateway.door.look(agent).link is LinkState.NONE, timeout=2, what="nothing is kept of her")


def test_a_supervisor_who_takes_her_browser_off_leaves_the_call(
    gateway: RunningGateway, agent: str, peer: RawPeer
) -> None:
    with WebrtcClient() as client:
        worker = Worker(peer, linked(gateway, client, agent, LinkPurpose.SUPERVISION))
        worker.call()
        gateway.door.leave(agent)
        assert peer.receive("BYE").one("Call-ID") == worker.call_id


def test_a_line_outlives_a_crash_of_the_gateway(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, agent: str, peer: RawPeer
) -> None:
    door = tmp_path_factory.mktemp("d") / "g.sock"
    port = free_udp_block(2)
    with running_gateway(tmp_path, door, port=port) as gateway, WebrtcClient() as client:
        worker = Worker(peer, linked(gateway, client, agent))
        worker.call()
        worker.packets(5)
        gateway.child.send_signal(signal.SIGKILL)
        gateway.child.wait()
    with running_gateway(tmp_path, door, port=port) as gateway, WebrtcClient() as client:
        until(lambda: gateway.news(agent) == ["lost"], timeout=5, what="the browser is known to be away")
        worker.cseq = 2
        worker.send("UPDATE", "Session-Expires: 90;refresher=uac")
        worker.answered("200")
        assert linked(gateway, client, agent) == worker.target
        until(lambda: gateway.news(agent) == ["lost", "back"], timeout=5, what="she is back")
        worker.packets(20)
        worker.cseq = 3
        worker.send("BYE")
        worker.answered("200")


def test_a_refused_offer_is_refused_in_words_through_the_door(gateway: RunningGateway, agent: str) -> None:
    with WebrtcClient() as client:
        plain = client.offer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")
    with pytest.raises(HeadsetRefusedError, match="only DTLS-SRTP"):
        gateway.door.connect(agent, plain)
    assert gateway.door.look(agent).link is LinkState.NONE
