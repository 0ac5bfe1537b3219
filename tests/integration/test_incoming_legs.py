"""Calls that come to a call worker: patients who ring the front worker, lines that other workers bring."""

import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, LegState, Refusal
from telephony.sip import wire
from telephony.sip.burial import open_burial
from telephony.sip.farewell import FarewellOutcome
from telephony.sip.journal import DialogState
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.sip_caller import CallPlan, dial
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

INCOMING, ANSWERED, BRIDGED, ENDED = (
    LegEventKind.INCOMING,
    LegEventKind.ANSWERED,
    LegEventKind.BRIDGED,
    LegEventKind.ENDED,
)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("front"), front=True) as running:
        yield running


@pytest.fixture
def node(front: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = front.connect()
    yield connection
    for leg in connection.status().legs:
        connection.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.CANCELLED))
    until(lambda: not connection.status().legs, timeout=8, what="every leg has ended")
    connection.close()


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with raw_peer() as running:
        yield running


def invite(peer: RawPeer, worker: WorkerUnderTest, *, user: str = "4001", call: str = "ring") -> str:
    """Send an INVITE with an offer; its Call-ID."""
    rtp = free_udp_block(2)
    call_id = f"{call}-{rtp}@patient.example"
    body = (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {rtp} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )
    lines = [
        f"INVITE sip:{user}@127.0.0.1:{worker.config.sip_port} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bK{call}{rtp};rport",
        "Record-Route: <sip:127.0.0.1:1;lr>, <sip:127.0.0.1:2;lr>" if call == "routed" else "Supported: 100rel",
        "Max-Forwards: 70",
        f'From: "Li" <sip:+8613900000777@127.0.0.1>;tag=caller{rtp}',
        f"To: <sip:{user}@127.0.0.1>",
        f"Call-ID: {call_id}",
        "CSeq: 7 INVITE",
        f"Contact: <sip:li@127.0.0.1:{peer.port}>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    peer.say("\r\n".join([*lines, "", body]), ("127.0.0.1", worker.config.sip_port))
    return call_id


def acknowledge(peer: RawPeer, worker: WorkerUnderTest, final: Received) -> None:
    """ACK a final answer."""
    via = (
        final.all("Via")[0]
        if int(final.start.split()[1]) >= 300
        else (f"SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKack{peer.port};rport")
    )
    lines = [
        f"ACK sip:4001@127.0.0.1:{worker.config.sip_port} SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        f"From: {final.one('From')}",
        f"To: {final.one('To')}",
        f"Call-ID: {final.one('Call-ID')}",
        f"CSeq: {final.one('CSeq').split()[0]} ACK",
        "Content-Length: 0",
    ]
    peer.say("\r\n".join([*lines, "", ""]), ("127.0.0.1", worker.config.sip_port))


def response(peer: RawPeer, status: int) -> Received:
    """The next answer of this status."""
    while True:
        message = peer.receive("SIP/2.0")
        if message.start.split()[1] == str(status):
            return message


def rings(node: NodeConnection) -> LegId:
    """The leg that rings now."""
    legs = until(
        lambda: [leg.leg_id for leg in node.status().legs if leg.state is LegState.INCOMING],
        timeout=5,
        what="somebody rings",
    )
    return legs[-1]


def test_a_patient_who_rings_is_told_of_hears_ringing_and_is_answered_and_recorded(
    front: WorkerUnderTest, node: NodeConnection, tmp_path: Path
) -> None:
    plan = CallPlan(target=f"sip:4001@127.0.0.1:{front.config.sip_port}", hang_up_after=1.0)
    call = dial(plan)
    leg_id = rings(node)
    event = node.seen(leg_id, INCOMING)[0]
    assert event.values["called"] == "4001"
    assert event.values["caller"] == "caller"
    assert str(event.values["peer"]).startswith("127.0.0.1:")
    node.do(wire.AnswerLeg(leg_id=leg_id, recording_folder=tmp_path / "recording"))
    end = node.wait_for(leg_id, ENDED)
    met = call.result()
    assert met.states[:3] == ("CALLING", "EARLY", "CONNECTING")
    assert met.sip_status == 200
    assert event.values["sip_call_id"] == met.sip_call_id
    assert (end.values["end_reason"], end.values["party"]) == ("hang_up", "patient")
    assert [kind for kind in node.kinds(leg_id) if kind is not LegEventKind.RECORDING_STOPPED] == [
        INCOMING,
        ANSWERED,
        LegEventKind.RECORDING_STARTED,
        ENDED,
    ]
    with wave.open(str(tmp_path / "recording" / "patient.wav")) as sound:
        assert sound.getnframes() > 4000


@pytest.mark.parametrize(
    ("reason", "status"),
    [(EndReason.BUSY, 486), (EndReason.REJECTED, 603), (EndReason.NO_ANSWER, 480), (EndReason.CANCELLED, 480)],
)
def test_a_refused_caller_hears_why(
    front: WorkerUnderTest, node: NodeConnection, peer: RawPeer, reason: EndReason, status: int
) -> None:
    invite(peer, front, call=f"refused{status}{reason}")
    response(peer, 180)
    leg_id = rings(node)
    node.do(wire.HangUp(leg_id=leg_id, reason=reason))
    acknowledge(peer, front, response(peer, status))
    assert node.wait_for(leg_id, ENDED).values["party"] == "us"


def test_a_caller_who_gives_up_is_told_of_as_the_patients_doing(front: WorkerUnderTest, node: NodeConnection) -> None:
    call = dial(CallPlan(target=f"sip:4001@127.0.0.1:{front.config.sip_port}", cancel_after=0.5))
    leg_id = rings(node)
    end = node.wait_for(leg_id, ENDED)
    assert (end.values["end_reason"], end.values["party"]) == ("cancelled", "patient")
    assert call.result().sip_status == 487
    assert not node.ask(wire.AnswerLeg(leg_id=leg_id)).ok


def test_a_caller_about_whom_nobody_decides_is_refused_in_the_end(tmp_path: Path, peer: RawPeer) -> None:
    with call_worker(tmp_path, front=True, decide_seconds=0.5) as worker:
        node = worker.connect()
        invite(peer, worker, call="undecided")
        response(peer, 180)
        leg_id = rings(node)
        acknowledge(peer, worker, response(peer, 480))
        end = node.wait_for(leg_id, ENDED).values
        assert (end["end_reason"], end["party"]) == ("no_answer", "us")
        assert not node.ask(wire.AnswerLeg(leg_id=leg_id)).ok


def test_a_worker_that_is_not_the_front_lets_nobody_in(tmp_path: Path, peer: RawPeer) -> None:
    with call_worker(tmp_path) as worker:
        node = worker.connect()
        invite(peer, worker)
        assert response(peer, 403)
        assert node.status().legs == ()
        assert node.events == []


def test_a_caller_who_could_not_be_joined_any_more_is_told_to_come_again_and_the_others_go_on(
    front: WorkerUnderTest, node: NodeConnection, peer: RawPeer
) -> None:
    for number in range(2):
        invite(peer, front, call=f"many{number}")
        response(peer, 180)
    until(lambda: len(node.status().legs) == 2, timeout=5, what="two ring")
    invite(peer, front, call="many3")
    refused = response(peer, 486)
    assert int(refused.one("Retry-After")) > 0
    assert len(node.status().legs) == 2


def test_a_dead_front_workers_callers_are_let_go_whether_they_ring_or_talk(tmp_path: Path) -> None:
    with raw_peer() as talking, raw_peer() as ringing, call_worker(tmp_path, front=True) as worker:
        node = worker.connect()
        invite(talking, worker, call="talking")
        response(talking, 180)
        first = rings(node)
        node.do(wire.AnswerLeg(leg_id=first))
        acknowledge(talking, worker, response(talking, 200))
        node.wait_for(first, ANSWERED)
        invite(ringing, worker, call="ringing")
        response(ringing, 180)
        until(lambda: len(node.status().legs) == 2, timeout=5, what="two legs")
        worker.child.kill()
        worker.wait_for_exit()
        burial = open_burial(worker.config.journal)
        states = {line.state for line in burial.record.open_dialogs()}
        assert states == {DialogState.CONFIRMED, DialogState.EARLY}
        outcomes: dict[LegId, FarewellOutcome] = {}
        thread = threading.Thread(target=lambda: outcomes.update(burial.part()))
        thread.start()
        bye = talking.receive("BYE")
        assert bye.one("From").partition("tag=")[2]
        assert bye.one("To").endswith(f"tag=caller{bye.one('To').rpartition('caller')[2]}")
        assert bye.one("From").startswith("<sip:4001@127.0.0.1>")
        talking.reply(bye, "200 OK")
        acknowledge(ringing, worker, response(ringing, 480))
        thread.join()
        assert set(outcomes.values()) == {FarewellOutcome.PARTED}
        assert len(outcomes) == 2


# --- lines between workers -------------------------------------------------------------------------------------------


def test_only_who_knows_the_token_is_taken_and_only_once(tmp_path: Path, peer: RawPeer) -> None:
    with raw_peer() as desk, call_worker(tmp_path) as worker:
        node = worker.connect()
        headset = outbound("desk", role=LegRole.AGENT)
        node.do(wire.AttachHeadset(leg=headset, trunk=loopback_trunk(desk.port)))
        desk.answer(desk.receive("INVITE"), rtp_port=free_udp_block(2))
        node.wait_for(headset.leg_id, ANSWERED)
        line = LegId("line-1")
        expect = wire.Expect(leg_id=line, token="t0ken", join_leg=headset.leg_id, stands_for=LegId("patient-1"))
        node.do(expect)
        invite(peer, worker, user="guess")
        response(peer, 403)
        invite(peer, worker, user="t0ken", call="first")
        acknowledge(peer, worker, response(peer, 200))
        node.wait_for(line, ANSWERED)
        invite(peer, worker, user="t0ken", call="second")
        response(peer, 403)
        assert {leg.leg_id: leg.role for leg in node.status().legs} == {
            headset.leg_id: LegRole.AGENT,
            line: LegRole.INTERNAL,
        }


def test_a_line_to_a_leg_that_is_not_up_is_not_expected(node: NodeConnection) -> None:
    request = wire.Expect(leg_id=LegId("l"), token="t", join_leg=LegId("nobody"), stands_for=LegId("p"))
    assert node.ask(request).refusal is Refusal.REJECTED
