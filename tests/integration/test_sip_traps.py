"""What the stock SIP library does not forgive, and how the worker keeps clear of it: a test for each trap."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import LegEventKind, Refusal, RejectedError, Trunk, TrunkBusyError
from telephony.sip import wire
from telephony.sip.calls import guarded
from telephony.sip.config import WorkerConfig, write_worker_config
from telephony.sip.journal import DialogState
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.sip_peer import REPOSITORY, NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.waiting import until


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker"), silent_seconds=2.0) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    for leg in connection.status().legs:
        connection.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.CANCELLED))
    until(lambda: not connection.status().legs, timeout=8, what="every leg has ended")
    connection.close()


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with raw_peer() as running:
        yield running


def invite(
    node: NodeConnection, peer: RawPeer, trunk: Trunk | None = None, *, ring_seconds: float = 20.0
) -> tuple[LegId, Received]:
    """A call whose INVITE has arrived; the worker's limit of calls per second is waited for."""
    leg = outbound("+8613800000000", ring_seconds=ring_seconds)

    def begin() -> bool:
        answer = node.ask(wire.Originate(leg=leg, trunk=trunk or loopback_trunk(peer.port)))
        error = answer.error()
        if error is not None and not isinstance(error, TrunkBusyError):
            raise error
        return answer.ok

    until(begin, timeout=5, what="the worker takes another call", every=0.2)
    return leg.leg_id, peer.receive("INVITE")


def answered(node: NodeConnection, peer: RawPeer) -> tuple[LegId, Received]:
    leg_id, request = invite(node, peer)
    peer.answer(request, rtp_port=free_udp_block(2))
    peer.receive("ACK")
    node.wait_for(leg_id, LegEventKind.ANSWERED)
    return leg_id, request


# --- limits --------------------------------------------------------------------------------------------------------


def test_the_worker_asks_the_library_how_many_calls_it_holds(node: NodeConnection) -> None:
    assert node.status().call_limit == 4, "the stock wheel was compiled for four calls, whatever is asked of it"
    assert node.greeted().conversations == 1


def test_a_fifth_leg_and_a_burst_of_calls_are_refused_with_nothing_sent(
    node: NodeConnection, peer: RawPeer, worker: WorkerUnderTest
) -> None:
    for _ in range(4):
        invite(node, peer)
    with pytest.raises(TrunkBusyError, match="4 legs") as full:
        node.do(wire.Originate(leg=outbound("fifth"), trunk=loopback_trunk(peer.port)))
    assert not full.value.anything_sent
    for leg in node.status().legs:
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.CANCELLED))
    assert worker.child.poll() is None


def test_calls_in_quick_succession_are_slowed_down_before_the_library_aborts(tmp_path: Path, peer: RawPeer) -> None:
    with call_worker(tmp_path / "worker") as worker:
        node = worker.connect()
        begun, made = time.monotonic(), 0
        while time.monotonic() - begun < 2.0:
            leg = outbound("13800000000")
            answer = node.ask(wire.Originate(leg=leg, trunk=loopback_trunk(peer.port)))
            if not answer.ok:
                assert (answer.refusal, answer.anything_sent) == (Refusal.TRUNK_BUSY, False)
                continue
            made += 1
            peer.reply(peer.receive("INVITE"), "486 Busy Here")
            node.wait_for(leg.leg_id, LegEventKind.ENDED)
        assert 5 <= made <= 16, "five at once, then five a second"
        assert worker.child.poll() is None


def test_many_calls_one_after_the_other_leave_nothing_behind(node: NodeConnection, peer: RawPeer) -> None:
    for _ in range(12):
        leg_id, request = invite(node, peer)
        peer.reply(request, "486 Busy Here")
        node.wait_for(leg_id, LegEventKind.ENDED)
    until(lambda: not node.status().legs, timeout=5, what="no leg is left")


# --- what is offered -----------------------------------------------------------------------------------------------


def test_only_g711_is_offered_a_law_first_on_a_port_of_our_range(
    node: NodeConnection, peer: RawPeer, worker: WorkerUnderTest
) -> None:
    _, request = invite(node, peer)
    found = re.search(r"m=audio (\d+) RTP/AVP ([\d ]+)", request.body)
    assert found is not None
    assert found[2].split()[:2] == ["8", "0"]
    assert all(int(payload) in (8, 0) or int(payload) >= 96 for payload in found[2].split())
    assert re.findall(r"a=rtpmap:(?!8 |0 )\d+ ([^\r]+)", request.body) == ["telephone-event/8000"]
    first = worker.config.rtp_base
    assert first <= int(found[1]) < first + worker.config.rtp_count
    assert "IN IP4 127.0.0.1" in request.body


def test_the_caller_is_the_trunks_caller_id(node: NodeConnection, peer: RawPeer) -> None:
    _, request = invite(node, peer)
    assert request.one("From").startswith("<sip:+861055550000@127.0.0.1>")
    assert request.start == f"INVITE sip:+8613800000000@127.0.0.1:{peer.port} SIP/2.0"


def test_a_trunk_that_asks_for_a_password_gets_a_right_digest(node: NodeConnection, peer: RawPeer) -> None:
    trunk = loopback_trunk(peer.port, username="ward7", password="secret")
    leg_id, first = invite(node, peer, trunk)
    challenge = 'Digest realm="pbx", nonce="abc123", algorithm=MD5'
    peer.reply(first, "407 Proxy Authentication Required", headers={"Proxy-Authenticate": challenge})
    second = peer.receive("INVITE")
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', second.one("Proxy-Authorization")))
    ha1 = hashlib.md5(b"ward7:pbx:secret", usedforsecurity=False).hexdigest()
    ha2 = hashlib.md5(f"INVITE:{given['uri']}".encode(), usedforsecurity=False).hexdigest()
    right = hashlib.md5(f"{ha1}:abc123:{ha2}".encode(), usedforsecurity=False).hexdigest()
    assert (given["username"], given["response"]) == ("ward7", right)
    peer.reply(second, "486 Busy Here")
    assert node.wait_for(leg_id, LegEventKind.ENDED).values["end_reason"] == EndReason.BUSY
    assert len(node.seen(leg_id, LegEventKind.ABOUT_TO_INVITE)) == 1


def test_a_wrong_password_ends_the_call_as_ours(node: NodeConnection, peer: RawPeer) -> None:
    leg_id, request = invite(node, peer, loopback_trunk(peer.port, username="ward7", password="wrong"))
    challenge = {"Proxy-Authenticate": 'Digest realm="pbx", nonce="abc123", algorithm=MD5'}
    peer.reply(request, "407 Proxy Authentication Required", headers=challenge)
    peer.reply(peer.receive("INVITE"), "407 Proxy Authentication Required", headers=challenge)
    ended = node.wait_for(leg_id, LegEventKind.ENDED)
    assert (ended.values["end_reason"], ended.values["party"]) == (EndReason.NETWORK_FAILURE, "us")


def test_an_outbound_proxy_gets_the_call_and_the_target_stays_the_trunk(node: NodeConnection, peer: RawPeer) -> None:
    _, request = invite(node, peer, loopback_trunk(5999, proxy=f"127.0.0.1:{peer.port}"))
    assert request.start == "INVITE sip:+8613800000000@127.0.0.1:5999 SIP/2.0"
    assert request.one("Route").startswith(f"<sip:127.0.0.1:{peer.port};lr")


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "localhost", "128.0.0.1"])
def test_a_loopback_trunk_dials_nothing_else(node: NodeConnection, host: str) -> None:
    for trunk in (loopback_trunk(5060, host=host), loopback_trunk(5060, proxy=f"{host}:5060")):
        with pytest.raises(RejectedError, match="loopback"):
            node.do(wire.Originate(leg=outbound("1"), trunk=trunk))
    headset = outbound(f"sip:agent@{host}:5060", role=LegRole.AGENT)
    with pytest.raises(RejectedError, match="loopback"):
        node.do(wire.AttachHeadset(leg=headset, trunk=loopback_trunk(5060)))


# --- signalling ----------------------------------------------------------------------------------------------------


def test_the_journal_knows_what_a_cancel_and_a_bye_need(
    node: NodeConnection, peer: RawPeer, worker: WorkerUnderTest
) -> None:
    leg_id, request = invite(node, peer)
    inviting = worker.journal().dialogs[leg_id]
    assert inviting.state is DialogState.INVITING
    via = request.one("Via")
    assert f"branch={inviting.via_branch}" in via
    assert f"{inviting.transport_host}:{inviting.transport_port}" in via
    assert f"{inviting.local_uri};tag={inviting.local_tag}" == request.one("From")
    assert inviting.remote_uri == request.one("To")
    assert inviting.call_id == request.one("Call-ID")
    assert request.one("CSeq") == f"{inviting.invite_cseq} INVITE"
    assert inviting.target == request.start.split()[1]
    assert (inviting.peer_host, inviting.peer_port) == ("127.0.0.1", peer.port)

    peer.reply(request, "180 Ringing", tag="their-tag")
    node.wait_for(leg_id, LegEventKind.RINGING)
    assert worker.journal().dialogs[leg_id].state is DialogState.EARLY

    routes = {"Record-Route": f"<sip:127.0.0.1:{peer.port};lr;a=1>, <sip:127.0.0.1:{peer.port};lr;a=2>"}
    peer.answer(request, rtp_port=free_udp_block(2), headers=routes)
    node.wait_for(leg_id, LegEventKind.ANSWERED)
    confirmed = worker.journal().dialogs[leg_id]
    assert confirmed.state is DialogState.CONFIRMED
    assert confirmed.remote_tag == "far"
    assert confirmed.target == f"sip:far@127.0.0.1:{peer.port}"

    node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
    bye = peer.receive("BYE")
    assert bye.one("CSeq") == f"{confirmed.cseq + 1} BYE"
    assert ", ".join(bye.all("Route")) == ", ".join(confirmed.route_set)
    assert bye.start.split()[1] == confirmed.target
    peer.reply(bye, "200 OK")
    until(lambda: leg_id in worker.journal().closed, timeout=5, what="the dialog is closed in the journal")


def test_an_answer_that_crosses_our_cancel_is_ended_by_bye_and_never_told(node: NodeConnection, peer: RawPeer) -> None:
    leg_id, request = invite(node, peer)
    peer.reply(request, "180 Ringing")
    node.wait_for(leg_id, LegEventKind.RINGING)
    node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.CANCELLED))
    cancel = peer.receive("CANCEL")
    peer.answer(request, rtp_port=free_udp_block(2))
    peer.reply(cancel, "200 OK")
    bye = peer.receive("BYE")
    peer.reply(bye, "200 OK")
    ended = node.wait_for(leg_id, LegEventKind.ENDED)
    assert ended.values["end_reason"] == EndReason.CANCELLED
    assert node.seen(leg_id, LegEventKind.ANSWERED) == []


def test_a_far_end_that_ignores_our_bye_does_not_keep_the_leg(node: NodeConnection, peer: RawPeer) -> None:
    leg_id, _ = answered(node, peer)
    node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
    ended = node.wait_for(leg_id, LegEventKind.ENDED, timeout=6)
    assert (ended.values["end_reason"], ended.values["party"]) == (EndReason.HANG_UP, "us")


def test_trying_alone_is_not_ringing_and_ends_as_unreachable(node: NodeConnection, peer: RawPeer) -> None:
    leg_id, request = invite(node, peer, ring_seconds=1.0)
    peer.reply(request, "100 Trying")
    cancel = peer.receive("CANCEL")
    peer.reply(cancel, "200 OK")
    peer.reply(request, "487 Request Terminated")
    ended = node.wait_for(leg_id, LegEventKind.ENDED)
    assert (ended.values["end_reason"], ended.values["party"]) == (EndReason.UNREACHABLE, "carrier")
    assert node.seen(leg_id, LegEventKind.RINGING) == []


@pytest.mark.parametrize("status", ["180 Ringing", "183 Session Progress"])
def test_what_the_carrier_calls_unavailable_was_declined_when_it_rang_a_moment_before(
    node: NodeConnection, peer: RawPeer, status: str
) -> None:
    leg_id, request = invite(node, peer)
    peer.reply(request, status)
    peer.reply(request, "480 Temporarily Unavailable")
    ended = node.wait_for(leg_id, LegEventKind.ENDED)
    expected = EndReason.REJECTED if status.startswith("180") else EndReason.UNREACHABLE
    assert ended.values["end_reason"] == expected


def test_early_media_are_told_once_and_are_not_the_answer(node: NodeConnection, peer: RawPeer) -> None:
    leg_id, request = invite(node, peer)
    peer.answer(request, rtp_port=free_udp_block(2), status="183 Session Progress")
    node.wait_for(leg_id, LegEventKind.EARLY_MEDIA)
    peer.answer(request, rtp_port=free_udp_block(2))
    node.wait_for(leg_id, LegEventKind.ANSWERED)
    assert len(node.seen(leg_id, LegEventKind.EARLY_MEDIA)) == 1


def test_a_line_without_a_single_packet_is_told_as_silent(node: NodeConnection, peer: RawPeer) -> None:
    leg_id, _ = answered(node, peer)
    silent = node.wait_for(leg_id, LegEventKind.MEDIA_SILENT, timeout=8)
    assert isinstance(silent.values["seconds"], float)
    assert silent.values["seconds"] >= 2.0


def test_somebody_who_rings_the_worker_is_refused_and_harms_nothing(
    node: NodeConnection, peer: RawPeer, worker: WorkerUnderTest
) -> None:
    to = ("127.0.0.1", worker.config.sip_port)
    peer.say(
        f"INVITE sip:suifang@127.0.0.1:{to[1]} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKx;rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@127.0.0.1>;tag=a\r\nTo: <sip:suifang@127.0.0.1>\r\nCall-ID: stranger\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:x@127.0.0.1:{peer.port}>\r\nContent-Length: 0\r\n\r\n",
        to,
    )
    replies = [peer.receive("SIP/2.0")]
    while int(replies[-1].start.split()[1]) < 200:
        replies.append(peer.receive("SIP/2.0"))
    assert int(replies[-1].start.split()[1]) >= 400
    assert node.status().legs == ()


def test_noise_on_the_sip_port_harms_nothing(node: NodeConnection, peer: RawPeer, worker: WorkerUnderTest) -> None:
    for noise in ("", "\r\n\r\n", "INVITE", "SIP/2.0 200 OK\r\n\r\n", "\x00" * 500):
        peer.say(noise, ("127.0.0.1", worker.config.sip_port))
    answered(node, peer)


# --- dead legs -----------------------------------------------------------------------------------------------------


def test_a_verb_on_a_leg_that_is_over_is_refused_and_harms_nothing(
    node: NodeConnection, peer: RawPeer, tmp_path: Path
) -> None:
    leg_id, request = answered(node, peer)
    other, _ = answered(node, peer)
    peer.say(
        "BYE sip:x@127.0.0.1 SIP/2.0\r\nMax-Forwards: 70\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKbye\r\n"
        f"From: {request.one('To')};tag=far\r\nTo: {request.one('From')}\r\nCall-ID: {request.one('Call-ID')}\r\n"
        "CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        request.source,
    )
    ended = node.wait_for(leg_id, LegEventKind.ENDED)
    assert (ended.values["end_reason"], ended.values["party"]) == (EndReason.HANG_UP, "patient")
    prompt = tmp_path / "prompt.wav"
    dead: tuple[wire.Request, ...] = (
        wire.Bridge(leg_id=leg_id, other=other),
        wire.Unbridge(leg_id=leg_id, other=other),
        wire.Hold(leg_id=leg_id),
        wire.Resume(leg_id=leg_id),
        wire.Play(leg_id=leg_id, prompt=prompt),
        wire.CollectDigits(leg_id=leg_id, count=1, timeout_seconds=1),
        wire.SendDigits(leg_id=leg_id, digits="1"),
        wire.PauseRecording(leg_id=leg_id),
        wire.ResumeRecording(leg_id=leg_id),
        wire.StopRecording(leg_id=leg_id),
    )
    for request_ in dead:
        with pytest.raises(RejectedError):
            node.do(request_)
    node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
    with pytest.raises(RejectedError):
        node.do(wire.Play(leg_id=other, prompt=prompt))
    prompt.write_bytes(b"this is not sound")
    with pytest.raises(RejectedError):
        node.do(wire.Play(leg_id=other, prompt=prompt))
    with pytest.raises(RejectedError):
        node.do(wire.Bridge(leg_id=other, other=other))


@pytest.mark.parametrize("number", ["", "sip:x@127.0.0.1>", "a b", "1\r\nX: y", "sip:@127.0.0.1", "<sip:1@127.0.0.1>"])
def test_a_number_that_could_write_headers_of_its_own_is_refused(node: NodeConnection, number: str) -> None:
    with pytest.raises(RejectedError):
        node.do(wire.Originate(leg=outbound(number), trunk=loopback_trunk(5060)))


# --- the process ---------------------------------------------------------------------------------------------------


def test_an_idle_worker_runs_no_clock_and_burns_nothing(tmp_path: Path, peer: RawPeer) -> None:
    with call_worker(tmp_path / "worker") as worker:
        node = worker.connect()
        assert not node.status().clock_running
        leg_id, _ = answered(node, peer)
        assert node.status().clock_running
        node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
        peer.reply(peer.receive("BYE"), "200 OK")
        until(lambda: not node.status().clock_running, timeout=5, what="the clock rests", every=0.1)
        before = node.status().cpu_seconds
        assert peer.hears_nothing(timeout=3.0)
        assert node.status().cpu_seconds - before < 0.03, "one percent of a core at most"


def test_a_taken_port_a_taken_lock_and_a_bad_file_are_told_in_words(tmp_path: Path, worker: WorkerUnderTest) -> None:
    def start(config: WorkerConfig | bytes) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "config.json"
        if isinstance(config, bytes):
            file.write_bytes(config)
        else:
            write_worker_config(config, file)
        command = [sys.executable, "-m", "telephony.sip.worker", "--config", str(file)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)

    own = WorkerConfig(
        worker_id="w",
        socket=tmp_path / "socket",
        journal=tmp_path / "journal",
        lock=tmp_path / "lock",
        sip_port=worker.config.sip_port,
        rtp_base=worker.config.rtp_base,
    )
    port_taken = start(own)
    assert port_taken.returncode == 69
    assert str(worker.config.sip_port) in port_taken.stderr
    assert not own.socket.exists()
    lock_taken = start(replace(own, lock=worker.config.lock))
    assert lock_taken.returncode == 75
    assert str(worker.config.lock) in lock_taken.stderr
    wrong = start(b'{"worker_id": "w"}')
    assert wrong.returncode == 64
    assert "socket" in wrong.stderr


def test_an_exception_in_a_callback_is_logged_and_goes_no_further() -> None:
    @guarded
    def callback(owner: object) -> None:
        raise ValueError("from inside")

    with capture_logs() as logged:
        callback(object())
    assert [line["event"] for line in logged] == ["sip_callback_failed"]


def test_the_two_files_of_a_recording_hold_the_same_sample_at_the_same_place(tmp_path: Path) -> None:
    """One sound that comes and goes is given to both sides; a leg vanishes and returns in between."""
    command = [sys.executable, "-m", "tests.support.alignment_probe", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for folder in sorted(tmp_path.iterdir()):
        patient, agent = (np.load(folder / f"{name}.npy").reshape(-1, 160) for name in ("patient", "agent"))
        with_sound = patient.any(axis=1), agent.any(axis=1)
        both, one = with_sound[0] & with_sound[1], with_sound[0] ^ with_sound[1]
        assert both.sum() > 10
        assert np.array_equal(patient[both], agent[both]), f"{folder.name}: the sides are shifted"
        # Two connections are not made within one tick for certain, so an edge may be heard on one side first.
        assert one.sum() <= 4


def test_a_signal_of_the_system_does_not_end_a_worker(worker: WorkerUnderTest, node: NodeConnection) -> None:
    worker.child.send_signal(signal.SIGWINCH)
    assert node.status().worker_id == worker.config.worker_id
