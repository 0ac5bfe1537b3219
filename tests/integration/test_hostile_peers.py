"""Strangers who mean harm or cannot do better: the worker lives, the call that is up goes on and hears none of them."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from followup.calls import EndReason, LegId
from telephony.call_control import LegEventKind, LegState, Srtp, Transport
from telephony.sip import wire
from telephony.sip.endpoint import TokenBucket
from telephony.sip.gate import Knock
from telephony.sip.incoming import Doorman
from tests.support.hostile_sip import OFFER, WRONG_SDP, LiveDialog, malformed, pretending, request
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.rtp_tone import RATE, RtpTone, loudness_at, rtp_packet, rtp_tone, tone_frames
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

PATIENT_HZ, STRANGER_HZ = 700, 1700
ANSWERED, ENDED = LegEventKind.ANSWERED, LegEventKind.ENDED


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker"), front=True) as running:
        yield running


@dataclass
class LiveCall:
    """A patient on the line who says a steady tone, recorded, while strangers do their worst."""

    worker: WorkerUnderTest
    node: NodeConnection
    peer: RawPeer
    voice: RtpTone
    leg_id: LegId
    invite: Received
    folder: Path

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.worker.config.sip_port

    @property
    def our_rtp(self) -> tuple[str, int]:
        media = next(line for line in self.invite.body.splitlines() if line.startswith("m=audio"))
        return "127.0.0.1", int(media.split()[1])

    @property
    def dialog(self) -> LiveDialog:
        return LiveDialog(
            call_id=self.invite.one("Call-ID"),
            our_tag=self.invite.one("From").partition("tag=")[2],
            their_tag="far",
            target=self.address,
        )

    def in_dialog(self, method: str, number: int, *headers: str, body: str = "") -> bytes:
        """A request of the far end's own, right in every way."""
        return request(
            method,
            self.address,
            own=("127.0.0.1", self.peer.port),
            call_id=self.dialog.call_id,
            sender=f"<sip:+8613800000000@127.0.0.1>;tag={self.dialog.their_tag}",
            to=self.invite.one("From"),
            cseq=f"{number} {method}",
            branch=f"z9hG4bK{method}{number}",
            headers=headers,
            body=body,
        )

    def packets(self) -> int:
        return next(leg.packets_received for leg in self.node.status().legs if leg.leg_id == self.leg_id)

    def talk(self, packets: int = 25) -> None:
        """Let so many more of the patient's packets come."""
        goal = self.packets() + packets
        until(lambda: self.packets() >= goal, timeout=10, what="the patient is heard")

    def unharmed(self) -> None:
        """The worker lives, the call is up, and nobody else is on it."""
        assert self.worker.child.poll() is None, self.worker.log()[-3000:]
        self.talk(5)
        assert {leg.leg_id: leg.state for leg in self.node.status().legs} == {self.leg_id: LegState.ANSWERED}

    def said(self) -> NDArray[np.float64]:
        """End the call and read what was recorded of the patient."""
        self.node.do(wire.HangUp(leg_id=self.leg_id, reason=EndReason.HANG_UP))
        self.peer.reply(self.peer.receive("BYE"), "200 OK")
        self.node.wait_for(self.leg_id, ENDED)
        samples, _ = soundfile.read(self.folder / "patient.wav")
        return np.asarray(samples)


@pytest.fixture
def call(worker: WorkerUnderTest, tmp_path: Path) -> Iterator[LiveCall]:
    node = worker.connect()
    with raw_peer() as peer, rtp_tone(PATIENT_HZ) as voice:
        leg = outbound("+8613800000000", recording_folder=tmp_path / "recording")
        until(
            lambda: node.ask(wire.Originate(leg=leg, trunk=loopback_trunk(peer.port))).ok,
            timeout=8,
            what="the worker takes another call",
            every=0.2,
        )
        invite = peer.receive("INVITE")
        live = LiveCall(worker, node, peer, voice, leg.leg_id, invite, tmp_path / "recording")
        peer.answer(invite, rtp_port=voice.port)
        peer.receive("ACK")
        voice.target = live.our_rtp
        node.wait_for(leg.leg_id, ANSWERED)
        live.talk()
        yield live
        for leg_id in [left.leg_id for left in node.status().legs]:
            node.do(wire.HangUp(leg_id=leg_id, reason=EndReason.HANG_UP))
        if any(status.leg_id == leg.leg_id for status in node.status().legs):
            peer.reply(peer.receive("BYE"), "200 OK")
        until(lambda: not node.status().legs, timeout=12, what="every leg has ended")
        node.close()


def clean(samples: NDArray[np.float64]) -> None:
    """The patient's tone is there without a gap of half a second, and the stranger's is not."""
    body = samples[RATE // 2 : -RATE // 4]
    mine, foreign = loudness_at(body, PATIENT_HZ), loudness_at(body, STRANGER_HZ)
    assert mine > 0.1, f"the patient's tone has {mine:.4f}"
    assert foreign < mine / 500, f"the stranger's tone has {foreign:.5f} beside {mine:.4f}"


def answers(stranger: socket.socket, seconds: float) -> list[str]:
    """The first lines of whatever comes back."""
    found, limit = [], time.monotonic() + seconds
    while (left := limit - time.monotonic()) > 0:
        stranger.settimeout(left)
        try:
            found.append(stranger.recv(65536).partition(b"\r\n")[0].decode("utf-8", "replace"))
        except TimeoutError:
            break
    return found


# --- SIP -------------------------------------------------------------------------------------------------------------


def test_malformed_messages_neither_end_the_worker_nor_touch_the_call(call: LiveCall) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        corpus = malformed(call.address, stranger.getsockname())
        assert len(corpus) >= 40
        for name, message in corpus.items():
            stranger.sendto(message, call.address)
            assert call.worker.child.poll() is None, f"{name} ended the worker: {call.worker.log()[-3000:]}"
            call.talk(1)
            if len(call.node.status().legs) > 1:
                hang_up_strangers(call)
                call.talk(10)  # five new calls a second come in; each message shall meet the library, not that limit
        until(
            lambda: [leg.leg_id for leg in call.node.status().legs] == [call.leg_id] or hang_up_strangers(call),
            timeout=10,
            what="only the patient's leg is up",
        )
    call.unharmed()
    clean(call.said())


def hang_up_strangers(call: LiveCall) -> bool:
    """An INVITE that can be read at all rings, and is refused like any other caller."""
    for leg in call.node.status().legs:
        if leg.leg_id != call.leg_id and leg.state is LegState.INCOMING:
            call.node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.REJECTED))
    return False


def test_requests_that_only_pretend_to_be_of_the_call_are_refused(call: LiveCall) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for name, message in pretending(call.dialog, stranger.getsockname()).items():
            if name == "INVITE, no tags":
                continue  # that is a new call, and rings
            stranger.sendto(message, call.address)
            method = name.split(",")[0]
            if method == "ACK":
                continue  # nobody answers an ACK
            statuses = {line.split()[1] for line in answers(stranger, 0.15)}
            assert statuses <= {"405", "481", "403"}, f"{name}: {statuses}"
            assert statuses, name
    call.unharmed()
    clean(call.said())


def test_a_patients_phone_cannot_make_us_dial_by_refer(call: LiveCall) -> None:
    with raw_peer() as elsewhere:
        refer = call.in_dialog("REFER", 50, f"Refer-To: <sip:+8613900000999@127.0.0.1:{elsewhere.port}>")
        call.peer.line.sendto(refer, call.address)
        assert call.peer.receive("SIP/2.0").start.split()[1] == "603"
        assert elsewhere.hears_nothing(timeout=1.0), "the worker dialed what the far end asked for"
    assert "refer_refused" in call.worker.log()
    call.unharmed()


def test_a_flood_of_invites_leaves_the_call_alone(call: LiveCall) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        own = stranger.getsockname()
        before = call.packets()
        began = time.monotonic()
        sent = 0
        while (passed := time.monotonic() - began) < 3.0:
            while sent < passed * 500:
                stranger.sendto(
                    request(
                        "INVITE",
                        call.address,
                        own=own,
                        call_id=f"flood{sent}@x",
                        branch=f"z9hG4bKflood{sent}",
                        body=OFFER,
                    ),
                    call.address,
                )
                sent += 1
            hang_up_strangers(call)
        heard = call.packets() - before
        seconds = time.monotonic() - began
    assert sent > 1200
    assert heard > seconds * 50 * 0.9, f"{heard} of the patient's packets in {seconds:.1f} s"
    until(
        lambda: [leg.leg_id for leg in call.node.status().legs] == [call.leg_id] or hang_up_strangers(call),
        timeout=15,
        what="only the patient's leg is up",
    )
    call.unharmed()
    until(lambda: "strangers_turned_away" in call.worker.log(), timeout=8, what="the log tells of the flood")
    clean(call.said())


def test_a_worker_that_is_not_the_front_takes_thousands_of_invites_without_a_call(tmp_path: Path) -> None:
    with (
        call_worker(tmp_path) as worker,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        node = worker.connect()
        stranger.bind(("127.0.0.1", 0))
        target, own = ("127.0.0.1", worker.config.sip_port), stranger.getsockname()
        for number in range(3_000):
            branch = f"z9hG4bKmany{number}"
            stranger.sendto(
                request("INVITE", target, own=own, call_id=f"many{number}@x", branch=branch, body=OFFER), target
            )
        assert {line.split()[1] for line in answers(stranger, 0.5)} == {"403"}
        assert worker.child.poll() is None
        assert node.status().legs == ()


def test_strangers_cannot_fill_the_sockets_of_a_worker_with_a_tcp_trunk(worker: WorkerUnderTest) -> None:
    node = worker.connect()
    with socket.socket() as carrier:
        carrier.bind(("127.0.0.1", 0))
        carrier.listen()
        leg = outbound("+8613800000003", ring_seconds=2.0)
        trunk = replace(loopback_trunk(carrier.getsockname()[1]), transport=Transport.TCP)
        until(
            lambda: node.ask(wire.Originate(leg=leg, trunk=trunk)).ok,
            timeout=8,
            what="the worker takes another call",
            every=0.1,
        )
        connection, _ = carrier.accept()
        with connection, socket.create_connection(("127.0.0.1", worker.config.sip_port), timeout=1):
            for _ in range(3):  # the trunk's own host may connect; any other gets no answer
                with socket.socket() as stranger:
                    stranger.bind(("127.0.0.2", 0))
                    stranger.settimeout(0.2)
                    with pytest.raises(TimeoutError):
                        stranger.connect(("127.0.0.1", worker.config.sip_port))
        node.wait_for(leg.leg_id, ENDED)
    node.close()


# --- SDP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", sorted(WRONG_SDP))
def test_an_answer_with_wrong_sdp_ends_at_most_its_own_call(
    worker: WorkerUnderTest, tmp_path: Path, wrong: str
) -> None:
    node = worker.connect()
    with raw_peer() as peer:
        leg = outbound("+8613800000001", recording_folder=tmp_path / "recording")
        until(
            lambda: node.ask(wire.Originate(leg=leg, trunk=loopback_trunk(peer.port))).ok,
            timeout=8,
            what="the worker takes another call",
            every=0.1,
        )
        invite = peer.receive("INVITE")
        peer.reply(invite, "200 OK", headers={"Contact": f"<sip:far@127.0.0.1:{peer.port}>"}, body=WRONG_SDP[wrong])
        peer.receive("ACK")
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        peer.reply(peer.receive("BYE"), "200 OK")
        node.wait_for(leg.leg_id, ENDED)
    assert worker.child.poll() is None, worker.log()[-3000:]
    node.close()


def test_offers_with_wrong_sdp_harm_neither_worker_nor_call(call: LiveCall) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for number, (name, body) in enumerate(WRONG_SDP.items()):
            message = request(
                "INVITE",
                call.address,
                own=stranger.getsockname(),
                call_id=f"offer{number}@x",
                branch=f"z9hG4bKoffer{number}",
                body=body,
            )
            stranger.sendto(message, call.address)
            call.talk(12)  # the limit of new calls per second is not what is tried here
            for leg in call.node.status().legs:
                if leg.state is LegState.INCOMING:
                    call.node.ask(wire.AnswerLeg(leg_id=leg.leg_id))
                    call.node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.REJECTED))
            assert call.worker.child.poll() is None, f"{name}: {call.worker.log()[-3000:]}"
    until(lambda: len(call.node.status().legs) == 1, timeout=10, what="only the patient's leg is up")
    call.unharmed()
    clean(call.said())


def test_re_invites_with_wrong_sdp_do_not_end_the_worker(call: LiveCall) -> None:
    for number, (name, body) in enumerate(WRONG_SDP.items(), start=60):
        call.peer.line.sendto(call.in_dialog("INVITE", number, body=body), call.address)
        status = 100
        while status < 200:
            answer = call.peer.receive("SIP/2.0")
            if answer.one("CSeq") == f"{number} INVITE":
                status = int(answer.start.split()[1])
        call.peer.line.sendto(call.in_dialog("ACK", number), call.address)
        assert call.node.status().legs, f"{name}: {call.worker.log()[-3000:]}"
    right = OFFER.replace("4000", str(call.voice.port))
    call.peer.line.sendto(call.in_dialog("INVITE", 90, body=right), call.address)
    answer = call.peer.receive("SIP/2.0")
    while answer.start != "SIP/2.0 200 OK" or answer.one("CSeq") != "90 INVITE":
        answer = call.peer.receive("SIP/2.0")
    call.peer.line.sendto(call.in_dialog("ACK", 90), call.address)
    media = next(line for line in answer.body.splitlines() if line.startswith("m=audio"))
    call.voice.target = ("127.0.0.1", int(media.split()[1]))  # sound that was refused in between has another port now
    call.unharmed()


@pytest.mark.parametrize("status", ["183 Session Progress", "200 OK"])
def test_a_far_end_that_answers_in_the_clear_where_encryption_is_required_is_refused(
    worker: WorkerUnderTest, tmp_path: Path, status: str
) -> None:
    node = worker.connect()
    with raw_peer() as peer, rtp_tone(STRANGER_HZ) as voice:
        leg = outbound("+8613800000002", recording_folder=tmp_path / "recording")
        trunk = replace(loopback_trunk(peer.port), srtp=Srtp.REQUIRED)
        until(
            lambda: node.ask(wire.Originate(leg=leg, trunk=trunk)).ok,
            timeout=8,
            what="the worker takes another call",
            every=0.1,
        )
        invite = peer.receive("INVITE")
        assert "RTP/SAVP" in invite.body
        assert "a=crypto:" in invite.body
        assert "RTP/AVP " not in invite.body
        peer.answer(invite, rtp_port=voice.port, status=status)  # plain RTP/AVP
        refusal = peer.receive("CANCEL" if status.startswith("183") else "BYE")
        peer.reply(refusal, "200 OK")
        if refusal.method == "CANCEL":
            peer.reply(invite, "487 Request Terminated")
        end = node.wait_for(leg.leg_id, ENDED)
        assert end.values["end_reason"] != "hang_up"
        assert not voice.heard, "sound left in the clear"
        assert LegEventKind.BRIDGED not in node.kinds(leg.leg_id)
    assert worker.child.poll() is None
    node.close()


# --- RTP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_a_strangers_voice_is_neither_heard_nor_recorded_nor_answered(call: LiveCall, host: str) -> None:
    frames = tone_frames(STRANGER_HZ)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, 0))
        before = len(call.voice.heard)
        for burst in range(20):
            for number in range(30):  # the library follows ten in a row that no packet of the patient's parts
                stranger.sendto(rtp_packet(burst * 30 + number, frames[number], source_id=99), call.our_rtp)
            call.talk(2)
        stranger.settimeout(0.2)
        with pytest.raises(TimeoutError):
            stranger.recv(2048)
    assert len(call.voice.heard) - before > 20, "the patient hears nobody any more"
    until(lambda: "rtp_of_strangers_kept_out" in call.worker.log(), timeout=5, what="the log tells of the stranger")
    call.unharmed()
    clean(call.said())


def test_noise_from_where_the_patient_speaks_does_no_harm(call: LiveCall) -> None:
    noise = np.random.default_rng(4475)
    call.voice.target = None
    for size in (0, 1, 4, 11, 12, 13, 20, 60, 200, 1400):
        for _ in range(20):
            call.voice.line.sendto(noise.bytes(size), call.our_rtp)
            call.voice.line.sendto(b"\x80\x08" + noise.bytes(size), call.our_rtp)
    call.voice.target = call.our_rtp
    call.unharmed()


def test_garbage_as_rtcp_does_no_harm(call: LiveCall) -> None:
    noise = np.random.default_rng(4476)
    host, port = call.our_rtp
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        control.bind(("127.0.0.1", 0))
        for size in (0, 4, 8, 28, 100, 1400):
            for kind in (200, 201, 202, 203, 204, 205, 206):
                control.sendto(bytes([0x9F, kind]) + noise.bytes(size), (host, port + 1))
    call.talk(40)
    call.unharmed()
    clean(call.said())


# --- who is let in (pure) --------------------------------------------------------------------------------------------


def doorman(*, front: bool = True, calls: float = 2.0, answers_per_second: float = 3.0) -> Doorman:
    return Doorman(
        front=front,
        own_host="127.0.0.1",
        awaited={"t0ken": LegId("line")},
        limit=4,
        calls=TokenBucket(calls, 0.0),
        answers=TokenBucket(answers_per_second, 0.0),
    )


def knock(
    method: str = "INVITE", *, user: str = "4001", host: str = "127.0.0.1", headers: tuple[str, ...] = ()
) -> Knock:
    text = request(method, ("127.0.0.1", 5060), own=("127.0.0.1", 5062), headers=headers).decode()
    return Knock(method=method, user=user, host=host, text=text)


def test_the_doorman_lets_in_callers_at_the_front_and_lines_everywhere() -> None:
    assert doorman().admit(knock(), callers=0, held=0, now=0.0).let_in
    assert doorman(front=False).admit(knock(), callers=0, held=0, now=0.0).status == 403
    assert doorman(front=False).admit(knock(user="t0ken"), callers=0, held=3, now=0.0).let_in
    assert doorman(front=False).admit(knock(user="t0ken", host="127.0.0.9"), callers=0, held=0, now=0.0).status == 403


def test_the_doorman_tells_when_to_come_again_and_tires_of_answering() -> None:
    full = doorman().admit(knock(), callers=2, held=2, now=0.0)
    assert (full.status, full.retry_after_seconds > 0) == (486, True)
    quick = doorman()
    met = [quick.admit(knock(), callers=0, held=0, now=0.0) for _ in range(10)]
    assert [(one.let_in, one.status) for one in met] == [(True, 0)] * 2 + [(False, 503)] * 3 + [(False, 0)] * 5
    assert quick.turned_away == {"INVITE 503": 8}
    assert quick.admit(knock(), callers=0, held=0, now=1.0).let_in


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "FROBNICATE"])
def test_the_doorman_takes_no_other_requests(method: str) -> None:
    assert doorman().admit(knock(method), callers=0, held=0, now=0.0).status == 405


def test_the_doorman_lets_no_call_take_anothers_place() -> None:
    replacing = knock(headers=("Replaces: x;to-tag=1;from-tag=2",))
    assert doorman().admit(replacing, callers=0, held=0, now=0.0).status == 403
