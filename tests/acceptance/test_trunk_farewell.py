"""A call worker killed in a call over TCP or TLS: its far end is told over a connection of the node's own."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from followup.calls import LegId, LegRole
from telephony.call_control import LegEventKind, Transport, Trunk
from telephony.sip import wire
from telephony.sip.burial import open_burial
from telephony.sip.farewell import FarewellOutcome
from tests.support.kamailio import kamailio, needs_kamailio
from tests.support.ports import free_udp_block
from tests.support.raw_sip import raw_peer
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.sipp import gists, needs_sipp, sipp
from tests.support.stream_sip import Authority, StreamPeer, authority, stream_peer

pytestmark = pytest.mark.stranger

Outcomes = dict[LegId, FarewellOutcome]


@pytest.fixture(scope="module")
def believed(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"), "carriers")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path / "worker") as running:
        yield running


def trunk(port: int, transport: Transport, believed: Authority) -> Trunk:
    ca_file = str(believed.ca_file) if transport is Transport.TLS else ""
    plain = loopback_trunk(port, username="ward7", password="Kranich7")
    return replace(plain, transport=transport, ca_file=ca_file)


def buried(worker: WorkerUnderTest) -> Future[Outcomes]:
    """Kill the worker and let the node bury it, as its pool does."""
    worker.child.kill()
    worker.wait_for_exit()
    assert "Kranich7" not in worker.config.journal.read_text()
    outcomes: Future[Outcomes] = Future()
    burial = open_burial(worker.config.journal)
    threading.Thread(target=lambda: outcomes.set_result(burial.part()), daemon=True).start()
    return outcomes


@needs_sipp
@needs_kamailio
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_a_stranger_behind_a_stream_trunk_gets_the_bye_of_a_bridged_call_whose_worker_was_killed(
    worker: WorkerUnderTest, believed: Authority, tmp_path: Path, transport: Transport
) -> None:
    with ExitStack() as peers:
        patient = peers.enter_context(sipp(tmp_path / "sipp", "answer"))
        desk = peers.enter_context(raw_peer())
        certificate = believed.certify("127.0.0.1") if transport is Transport.TLS else None
        carrier = peers.enter_context(
            kamailio(tmp_path / "carrier", onward=patient.port, certificate=certificate, tcp=True)
        )
        node = worker.connect()
        headset = outbound("desk", role=LegRole.AGENT)
        node.do(wire.AttachHeadset(leg=headset, trunk=loopback_trunk(desk.port)))
        desk.answer(desk.receive("INVITE"), rtp_port=free_udp_block(2))
        node.wait_for(headset.leg_id, LegEventKind.ANSWERED)
        leg = outbound("+8613900000001", join_leg=headset.leg_id)
        node.do(wire.Originate(leg=leg, trunk=trunk(carrier.port, transport, believed)))
        node.wait_for(leg.leg_id, LegEventKind.BRIDGED)
        outcomes = buried(worker)
        desk.reply(desk.receive("BYE"), "200 OK")
        assert set(outcomes.result(timeout=5).values()) == {FarewellOutcome.PARTED}
        patient.wait_for_success()
        assert carrier.ways("BYE") == [transport.value]
        assert gists(patient.messages()) == ["> INVITE", "< 180", "< 200", "> ACK", "> BYE", "< 200"]


@pytest.fixture(params=[Transport.TCP, Transport.TLS], ids=["tcp", "tls"])
def carrier(request: pytest.FixtureRequest, believed: Authority) -> Iterator[tuple[StreamPeer, Trunk]]:
    """A far end that is seen byte by byte, and the trunk to it."""
    context = believed.server("127.0.0.1") if request.param is Transport.TLS else None
    with stream_peer(context) as peer:
        yield peer, trunk(peer.port, request.param, believed)


def called(node: NodeConnection, line: Trunk) -> LegId:
    leg = outbound("+8613900000001")
    node.do(wire.Originate(leg=leg, trunk=line))
    return leg.leg_id


def reconnected(peer: StreamPeer) -> None:
    """Forget the connection that died with the worker."""
    assert peer.connection is not None
    peer.connection.close()
    peer.connection = None


def test_a_ringing_phone_behind_a_stream_trunk_is_cancelled_with_the_invites_own_branch(
    worker: WorkerUnderTest, carrier: tuple[StreamPeer, Trunk]
) -> None:
    peer, line = carrier
    node = worker.connect()
    leg_id = called(node, line)
    invite = peer.receive("INVITE")
    peer.reply(invite, "180 Ringing")
    node.wait_for(leg_id, LegEventKind.RINGING)
    outcomes = buried(worker)
    reconnected(peer)
    cancel = peer.receive("CANCEL")
    assert cancel.one("Via").partition(";")[0] == invite.one("Via").partition(";")[0]
    assert cancel.one("Via").partition("branch=")[2] == invite.one("Via").partition("branch=")[2].partition(";")[0]
    peer.reply(cancel, "200 OK")
    assert outcomes.result(timeout=5) == {leg_id: FarewellOutcome.PARTED}


def test_a_far_end_that_asks_for_a_password_is_left_to_its_session_timer(
    worker: WorkerUnderTest, carrier: tuple[StreamPeer, Trunk]
) -> None:
    peer, line = carrier
    node = worker.connect()
    leg_id = called(node, line)
    contact = {"Contact": f"<sip:far@127.0.0.1:{peer.port};transport={line.transport.value}>"}
    peer.answer(peer.receive("INVITE"), rtp_port=free_udp_block(2), headers=contact)
    node.wait_for(leg_id, LegEventKind.ANSWERED)
    outcomes = buried(worker)
    reconnected(peer)
    asked = {"WWW-Authenticate": 'Digest realm="pbx.example", nonce="abc"'}
    peer.reply(peer.receive("BYE"), "401 Unauthorized", headers=asked)
    assert outcomes.result(timeout=5) == {leg_id: FarewellOutcome.CHALLENGED}


def test_whoever_stands_in_a_tls_carriers_place_without_its_certificate_is_told_nothing(
    worker: WorkerUnderTest, believed: Authority, tmp_path: Path
) -> None:
    with stream_peer(believed.server("127.0.0.1")) as peer:
        node = worker.connect()
        leg_id = called(node, trunk(peer.port, Transport.TLS, believed))
        peer.answer(peer.receive("INVITE"), rtp_port=free_udp_block(2))
        node.wait_for(leg_id, LegEventKind.ANSWERED)
        reconnected_later = authority(tmp_path / "strangers", "strangers").server("127.0.0.1")
        outcomes = buried(worker)
        reconnected(peer)
        peer.context = reconnected_later
        with ThreadPoolExecutor(max_workers=1) as other:
            accepted = other.submit(peer.accept)
            assert outcomes.result(timeout=8) == {leg_id: FarewellOutcome.UNSENT}
            assert not accepted.result(timeout=6)
