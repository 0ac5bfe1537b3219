"""Benches on which the contract of call control is tried: an implementation, its far ends, and what it reported."""

import itertools
import os
import signal
import wave
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from followup.calls import EndReason, LegId, LegRole
from followup.ports import TextVoice
from telephony.call_control import (
    CallControl,
    LegEvent,
    LegEventKind,
    LegState,
    LegStatus,
    OutboundLeg,
    Trunk,
    UnreachableError,
)
from telephony.line_script import (
    ANSWERS,
    BUSY,
    NO_ANSWER,
    REJECTS,
    UNREACHABLE,
    LineScript,
    answer,
    fall_silent,
    far_hold,
    far_resume,
    hang_up,
    press,
    refuse_holds,
    ring,
    speak_again,
)
from telephony.loopback import LoopbackCallControl
from telephony.loopback_time import ManualScheduler
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings
from telephony.sip.roster import WorkerSummary
from telephony.sip.wire import Status
from tests.support.ports import free_udp_block
from tests.support.sip_caller import CallPlan, DialedCall, dial
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.waiting import until


class FarEnd(StrEnum):
    """How the phone at the other end behaves."""

    ANSWERS = "answers"
    HANGS_UP = "hangs_up"  # half a second after it answered
    PRESSES_12 = "presses_12"  # soon after it answered
    PRESSES_1_AND_HASH = "presses_1_and_hash"
    BUSY = "busy"
    REJECTS = "rejects"
    ONLY_RINGS = "only_rings"
    UNREACHABLE = "unreachable"
    PRESSES_1_BY_INFO = "presses_1_by_info"
    HOLDS_US = "holds_us"  # soon after it answered, and for half a second
    REFUSES_HOLDS = "refuses_holds"  # with 488


class Bench(ABC):
    """An implementation on trial."""

    control: CallControl
    trunk: Trunk
    voice_seconds: ClassVar[float]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.voice = ToneVoice(folder / "voice")
        self.events: list[LegEvent] = []
        self._numbers = itertools.count(1)

    @abstractmethod
    def number(self, far_end: FarEnd) -> str:
        """A number, never given before, at which such a phone is."""

    @abstractmethod
    def digits_heard(self, leg_id: LegId) -> str:
        """The digits that the far end of this leg has received."""

    @abstractmethod
    def silenced(self, leg_id: LegId) -> AbstractContextManager[None]:
        """The leg's far end sends nothing inside, and again afterwards."""

    @abstractmethod
    def _ring(self, *, gives_up_after: float | None) -> None:
        """Let somebody ring us; once answered, he stays on the line until he is hung up."""

    def ring_in(self, *, gives_up_after: float | None = None) -> LegId:
        """Somebody rings us: his leg."""
        before = {event.event_id for event in self.events}
        self._ring(gives_up_after=gives_up_after)

        def incoming() -> LegId | None:
            self.let_time_pass()
            new = [event for event in self.events if event.event_id not in before]
            return next((event.leg_id for event in new if event.kind is LegEventKind.INCOMING), None)

        leg_id = until(incoming, timeout=10, what="somebody rings us")
        assert leg_id is not None
        return leg_id

    @abstractmethod
    def let_time_pass(self) -> None:
        """A little, where time stands still by itself."""

    def leg(
        self,
        far_end: FarEnd = FarEnd.ANSWERS,
        *,
        role: LegRole = LegRole.PATIENT,
        ring_seconds: float = 10.0,
        join_leg: LegId | None = None,
        beside_leg: LegId | None = None,
        recorded: bool = False,
    ) -> OutboundLeg:
        """A new leg to such a phone."""
        name = f"{role.value}-{next(self._numbers)}"
        return OutboundLeg(
            leg_id=LegId(name),
            attempt_id=f"attempt-{name}",
            role=role,
            number=self.number(far_end),
            ring_seconds=ring_seconds,
            join_leg=join_leg,
            beside_leg=beside_leg,
            recording_folder=self.folder / "spool" / name if recorded else None,
        )

    def dial(self, leg: OutboundLeg) -> LegId:
        """Originate it over the bench's trunk."""
        self.control.originate(leg, self.trunk)
        return leg.leg_id

    def answered(self, far_end: FarEnd = FarEnd.ANSWERS, *, recorded: bool = False) -> LegId:
        """An answered patient's leg."""
        leg_id = self.dial(self.leg(far_end, recorded=recorded))
        self.wait_for(LegEventKind.ANSWERED, leg_id)
        return leg_id

    def headset(self) -> LegId:
        """A headset that is up."""
        leg = self.leg(role=LegRole.AGENT)
        self.control.attach_headset(leg, self.trunk)
        self.wait_for(LegEventKind.ANSWERED, leg.leg_id)
        return leg.leg_id

    def talk(self, *, recorded: bool = False, apart: bool = False) -> tuple[LegId, LegId]:
        """A patient's leg bridged with a headset; both ids. `apart`: dialed without it, maybe in another worker."""
        headset = self.headset()
        if apart:
            patient = self.answered(recorded=recorded)
            self.control.bridge(patient, headset)
        else:
            patient = self.dial(self.leg(join_leg=headset, recorded=recorded))
        self.wait_for_bridge(patient, headset)
        return patient, headset

    def supervisor(self, patient: LegId) -> LegId:
        """A supervisor's leg that is up beside the patient's."""
        leg_id = self.dial(self.leg(role=LegRole.SUPERVISOR, beside_leg=patient))
        self.wait_for(LegEventKind.ANSWERED, leg_id)
        return leg_id

    def bridges(self, one: LegId, two: LegId) -> list[LegEventKind]:
        """How often the two were bridged and parted so far, in order."""
        return [
            event.kind
            for event in self.events
            if event.kind in (LegEventKind.BRIDGED, LegEventKind.UNBRIDGED)
            and {event.leg_id, event.values["with"]} == {one, two}
        ]

    def wait_for_bridge(self, one: LegId, two: LegId, *, times: int = 1) -> None:
        """The two hear each other (again)."""
        self._wait_for_pair(LegEventKind.BRIDGED, one, two, times)

    def wait_for_parting(self, one: LegId, two: LegId, *, times: int = 1) -> None:
        """The two hear each other no more."""
        self._wait_for_pair(LegEventKind.UNBRIDGED, one, two, times)

    def _wait_for_pair(self, kind: LegEventKind, one: LegId, two: LegId, times: int) -> None:
        def come() -> bool:
            self.let_time_pass()
            return self.bridges(one, two).count(kind) >= times

        until(come, timeout=10, what=f"{one} and {two} are {kind.value} {times} times")

    def status_of(self, leg_id: LegId) -> LegStatus | None:
        """The leg's status, while it is up or on its way."""
        return next((status for status in self.control.status() if status.leg_id == leg_id), None)

    def state_of(self, leg_id: LegId) -> LegState | None:
        """Where the leg is on the line, while it is up or on its way."""
        status = self.status_of(leg_id)
        return None if status is None else status.state

    def story(self, leg_id: LegId) -> list[LegEventKind]:
        """What happened to the leg so far."""
        return [event.kind for event in self.events if event.leg_id == leg_id]

    def wait_for(self, kind: LegEventKind, leg_id: LegId, *, times: int = 1, timeout: float = 10.0) -> LegEvent:
        """The first (second, …) such event of this leg, once it has come."""

        def found() -> LegEvent | None:
            self.let_time_pass()
            such = [event for event in self.events if event.leg_id == leg_id and event.kind is kind]
            return such[times - 1] if len(such) >= times else None

        try:
            event = until(found, timeout=timeout, what=f"{kind.value} on {leg_id}")
        except AssertionError as late:
            raise AssertionError(f"{late}; the leg so far: {[kind.value for kind in self.story(leg_id)]}") from None
        assert event is not None
        return event

    def hang_up_everything(self) -> None:
        """End whatever a test left behind."""
        legs = dict.fromkeys(event.leg_id for event in self.events)
        for leg_id in legs:
            if LegEventKind.ENDED not in self.story(leg_id):
                self.control.hang_up(leg_id, EndReason.HANG_UP)
                self.wait_for(LegEventKind.ENDED, leg_id)

    def prompt(self, seconds: float) -> Path:
        """A prompt of so many seconds."""
        return write_buzz(self.folder / f"prompt-{seconds}.wav", seconds)


def write_buzz(path: Path, seconds: float) -> Path:
    """A sound of so many seconds."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x10\x00\xf0" * round(seconds * 4000))
    return path


class ToneVoice:
    """A voice that buzzes whatever it is given, in Chinese only, until another one speaks `instead`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.instead: TextVoice | None = None

    def speak(self, text: str, language: str) -> Path:
        """The text as a buzz."""
        if self.instead is not None:
            return self.instead.speak(text, language)
        if language != "zh":
            raise LookupError("only zh is installed")
        return write_buzz(self._folder / "spoken.wav", 0.02 * len(text))


class LoopbackBench(Bench):
    """The loopback; each look at its events lets a little time pass."""

    voice_seconds = 30.0  # ten looks a second or more, 0.2 s each

    SCRIPTS: ClassVar[dict[FarEnd, LineScript]] = {
        FarEnd.ANSWERS: ANSWERS,
        FarEnd.HANGS_UP: (ring(), answer(), hang_up(after=0.5)),
        FarEnd.PRESSES_12: (ring(), answer(), press("1", after=0.5), press("2", after=0.2)),
        FarEnd.PRESSES_1_AND_HASH: (ring(), answer(), press("1", after=0.5), press("#", after=0.2)),
        FarEnd.BUSY: BUSY,
        FarEnd.REJECTS: REJECTS,
        FarEnd.ONLY_RINGS: NO_ANSWER,
        FarEnd.UNREACHABLE: UNREACHABLE,
        FarEnd.PRESSES_1_BY_INFO: (ring(), answer(), press("1", after=0.5)),
        FarEnd.HOLDS_US: (ring(), answer(), far_hold(), far_resume()),
        FarEnd.REFUSES_HOLDS: (ring(), answer(), refuse_holds(488)),
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.time = ManualScheduler()
        self.trunk = Trunk(name="loopback", host="127.0.0.1", loopback_only=True)
        self.loopback = LoopbackCallControl(
            sink=self.events.append, scheduler=self.time, voice=self.voice, voice_seconds=self.voice_seconds
        )
        self.control = self.loopback

    def number(self, far_end: FarEnd) -> str:
        number = f"+86100{next(self._numbers):05}"
        self.loopback.teach(number, self.SCRIPTS[far_end])
        return number

    def _ring(self, *, gives_up_after: float | None) -> None:
        self.loopback.ring_in(caller="+8613900000001", called="+862155550000", gives_up_after=gives_up_after)

    @contextmanager
    def silenced(self, leg_id: LegId) -> Iterator[None]:
        self.loopback.act(leg_id, fall_silent())
        yield
        self.loopback.act(leg_id, speak_again())

    def digits_heard(self, leg_id: LegId) -> str:
        return self.loopback.leg(leg_id).heard_digits

    def let_time_pass(self) -> None:
        self.time.advance(0.2)


class SipBench(Bench):
    """SIP: a pool of real call workers against a scripted phone in a process of its own."""

    voice_seconds = 3.0

    PROGRAMMES: ClassVar[dict[FarEnd, str]] = {
        FarEnd.ANSWERS: "ring.answer",
        FarEnd.HANGS_UP: "ring.answer.hangup-500",
        FarEnd.PRESSES_12: "ring.answer.digits-12",
        FarEnd.PRESSES_1_AND_HASH: "ring.answer.digits-1.digits-#",
        FarEnd.BUSY: "busy",
        FarEnd.REJECTS: "ring.reject",
        FarEnd.ONLY_RINGS: "ring",
        FarEnd.UNREACHABLE: "unavailable",
        FarEnd.PRESSES_1_BY_INFO: "ring.answer.info-1",
        FarEnd.HOLDS_US: "ring.answer.hold-500.resume-500",
        FarEnd.REFUSES_HOLDS: "ring.refuse-488.answer",
    }

    def __init__(self, folder: Path, phone: SipPatient) -> None:
        super().__init__(folder)
        self.phone = phone
        self.trunk = Trunk(name="phone", host=phone.host, port=phone.port, loopback_only=True)
        self.settings = replace(pool_settings(folder, front=True), silent_seconds=2.0)
        self.pool = WorkerPool(self.settings, self._take)
        self._callers: list[DialedCall] = []
        self.control = SipCallControl(self.pool, voice=self.voice, voice_seconds=self.voice_seconds)
        self._dialed: dict[LegId, str] = {}

    def _take(self, event: LegEvent) -> None:
        self.events.append(event)
        self.pool.acknowledge(event)

    def let_time_pass(self) -> None:
        """It passes by itself."""

    def hang_up_everything(self) -> None:
        """End what a test left behind, and wait until the workers have room again: a farewell takes its time."""
        super().hang_up_everything()
        until(lambda: not any(map(self._held, self.pool.workers())), timeout=30, what="no worker holds a leg")

    def _held(self, worker: WorkerSummary) -> bool:
        try:
            answer = self.pool.ask(worker.worker_id, Status())
        except UnreachableError:
            return False  # it had made all its calls and has left
        return answer.status is not None and bool(answer.status.legs)

    def number(self, far_end: FarEnd) -> str:
        return f"id-{next(self._numbers)}.{self.PROGRAMMES[far_end]}"

    def leg(
        self,
        far_end: FarEnd = FarEnd.ANSWERS,
        *,
        role: LegRole = LegRole.PATIENT,
        ring_seconds: float = 10.0,
        join_leg: LegId | None = None,
        beside_leg: LegId | None = None,
        recorded: bool = False,
    ) -> OutboundLeg:
        leg = super().leg(
            far_end,
            role=role,
            ring_seconds=ring_seconds,
            join_leg=join_leg,
            beside_leg=beside_leg,
            recorded=recorded,
        )
        self._dialed[leg.leg_id] = leg.number
        return leg

    def _ring(self, *, gives_up_after: float | None) -> None:
        target = f"sip:+862155550000@127.0.0.1:{self.settings.sip_port_base - 1}"
        self._callers.append(dial(CallPlan(target=target, cancel_after=gives_up_after)))

    def callers_are_gone(self) -> None:
        """Wait for everybody who rang us."""
        for caller in self._callers:
            caller.result()

    @contextmanager
    def silenced(self, leg_id: LegId) -> Iterator[None]:
        assert leg_id in self._dialed, "the one phone of the bench holds every leg: all of them fall silent"
        os.kill(self.phone.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.phone.pid, signal.SIGCONT)

    def digits_heard(self, leg_id: LegId) -> str:
        return "".join(str(line["digit"]) for line in self.phone.saw("digit", self._dialed[leg_id]))


def pool_settings(folder: Path, *, workers_warm: int = 1, workers_max: int = 4, front: bool = False) -> PoolSettings:
    """A pool's settings for a test, on ports of its own."""
    ports = free_udp_block(200) + 1  # a front worker takes the port before
    return PoolSettings(
        node="node",  # short: the path of a Unix socket holds 107 characters
        folder=folder / "telephony",
        socket_folder=folder / "run",
        log_folder=folder / "logs",
        sip_port_base=ports,
        rtp_port_base=ports + 40,
        rtp_ports_each=16,
        front_workers=int(front),
        workers_warm=workers_warm,
        workers_max=workers_max,
        no_reply_seconds=2.0,
        orphan_seconds=20.0,
        rest_seconds=0.0,
    )


@contextmanager
def loopback_bench(folder: Path) -> Iterator[Bench]:
    """The loopback, ready."""
    yield LoopbackBench(folder)


@contextmanager
def sip_bench(folder: Path) -> Iterator[Bench]:
    """SIP, ready: the phone listens and a worker is warm."""
    with sip_patient(folder / "phone", {}) as phone:
        bench = SipBench(folder, phone)
        bench.pool.start()
        try:
            yield bench
            bench.callers_are_gone()
        finally:
            bench.pool.close(quit_idle=True)
