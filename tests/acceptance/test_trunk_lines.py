"""What a trunk is told to be, as the far end sees it on real sockets: transport, encryption, codecs, timers, names."""

import re
import ssl
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from followup.calls import EndReason, LegId
from telephony.call_control import LegEventKind, Srtp, Transport, Trunk
from telephony.sip import wire
from tests.support.baresip import TONE_HERTZ, baresip, needs_baresip
from tests.support.kamailio import Gatekeeper, kamailio, needs_kamailio
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, outbound
from tests.support.sipp import gists, needs_sipp, sipp
from tests.support.stream_sip import Authority, StreamPeer, authority, stream_peer
from tests.support.waiting import until

pytestmark = pytest.mark.stranger


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    connection.close()


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with raw_peer() as made:
        yield made


def trunk(port: int, **changes: object) -> Trunk:
    settings: dict[str, object] = {
        "name": "carrier",
        "host": "127.0.0.1",
        "port": port,
        "caller_id": "+861055550000",
        "loopback_only": True,
        **changes,
    }
    return Trunk(**settings)  # type: ignore[arg-type]


def invite_seen(node: NodeConnection, peer: RawPeer, line: Trunk) -> tuple[LegId, Received]:
    leg = outbound("+8613900000001")
    # A worker begins five calls a second at most.
    until(lambda: node.ask(wire.Originate(leg=leg, trunk=line)).ok, timeout=3, what="the worker takes the call")
    return leg.leg_id, peer.receive("INVITE")


def refused(node: NodeConnection, peer: RawPeer, leg_id: LegId, invite: Received) -> None:
    peer.reply(invite, "486 Busy Here")
    node.wait_for(leg_id, LegEventKind.ENDED)


def formats(invite: Received) -> str:
    found = re.search(r"^m=audio \d+ (\S+) (.*?)\r?$", invite.body, re.MULTILINE)
    assert found is not None
    return f"{found[1]} {found[2]}"


@pytest.mark.parametrize(
    ("codecs", "offered"),
    [
        (("PCMA", "PCMU"), "RTP/AVP 8 0 120"),
        (("PCMU", "PCMA"), "RTP/AVP 0 8 120"),
        (("PCMU",), "RTP/AVP 0 120"),
    ],
)
def test_the_offer_names_the_trunks_codecs_alone_best_first(
    node: NodeConnection, peer: RawPeer, codecs: tuple[str, ...], offered: str
) -> None:
    leg, invite = invite_seen(node, peer, trunk(peer.port, codecs=codecs))
    assert formats(invite) == offered
    refused(node, peer, leg, invite)


def test_from_shows_each_calls_own_caller_id_and_the_asserted_identity_goes_along(
    node: NodeConnection, peer: RawPeer
) -> None:
    for caller in ("+861055550001", "+861055550002"):
        line = trunk(peer.port, caller_id=caller, asserted_identity="+861055550000")
        leg, invite = invite_seen(node, peer, line)
        assert invite.one("From").startswith(f"<sip:{caller}@127.0.0.1>;tag=")
        assert invite.one("P-Asserted-Identity") == "<sip:+861055550000@127.0.0.1>"
        refused(node, peer, leg, invite)
    leg, invite = invite_seen(node, peer, trunk(peer.port))
    assert invite.all("P-Asserted-Identity") == []
    refused(node, peer, leg, invite)


def test_a_tel_uri_is_sent_to_the_trunk_without_a_route_in_the_message(node: NodeConnection, peer: RawPeer) -> None:
    line = trunk(peer.port, tel_uri=True, asserted_identity="+861055550000")
    leg, invite = invite_seen(node, peer, line)
    assert invite.start == "INVITE tel:+8613900000001 SIP/2.0"
    assert invite.one("To") == "<tel:+8613900000001>" or invite.one("To") == "tel:+8613900000001"
    assert invite.all("Route") == []
    assert invite.one("P-Asserted-Identity") == "<tel:+861055550000>"
    refused(node, peer, leg, invite)


@pytest.mark.parametrize(("seconds", "expires"), [(90, ["90"]), (1800, ["1800"]), (0, [])])
def test_the_session_timer_is_offered_as_the_trunk_wants(
    node: NodeConnection, peer: RawPeer, seconds: int, expires: list[str]
) -> None:
    leg, invite = invite_seen(node, peer, trunk(peer.port, session_timer_seconds=seconds))
    assert [value.split(";")[0] for value in invite.all("Session-Expires")] == expires
    refused(node, peer, leg, invite)


def test_a_required_encryption_is_offered_and_an_answer_without_it_is_hung_up(
    node: NodeConnection, peer: RawPeer
) -> None:
    leg, invite = invite_seen(node, peer, trunk(peer.port, srtp=Srtp.REQUIRED))
    assert formats(invite).startswith("RTP/SAVP ")
    assert "a=crypto:1 " in invite.body
    peer.answer(invite, rtp_port=9, headers={})
    ack = peer.receive("ACK")
    bye = peer.receive("BYE")
    peer.reply(bye, "200 OK")
    end = node.wait_for(leg, LegEventKind.ENDED).values
    assert ack.one("Call-ID") == bye.one("Call-ID")
    assert end["end_reason"] == "network_failure", end
    assert LegEventKind.BRIDGED not in node.kinds(leg)


@needs_baresip
@pytest.mark.parametrize(
    ("srtp", "encryption"),
    [(Srtp.REQUIRED, "srtp-mand"), (Srtp.OPTIONAL, "srtp"), (Srtp.OPTIONAL, "")],
    ids=["required", "optional, taken", "optional, left"],
)
def test_a_strangers_voice_is_heard_through_the_encryption(
    node: NodeConnection, tmp_path: Path, srtp: Srtp, encryption: str
) -> None:
    with baresip(tmp_path / "baresip", encryption=encryption) as stranger:
        leg = replace(outbound(f"sip:baresip@127.0.0.1:{stranger.port}"), recording_folder=tmp_path / "recording")
        line = trunk(stranger.port, srtp=srtp)
        until(lambda: node.ask(wire.Originate(leg=leg, trunk=line)).ok, timeout=3, what="the worker takes the call")
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        until(lambda: packets(node, leg.leg_id) > 75, timeout=10, what="a second and a half was heard")
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        node.wait_for(leg.leg_id, LegEventKind.ENDED)
    assert strongest_hertz(tmp_path / "recording" / "patient.wav") == pytest.approx(TONE_HERTZ, abs=5)


def packets(node: NodeConnection, leg_id: str) -> int:
    return sum(leg.packets_received for leg in node.status().legs if leg.leg_id == leg_id)


def strongest_hertz(file: Path) -> float:
    with wave.open(str(file)) as sound:
        rate, samples = sound.getframerate(), np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / rate)[spectrum[1:].argmax() + 1])


def test_the_carriers_own_cause_reaches_the_end_of_the_leg(node: NodeConnection, peer: RawPeer) -> None:
    leg, invite = invite_seen(node, peer, trunk(peer.port))
    peer.reply(invite, "480 Temporarily Unavailable", headers={"Reason": 'Q.850;cause=20;text="Subscriber absent"'})
    end = node.wait_for(leg, LegEventKind.ENDED).values
    assert (end["end_reason"], end["party"], end["cause"]) == ("unreachable", "patient", "switched_off")


def challenge(peer: RawPeer, invite: Received, status: str, asked: str) -> None:
    header = "Proxy-Authenticate" if status.startswith("407") else "WWW-Authenticate"
    peer.reply(invite, status, headers={header: asked})
    peer.receive("ACK")


@pytest.mark.parametrize(
    ("status", "header", "parameters"),
    [
        ("401 Unauthorized", "Authorization", ""),
        ("407 Proxy Authentication Required", "Proxy-Authorization", ', qop="auth"'),
        ("407 Proxy Authentication Required", "Proxy-Authorization", ', algorithm=MD5, qop="auth,auth-int"'),
        ("401 Unauthorized", "Authorization", ', algorithm=SHA-256, qop="auth"'),
    ],
)
def test_a_digest_challenge_is_answered(
    node: NodeConnection, peer: RawPeer, status: str, header: str, parameters: str
) -> None:
    line = trunk(peer.port, username="ward7", password="Kranich7", realm="pbx.example")
    leg, invite = invite_seen(node, peer, line)
    challenge(peer, invite, status, f'Digest realm="pbx.example", nonce="abc123"{parameters}')
    again = peer.receive("INVITE")
    said = again.one(header)
    assert 'username="ward7"' in said
    assert "response=" in said
    assert "Kranich7" not in again.text
    assert ("qop=auth" in said) is ("qop" in parameters)
    assert ("SHA-256" in said) is ("SHA-256" in parameters)
    assert again.one("Call-ID") == invite.one("Call-ID")
    refused(node, peer, leg, again)


def test_hanging_up_a_call_over_the_trunk_ends_it_there(node: NodeConnection, peer: RawPeer) -> None:
    leg, invite = invite_seen(node, peer, trunk(peer.port))
    peer.answer(invite, rtp_port=9)
    node.wait_for(leg, LegEventKind.ANSWERED)
    node.do(wire.HangUp(leg_id=leg, reason=EndReason.HANG_UP))
    peer.reply(peer.receive("BYE"), "200 OK")
    assert node.wait_for(leg, LegEventKind.ENDED).values["cause"] == "hung_up"


def whole_call(node: NodeConnection, peer: StreamPeer, line: Trunk) -> Received:
    leg, invite = invite_seen(node, peer, line)
    way = line.transport.value
    assert invite.all("Via")[0].startswith(f"SIP/2.0/{way.upper()} ")
    assert f";transport={way}" in invite.start.lower()
    contact = {"Contact": f"<sip:far@127.0.0.1:{peer.port};transport={way}>"}
    peer.answer(invite, rtp_port=9, headers=contact)
    peer.receive("ACK")
    node.wait_for(leg, LegEventKind.ANSWERED)
    node.do(wire.HangUp(leg_id=leg, reason=EndReason.HANG_UP))
    peer.reply(peer.receive("BYE"), "200 OK")
    assert node.wait_for(leg, LegEventKind.ENDED).values["cause"] == "hung_up"
    return invite


def test_a_whole_call_goes_over_tcp_and_the_next_one_over_the_same_connection(node: NodeConnection) -> None:
    with stream_peer() as peer:
        line = trunk(peer.port, transport=Transport.TCP)
        whole_call(node, peer, line)
        whole_call(node, peer, line)


def test_udp_stays_udp_beside_tcp_however_long_the_invite(node: NodeConnection, peer: RawPeer) -> None:
    with stream_peer() as other:
        leg, invite = invite_seen(node, other, trunk(other.port, transport=Transport.TCP))
        other.reply(invite, "486 Busy Here")
        node.wait_for(leg, LegEventKind.ENDED)
    leg, invite = invite_seen(node, peer, trunk(peer.port, srtp=Srtp.OPTIONAL, asserted_identity="+861055550000"))
    assert invite.all("Via")[0].startswith("SIP/2.0/UDP ")
    refused(node, peer, leg, invite)


@pytest.fixture(scope="module")
def believed(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"), "carriers")


def test_a_whole_call_goes_over_tls_to_a_server_that_our_authority_vouches_for(
    node: NodeConnection, believed: Authority
) -> None:
    with stream_peer(believed.server("127.0.0.1")) as peer:
        whole_call(node, peer, trunk(peer.port, transport=Transport.TLS, ca_file=str(believed.ca_file)))
        assert isinstance(peer.connection, ssl.SSLSocket)
        assert peer.connection.version() == "TLSv1.2"


@needs_sipp
@needs_kamailio
def test_a_stranger_takes_the_call_over_tls_asks_for_the_password_and_passes_it_on(
    node: NodeConnection, believed: Authority, tmp_path: Path
) -> None:
    gatekeeper = Gatekeeper(realm="pbx.example", username="ward7", password="Kranich7")
    with (
        sipp(tmp_path / "sipp", "answer") as patient,
        kamailio(
            tmp_path / "gate",
            onward=patient.port,
            gatekeeper=gatekeeper,
            certificate=believed.certify("127.0.0.1"),
        ) as gate,
    ):
        line = trunk(
            gate.port,
            transport=Transport.TLS,
            ca_file=str(believed.ca_file),
            username=gatekeeper.username,
            password=gatekeeper.password,
            realm=gatekeeper.realm,
        )
        leg = outbound("+8613900000001")
        until(lambda: node.ask(wire.Originate(leg=leg, trunk=line)).ok, timeout=3, what="the worker takes the call")
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        node.wait_for(leg.leg_id, LegEventKind.ENDED)
        patient.wait_for_success()
        assert gate.took("INVITE") == [False, True]
        assert gists(patient.messages()) == ["> INVITE", "< 180", "< 200", "> ACK", "> BYE", "< 200"]
        assert "SIP/2.0/TLS" in patient.messages()[0].text


@pytest.mark.parametrize("fault", ["another authority", "another address"])
def test_a_server_that_nobody_vouches_for_gets_no_invite(
    worker: WorkerUnderTest, node: NodeConnection, believed: Authority, tmp_path: Path, fault: str
) -> None:
    wrong = authority(tmp_path, "strangers") if fault == "another authority" else believed
    context = wrong.server("127.0.0.1" if fault == "another authority" else "127.0.0.9")
    with stream_peer(context) as peer:
        leg = outbound("+8613900000001")
        line = trunk(peer.port, transport=Transport.TLS, ca_file=str(believed.ca_file))
        until(lambda: node.ask(wire.Originate(leg=leg, trunk=line)).ok, timeout=3, what="the worker takes the call")
        if peer.accept():
            with pytest.raises(OSError):  # noqa: PT011 (closed or reset, whichever comes first)
                peer.receive("INVITE", timeout=3)
        end = node.wait_for(leg.leg_id, LegEventKind.ENDED).values
        assert (end["end_reason"], end["party"]) == ("network_failure", "carrier")
    assert "trunk_connection_lost" in worker.log()
    told = {"another authority": "untrusted", "another address": "identity"}[fault]
    assert told in worker.log().lower()


def test_a_leg_that_was_refused_unrung_may_be_replaced_once_and_no_other(node: NodeConnection, peer: RawPeer) -> None:
    first = outbound("+8613900000001")
    line = trunk(peer.port)
    until(lambda: node.ask(wire.Originate(leg=first, trunk=line)).ok, timeout=3, what="the worker takes the call")
    peer.reply(peer.receive("INVITE"), "503 Service Unavailable")
    end = node.wait_for(first.leg_id, LegEventKind.ENDED).values
    assert end["unrung"] is True
    again = replace(outbound("+8613900000001"), attempt_id=first.attempt_id)
    assert not node.ask(wire.Originate(leg=again, trunk=line)).ok
    second = replace(again, replaces=first.leg_id)
    until(lambda: node.ask(wire.Originate(leg=second, trunk=line)).ok, timeout=3, what="the second leg is taken")
    invite = peer.receive("INVITE")
    peer.reply(invite, "180 Ringing")
    peer.reply(invite, "503 Service Unavailable")
    assert node.wait_for(second.leg_id, LegEventKind.ENDED).values["unrung"] is False
    third = replace(outbound("+8613900000001"), attempt_id=first.attempt_id, replaces=second.leg_id)
    fourth = replace(outbound("+8613900000001"), attempt_id=first.attempt_id, replaces=first.leg_id)
    assert not node.ask(wire.Originate(leg=third, trunk=line)).ok
    assert not node.ask(wire.Originate(leg=fourth, trunk=line)).ok
