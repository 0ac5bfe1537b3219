"""The pool against death: of workers (kill -9 in every state), of the node, and of whoever stores the events."""

import dataclasses
import multiprocessing
import os
import signal
import socket
import threading
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    LegEvent,
    LegEventKind,
    OutboundLeg,
    Trunk,
    TrunkBusyError,
    UnreachableError,
)
from telephony.sip.control import SipCallControl
from telephony.sip.leases import held
from telephony.sip.names import Names
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings
from telephony.sip.pooled_worker import WorkerPhase
from telephony.sip.roster import WorkerSummary
from tests.support.call_control_bench import pool_settings
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.sipp import sipp
from tests.support.waiting import until

ANSWERED, RINGING, ENDED = LegEventKind.ANSWERED, LegEventKind.RINGING, LegEventKind.ENDED
WORKER_LOST = {"end_reason": "worker_lost", "party": "us", "sip_status": 0}


class Node:
    """A pool with its control, and all that it was told; `stores` decides whether an event is acknowledged."""

    def __init__(self, settings: PoolSettings, stores: Callable[[LegEvent], bool] = lambda _: True) -> None:
        self.events: list[LegEvent] = []
        self._stores = stores
        self.settings = settings
        self.pool = WorkerPool(settings, self._take)
        self.control = SipCallControl(self.pool)

    def _take(self, event: LegEvent) -> None:
        self.events.append(event)
        if self._stores(event):
            self.pool.acknowledge(event)

    def dial(
        self,
        phone: SipPatient,
        user: str,
        *,
        role: LegRole = LegRole.PATIENT,
        join_leg: LegId | None = None,
        folder: Path | None = None,
    ) -> LegId:
        leg = OutboundLeg(
            leg_id=LegId(f"leg-{user}"),
            attempt_id=f"attempt-{user}",
            role=role,
            number=user,
            join_leg=join_leg,
            recording_folder=folder,
        )
        trunk = Trunk(name="phone", host=phone.host, port=phone.port, loopback_only=True)
        (self.control.attach_headset if role is LegRole.AGENT else self.control.originate)(leg, trunk)
        return leg.leg_id

    def story(self, leg_id: LegId) -> list[LegEventKind]:
        return [event.kind for event in self.events if event.leg_id == leg_id]

    def wait_for(self, kind: LegEventKind, leg_id: LegId, timeout: float = 10.0) -> LegEvent:
        return until(
            lambda: next((event for event in self.events if (event.leg_id, event.kind) == (leg_id, kind)), None),
            timeout=timeout,
            what=f"{kind.value} on {leg_id}",
        ) or pytest.fail("unreachable")

    def worker_of(self, leg_id: LegId) -> WorkerSummary:
        return next(worker for worker in self.pool.workers() if leg_id in worker.legs)

    def kill_worker_of(self, leg_id: LegId) -> float:
        os.kill(self.worker_of(leg_id).pid, signal.SIGKILL)
        return time.monotonic()

    def journals(self, folder: str = "") -> list[Path]:
        return sorted((self.settings.folder / "journals" / self.settings.node / folder).glob("*.jsonl"))


@contextmanager
def running(node: Node) -> Iterator[Node]:
    node.pool.start()
    try:
        yield node
    finally:
        for worker in node.pool.workers():
            for leg_id in worker.legs:
                node.control.hang_up(leg_id, EndReason.HANG_UP)
        until(lambda: not any(worker.legs for worker in node.pool.workers()), timeout=10, what="all legs end")
        node.pool.close(quit_idle=True)


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipPatient]:
    with sip_patient(tmp_path_factory.mktemp("phone"), {}) as patient:
        yield patient


@pytest.fixture
def settings(tmp_path: Path) -> PoolSettings:
    return pool_settings(tmp_path, workers_max=2)


def test_a_worker_killed_while_the_phone_rings_is_buried_and_the_phone_falls_silent(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(settings)) as node:
        leg = node.dial(phone, "id-ringing.ring")
        node.wait_for(RINGING, leg)
        killed = node.kill_worker_of(leg)
        gone = phone.wait_for("disconnected", "id-ringing.ring", timeout=5)
        assert time.monotonic() - killed < 5
        assert gone["status"] == 487
        assert node.wait_for(ENDED, leg).values == WORKER_LOST
        assert node.pool.was_anything_sent("attempt-id-ringing.ring")


def test_the_phone_of_a_worker_killed_at_the_very_invite_is_freed(settings: PoolSettings) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far_end,
        running(Node(settings)) as node,
        ThreadPoolExecutor() as agent,
    ):
        far_end.bind(("127.0.0.1", 0))
        far_end.settimeout(8)
        until(lambda: any(worker.phase is WorkerPhase.READY for worker in node.pool.workers()), timeout=15, what="warm")
        pid = node.pool.workers()[0].pid
        leg = OutboundLeg(leg_id=LegId("cut"), attempt_id="cut", role=LegRole.PATIENT, number="cut")
        trunk = Trunk(name="far-end", host="127.0.0.1", port=far_end.getsockname()[1], loopback_only=True)
        dialed = agent.submit(node.control.originate, leg, trunk)
        invite, sender = far_end.recvfrom(4000)
        os.kill(pid, signal.SIGKILL)
        kept = [
            line for line in invite.decode().split("\r\n") if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))
        ]
        ringing = "\r\n".join(["SIP/2.0 180 Ringing", *kept, "Content-Length: 0", "", ""])
        heard = until(lambda: _cancel_or_ring_again(far_end, ringing, sender), timeout=8, what="a CANCEL")
        assert heard.startswith(b"CANCEL sip:cut@")
        dialed.exception(timeout=10)  # whether it still heard that the INVITE had left depends on the moment of death
        assert node.wait_for(ENDED, leg.leg_id).values == WORKER_LOST


def _cancel_or_ring_again(far_end: socket.socket, ringing: str, sender: tuple[str, int]) -> bytes:
    far_end.sendto(ringing.encode(), sender)
    far_end.settimeout(0.3)
    try:
        heard = far_end.recv(4000)
    except TimeoutError:
        return b""
    return heard if heard.startswith(b"CANCEL") else b""


def test_a_worker_killed_in_a_call_is_buried_both_phones_are_free_and_the_recording_plays(
    settings: PoolSettings, phone: SipPatient, tmp_path: Path
) -> None:
    with running(Node(settings)) as node:
        headset = node.dial(phone, "id-desk1.ring.answer", role=LegRole.AGENT)
        node.wait_for(ANSWERED, headset)
        patient = node.dial(phone, "id-call1.ring.answer.play-440", join_leg=headset, folder=tmp_path / "spool")
        node.wait_for(LegEventKind.BRIDGED, patient)
        sound = tmp_path / "spool" / "patient.wav"
        until(lambda: sound.stat().st_size > 20000, timeout=10, what="more than a second is recorded")
        killed = node.kill_worker_of(patient)
        for user in ("id-desk1.ring.answer", "id-call1.ring.answer.play-440"):
            assert phone.wait_for("disconnected", user, timeout=5)["status"] == 200
        assert time.monotonic() - killed < 5
        assert node.wait_for(ENDED, patient).values == WORKER_LOST
        assert node.wait_for(ENDED, headset).values == WORKER_LOST
        assert node.story(patient)[-2:] == [LegEventKind.RECORDING_STOPPED, ENDED]
        for side in ("patient", "agent"):
            with wave.open(str(tmp_path / "spool" / f"{side}.wav"), "rb") as recorded:
                assert recorded.getnframes() > 8000
        until(lambda: len(node.journals("buried")) == 1, timeout=5, what="the journal is put away")
        until(
            lambda: [worker.phase for worker in node.pool.workers()].count(WorkerPhase.READY) >= 1,
            timeout=10,
            what="another worker is warm",
        )


def test_after_a_burial_its_attempt_is_not_forgotten_and_another_was_never_sent(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(settings)) as node:
        leg = node.dial(phone, "id-once.ring.answer")
        node.wait_for(ANSWERED, leg)
        node.kill_worker_of(leg)
        node.wait_for(ENDED, leg)
        until(lambda: node.journals("buried"), timeout=5, what="the journal is put away")
        assert node.pool.was_anything_sent("attempt-id-once.ring.answer")
        assert not node.pool.was_anything_sent("attempt-of-nobody")
        node.control.hang_up(leg, EndReason.HANG_UP)  # it is known to be over, so this is harmless


def test_a_command_that_died_with_its_worker_unread_is_known_to_have_sent_nothing(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(settings)) as node, ThreadPoolExecutor(max_workers=1) as agent:
        worker = until(
            lambda: [worker for worker in node.pool.workers() if worker.phase is WorkerPhase.READY],
            timeout=10,
            what="a worker is warm",
        )[0]
        os.kill(worker.pid, signal.SIGSTOP)
        dialing = agent.submit(node.dial, phone, "id-unread.ring")
        until(lambda: any(worker.legs for worker in node.pool.workers()), timeout=5, what="the worker is taken")
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(UnreachableError) as refused:
            dialing.result(timeout=10)
        assert not refused.value.anything_sent
        assert not node.pool.was_anything_sent("attempt-id-unread.ring")
        assert phone.log("id-unread.ring") == []


def test_a_new_node_adopts_the_call_and_hears_what_happened_meanwhile_without_loss_or_doubles(
    settings: PoolSettings, phone: SipPatient
) -> None:
    first = Node(settings)
    first.pool.start()
    leg = first.dial(phone, "id-adopted.ring.answer.hangup-1500")
    first.wait_for(ANSWERED, leg)
    pid = first.worker_of(leg).pid
    first.pool.close()
    with running(Node(settings)) as second:
        assert second.worker_of(leg).pid == pid
        second.wait_for(ENDED, leg)
        told = [event.event_id for event in first.events + second.events]
        assert len(told) == len(set(told))
        kinds = first.story(leg) + second.story(leg)
        assert [kinds.count(kind) for kind in (RINGING, ANSWERED, ENDED)] == [1, 1, 1]


def test_what_nobody_stored_is_told_again_with_the_same_ids(settings: PoolSettings, phone: SipPatient) -> None:
    first = Node(settings, stores=lambda event: event.kind is not ANSWERED)
    first.pool.start()
    leg = first.dial(phone, "id-again.ring.answer.digits-5")
    first.wait_for(LegEventKind.DIGIT, leg)
    first.pool.close()
    with running(Node(settings)) as second:
        again = second.wait_for(LegEventKind.DIGIT, leg)
        assert second.story(leg)[:2] == [ANSWERED, LegEventKind.DIGIT]
        assert again == first.wait_for(LegEventKind.DIGIT, leg)
        second.control.hang_up(leg, EndReason.HANG_UP)
        second.wait_for(ENDED, leg)


def test_a_worker_that_died_while_no_node_was_there_is_buried_by_the_next(
    settings: PoolSettings, phone: SipPatient
) -> None:
    first = Node(settings, stores=lambda _: False)
    first.pool.start()
    leg = first.dial(phone, "id-alone.ring.answer")
    first.wait_for(ANSWERED, leg)
    pid = first.worker_of(leg).pid
    first.pool.close()
    os.kill(pid, signal.SIGKILL)
    with running(Node(settings)) as second:
        assert phone.wait_for("disconnected", "id-alone.ring.answer", timeout=5)["status"] == 200
        assert second.wait_for(ENDED, leg).values == WORKER_LOST
        assert second.story(leg)[:-1] == first.story(leg)
        assert {event.event_id for event in first.events} < {event.event_id for event in second.events}


def test_a_dead_workers_call_is_ended_even_when_its_number_has_a_new_holder(
    settings: PoolSettings, phone: SipPatient
) -> None:
    first = Node(settings)
    first.pool.start()
    leg = first.dial(phone, "id-replaced.ring.answer")
    first.wait_for(ANSWERED, leg)
    worker = first.worker_of(leg)
    first.pool.close()
    os.kill(worker.pid, signal.SIGKILL)
    lock = settings.folder / "leases" / f"{worker.sip_port}.lock"
    with held(lock, patience_seconds=5), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((settings.sip_host, worker.sip_port))
        began = time.monotonic()
        with running(Node(settings)) as second:
            assert phone.wait_for("disconnected", "id-replaced.ring.answer", timeout=5)["status"] == 200
            assert time.monotonic() - began < 5
            assert second.wait_for(ENDED, leg).values == WORKER_LOST


def test_a_hung_worker_is_put_down_by_the_next_node_and_its_phone_is_freed(
    settings: PoolSettings, phone: SipPatient
) -> None:
    first = Node(settings)
    first.pool.start()
    leg = first.dial(phone, "id-hung.ring.answer")
    first.wait_for(ANSWERED, leg)
    pid = first.worker_of(leg).pid
    first.pool.close()
    os.kill(pid, signal.SIGSTOP)
    with running(Node(dataclasses.replace(settings, answer_seconds=1.0))) as second:
        assert second.wait_for(ENDED, leg).values == WORKER_LOST
        assert phone.wait_for("disconnected", "id-hung.ring.answer", timeout=5)["status"] == 200


def test_a_worker_that_hangs_in_a_call_is_put_down_by_its_own_node_and_its_phone_is_freed(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(settings)) as node:
        leg = node.dial(phone, "id-stuck.ring.answer")
        node.wait_for(ANSWERED, leg)
        os.kill(node.worker_of(leg).pid, signal.SIGSTOP)
        began = time.monotonic()
        assert phone.wait_for("disconnected", "id-stuck.ring.answer", timeout=12)["status"] == 200
        assert time.monotonic() - began < 10
        assert node.wait_for(ENDED, leg).values == WORKER_LOST
        node.wait_for(ANSWERED, node.dial(phone, "id-after.ring.answer"))


def test_a_worker_that_was_only_slow_keeps_its_call(settings: PoolSettings, phone: SipPatient) -> None:
    with running(Node(settings)) as node:
        leg = node.dial(phone, "id-slow.ring.answer")
        node.wait_for(ANSWERED, leg)
        pid = node.worker_of(leg).pid
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(3.5, os.kill, (pid, signal.SIGCONT)).start()
        node.control.status()  # waits until it goes on
        assert node.worker_of(leg).pid == pid
        assert ENDED not in node.story(leg)


def test_the_ports_of_a_worker_that_is_gone_rest_before_another_gets_them(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(dataclasses.replace(settings, rest_seconds=30.0, workers_max=1))) as node:
        leg = node.dial(phone, "id-rests.ring.answer")
        node.wait_for(ANSWERED, leg)
        before = node.worker_of(leg).sip_port
        node.kill_worker_of(leg)
        node.wait_for(ENDED, leg)
        again = node.dial(phone, "id-elsewhere.ring.answer")
        node.wait_for(ANSWERED, again)
        assert node.worker_of(again).sip_port != before


def test_a_name_server_that_never_answers_holds_up_neither_node_nor_worker(
    settings: PoolSettings, phone: SipPatient
) -> None:
    silence = threading.Event()

    def never(host: str) -> str:
        silence.wait()
        raise OSError(host)

    with running(Node(settings)) as node:
        node.control = SipCallControl(node.pool, names=Names(lookup=never, wait_seconds=0.5))
        talking = node.dial(phone, "id-talking.ring.answer")
        node.wait_for(ANSWERED, talking)
        leg = OutboundLeg(leg_id=LegId("lost"), attempt_id="lost", role=LegRole.PATIENT, number="1")
        for patience in (1.0, 0.2):  # who asks again soon does not wait again
            began = time.monotonic()
            with pytest.raises(UnreachableError, match=r"sip\.carrier\.example leads nowhere") as refused:
                node.control.originate(leg, Trunk(name="carrier", host="sip.carrier.example"))
            assert not refused.value.anything_sent
            assert time.monotonic() - began < patience
        assert [status.leg_id for status in node.control.status()] == [talking]
        silence.set()


def test_a_trunk_with_a_name_is_dialed_by_its_address_and_keeps_its_name_in_the_message(
    settings: PoolSettings, tmp_path: Path
) -> None:
    with sipp(tmp_path / "sipp", "answer") as far_end, running(Node(settings)) as node:
        control = SipCallControl(node.pool, names=Names(lookup=lambda _: "127.0.0.1"))
        leg = OutboundLeg(leg_id=LegId("named"), attempt_id="named", role=LegRole.PATIENT, number="13800000000")
        control.originate(leg, Trunk(name="carrier", host="sip.carrier.example", port=far_end.port))
        node.wait_for(ANSWERED, leg.leg_id)
        control.hang_up(leg.leg_id, EndReason.HANG_UP)
        node.wait_for(ENDED, leg.leg_id)
        invite = next(message for message in far_end.messages() if message.gist == "> INVITE")
        assert invite.text.startswith(f"INVITE sip:13800000000@sip.carrier.example:{far_end.port} SIP/2.0")
        assert invite.headers("Route") == []


def test_a_burial_tells_nothing_twice_to_the_node_that_heard_it_alive(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(settings, stores=lambda _: False)) as node:
        leg = node.dial(phone, "id-heard.ring.answer")
        node.wait_for(ANSWERED, leg)
        node.kill_worker_of(leg)
        node.wait_for(ENDED, leg)
        told = [event.event_id for event in node.events]
        assert len(told) == len(set(told))
        assert node.story(leg)[-2:] == [ANSWERED, ENDED]


def test_a_burial_whose_events_nobody_stored_is_repeated_with_the_same_ids(
    settings: PoolSettings, phone: SipPatient
) -> None:
    first = Node(settings, stores=lambda event: event.kind is not ENDED)
    first.pool.start()
    leg = first.dial(phone, "id-twice.ring.answer")
    first.wait_for(ANSWERED, leg)
    first.kill_worker_of(leg)
    ended = first.wait_for(ENDED, leg)
    first.pool.close()
    with running(Node(settings)) as second:
        again = second.wait_for(ENDED, leg)
        assert (again.event_id, again.values) == (ended.event_id, ended.values)
        assert second.story(leg) == [ENDED]
        until(lambda: not second.pool.knows(leg) and second.journals("buried"), timeout=5, what="it is put away")


def hold_a_call(settings: PoolSettings, phone: SipPatient, user: str, ready: Path) -> None:
    """A node in a process group of its own, to be killed with all its group."""
    os.setsid()
    node = Node(settings)
    node.pool.start()
    node.wait_for(ANSWERED, node.dial(phone, user))
    ready.touch()
    signal.pause()


def test_a_killed_nodes_call_goes_on_and_is_adopted(settings: PoolSettings, phone: SipPatient, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    user = "id-orphan.ring.answer"
    process = multiprocessing.get_context("spawn").Process(target=hold_a_call, args=(settings, phone, user, ready))
    process.start()
    until(ready.exists, timeout=20, what="the call is up")
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    with running(Node(settings)) as node:
        leg = LegId(f"leg-{user}")
        assert node.pool.knows(leg)
        assert phone.saw("disconnected", user) == []
        node.control.hang_up(leg, EndReason.HANG_UP)
        assert node.wait_for(ENDED, leg).values["end_reason"] == "hang_up"


def test_an_event_that_cannot_be_stored_now_is_offered_again_before_the_next(
    settings: PoolSettings, phone: SipPatient
) -> None:
    refusals = iter([True, True, False])

    def away_at_first(event: LegEvent) -> bool:
        if event.kind is ANSWERED and next(refusals):
            raise ConnectionError("the database is away")
        return True

    with running(Node(settings, stores=away_at_first)) as node:
        leg = node.dial(phone, "id-away.ring.answer.hangup-300")
        node.wait_for(ENDED, leg)
        assert node.story(leg)[-4:] == [ANSWERED, ANSWERED, ANSWERED, ENDED]


def test_when_every_worker_talks_the_next_call_must_wait(settings: PoolSettings, phone: SipPatient) -> None:
    with running(Node(settings)) as node:
        assert node.pool.free() == 2
        legs = [node.dial(phone, f"id-full{number}.ring.answer") for number in range(2)]
        assert node.pool.free() == 0
        with pytest.raises(TrunkBusyError) as refused:
            node.dial(phone, "id-full9.ring.answer")
        assert not refused.value.anything_sent
        node.wait_for(ANSWERED, legs[0])
        node.control.hang_up(legs[0], EndReason.HANG_UP)
        node.wait_for(ENDED, legs[0])
        node.wait_for(ANSWERED, node.dial(phone, "id-full9.ring.answer"))


def test_a_worker_leaves_after_its_share_of_calls_but_never_with_a_leg_up(
    settings: PoolSettings, phone: SipPatient
) -> None:
    with running(Node(dataclasses.replace(settings, calls_per_worker=2))) as node:
        headset = node.dial(phone, "id-desk2.ring.answer", role=LegRole.AGENT)
        node.wait_for(ANSWERED, headset)
        pid = node.worker_of(headset).pid
        for number in range(2):
            leg = node.dial(phone, f"id-share{number}.busy", join_leg=headset)
            node.wait_for(ENDED, leg)
        assert node.worker_of(headset).pid == pid
        node.control.hang_up(headset, EndReason.HANG_UP)
        until(
            lambda: pid not in {worker.pid for worker in node.pool.workers()},
            timeout=10,
            what="the worker leaves once the headset is down",
        )
        assert phone.saw("disconnected", "id-desk2.ring.answer")[0]["status"] == 200


def test_workers_that_can_not_start_are_said_so_and_not_started_over_and_over(
    settings: PoolSettings, phone: SipPatient, capsys: pytest.CaptureFixture[str]
) -> None:
    node = Node(dataclasses.replace(settings, rtp_ports_each=4))
    node.pool.start()
    with pytest.raises(TrunkBusyError):
        node.dial(phone, "id-broken.busy")
    with pytest.raises(TrunkBusyError):
        node.dial(phone, "id-broken.busy")
    node.pool.close()
    assert 1 <= capsys.readouterr().out.count("worker_not_started") <= 2
    assert "rtp_count 4 is too small" in (settings.log_folder / f"worker-{settings.sip_port_base}.log").read_text()


def test_the_listener_may_give_commands_from_within_an_event(settings: PoolSettings, phone: SipPatient) -> None:
    nodes: list[Node] = []

    def hangs_up_at_the_answer(event: LegEvent) -> bool:
        if event.kind is ANSWERED:
            nodes[0].control.hang_up(event.leg_id, EndReason.TIME_LIMIT)
        return True

    nodes.append(Node(settings, stores=hangs_up_at_the_answer))
    with running(nodes[0]) as node:
        leg = node.dial(phone, "id-within.ring.answer")
        assert node.wait_for(ENDED, leg).values["end_reason"] == "time_limit"


def test_a_port_that_another_program_holds_is_passed_over(settings: PoolSettings, phone: SipPatient) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((settings.sip_host, settings.sip_port_base))
        with running(Node(settings)) as node:
            leg = node.dial(phone, "id-passed.busy")
            node.wait_for(ENDED, leg)
            assert settings.sip_port_base not in {worker.sip_port for worker in node.pool.workers()}


def test_two_nodes_on_one_machine_never_share_a_port_and_never_touch_each_others_workers(
    settings: PoolSettings, phone: SipPatient
) -> None:
    other = dataclasses.replace(settings, node="other-node")
    with running(Node(settings)) as one, running(Node(other)) as two:
        for node, user in ((one, "id-one.ring.answer"), (two, "id-two.ring.answer")):
            node.wait_for(ANSWERED, node.dial(phone, user))
        # One that is still starting may yet lose its number to the other node and take the next.
        ready = [worker for node in (one, two) for worker in node.pool.workers() if worker.phase is WorkerPhase.READY]
        ports = [worker.sip_port for worker in ready]
        assert len(ports) == len(set(ports))
        assert {event.leg_id for event in one.events}.isdisjoint(event.leg_id for event in two.events)


def test_a_node_that_is_replaced_while_it_lives_lets_go_without_burying(
    settings: PoolSettings, phone: SipPatient
) -> None:
    first = Node(settings)
    first.pool.start()
    leg = first.dial(phone, "id-newest.ring.answer")
    first.wait_for(ANSWERED, leg)
    with running(Node(settings)) as second:
        assert second.pool.knows(leg)
        until(lambda: not first.pool.knows(leg), timeout=10, what="the first node lets go")
        assert ENDED not in first.story(leg) + second.story(leg)
        assert phone.saw("disconnected", "id-newest.ring.answer") == []
        first.pool.close(quit_idle=True)
