"""The lines a telephony node and a call worker say to each other over the worker's Unix socket, in JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    CallControlError,
    DigitMethod,
    EventValue,
    LegEvent,
    LegEventKind,
    LegState,
    LegStatus,
    MonitorMode,
    OutboundLeg,
    Refusal,
    RejectedError,
    TransferEnding,
    TransferMode,
    Trunk,
    TrunkBusyError,
    UnreachableError,
)

Shape = TypeVar("Shape")


class WireError(Exception):
    """A line that is not of this protocol; the text says what is wrong with it, never what it held."""


# --- what a node may ask -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachHeadset:
    """Ring an agent's headset."""

    verb: ClassVar[str] = "attach_headset"
    leg: OutboundLeg
    trunk: Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Originate:
    """Dial a patient."""

    verb: ClassVar[str] = "originate"
    leg: OutboundLeg
    trunk: Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """Let two answered legs hear each other."""

    verb: ClassVar[str] = "bridge"
    leg_id: LegId
    other: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbridge:
    """Part two legs."""

    verb: ClassVar[str] = "unbridge"
    leg_id: LegId
    other: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Put a leg on hold."""

    verb: ClassVar[str] = "hold"
    leg_id: LegId
    music: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Take a leg from hold."""

    verb: ClassVar[str] = "resume"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """Take an INVITE of another of our workers as this leg: the one whose user part is `token`, within `seconds`.

    It is answered at once and joined to `join_leg`, for which it stands in for the leg `stands_for` elsewhere.
    """

    verb: ClassVar[str] = "expect"
    leg_id: LegId
    token: str
    join_leg: LegId
    stands_for: LegId
    role: LegRole = LegRole.INTERNAL
    seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLeg:
    """Pick up an incoming leg."""

    verb: ClassVar[str] = "answer"
    leg_id: LegId
    join_leg: LegId | None = None
    recording_folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Register the trunk's number with its registrar, and write to the file `standing` how that goes."""

    verb: ClassVar[str] = "register"
    trunk: Trunk
    standing: Path
    seconds: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Let nobody hear the leg."""

    verb: ClassVar[str] = "mute"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmute:
    """Let the leg be heard again."""

    verb: ClassVar[str] = "unmute"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Pass a patient's leg on from a headset to a third party dialed for it."""

    verb: ClassVar[str] = "transfer"
    leg_id: LegId
    headset: LegId
    to: OutboundLeg
    trunk: Trunk
    mode: TransferMode
    music: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTransfer:
    """End a transfer in this way."""

    verb: ClassVar[str] = "end_transfer"
    leg_id: LegId
    ending: TransferEnding


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """Let a supervisor's leg follow a patient's conversation in this way."""

    verb: ClassVar[str] = "monitor"
    leg_id: LegId
    other: LegId
    mode: MonitorMode


@dataclass(frozen=True, slots=True, kw_only=True)
class StopMonitoring:
    """Take a supervisor's leg out of the conversation it follows."""

    verb: ClassVar[str] = "stop_monitoring"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play a WAV to a leg. With a patience the file may still be on its way; without it is refused then."""

    verb: ClassVar[str] = "play"
    leg_id: LegId
    prompt: Path
    patience_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPrompt:
    """Cut what plays to a leg."""

    verb: ClassVar[str] = "stop_prompt"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectDigits:
    """Gather digits; while a prompt plays the time-out has not begun."""

    verb: ClassVar[str] = "collect_digits"
    leg_id: LegId
    count: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDigits:
    """Press keys towards the far end."""

    verb: ClassVar[str] = "send_digits"
    leg_id: LegId
    digits: str
    method: DigitMethod = DigitMethod.RFC2833


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRecording:
    """Write silence."""

    verb: ClassVar[str] = "pause_recording"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRecording:
    """Write sound again."""

    verb: ClassVar[str] = "resume_recording"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecording:
    """Close both files."""

    verb: ClassVar[str] = "stop_recording"
    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """End a leg."""

    verb: ClassVar[str] = "hang_up"
    leg_id: LegId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Say how the worker is; the answer carries a WorkerStatus."""

    verb: ClassVar[str] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quit:
    """Leave; refused while a leg is up."""

    verb: ClassVar[str] = "quit"


Request = (
    AttachHeadset
    | Originate
    | Expect
    | AnswerLeg
    | Register
    | Bridge
    | Unbridge
    | Hold
    | Resume
    | Mute
    | Unmute
    | Transfer
    | EndTransfer
    | Monitor
    | StopMonitoring
    | Play
    | StopPrompt
    | CollectDigits
    | SendDigits
    | PauseRecording
    | ResumeRecording
    | StopRecording
    | HangUp
    | Status
    | Quit
)

_REQUESTS: Mapping[str, type[Request]] = {
    kind.verb: kind
    for kind in (
        AttachHeadset,
        Originate,
        Expect,
        AnswerLeg,
        Register,
        Bridge,
        Unbridge,
        Hold,
        Resume,
        Mute,
        Unmute,
        Transfer,
        EndTransfer,
        Monitor,
        StopMonitoring,
        Play,
        StopPrompt,
        CollectDigits,
        SendDigits,
        PauseRecording,
        ResumeRecording,
        StopRecording,
        HangUp,
        Status,
        Quit,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """node → worker: do this; answered by an Answer with the same number."""

    seq: int
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """node → worker: every event up to this number is stored."""

    ack: int


# --- what a worker says --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """How a worker is: what `status` answers."""

    worker_id: str
    pid: int
    calls_made: int
    call_limit: int  # calls the library can hold at once
    unacknowledged: int
    clock_running: bool
    cpu_seconds: float
    legs: tuple[LegStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """worker → node: the request was accepted, or why not."""

    answer: int
    ok: bool
    refusal: Refusal | None = None
    reason: str = ""
    anything_sent: bool = False
    status: WorkerStatus | None = None

    def error(self) -> CallControlError | None:
        """The error this answer stands for; None when it says ok."""
        if self.ok:
            return None
        for kind in (TrunkBusyError, UnreachableError):
            if kind.refusal is self.refusal:
                return kind(self.reason, anything_sent=self.anything_sent)
        return RejectedError(self.reason, anything_sent=self.anything_sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """worker → node: something happened; said again on every new connection until acknowledged."""

    event: int
    leg_id: LegId
    kind: LegEventKind
    occurred_at: datetime
    values: dict[str, EventValue] = field(default_factory=dict)

    def leg_event(self, worker_id: str) -> LegEvent:
        """The same, as call control's listeners know it."""
        return LegEvent(
            event_id=f"{worker_id}:{self.event}",
            leg_id=self.leg_id,
            kind=self.kind,
            occurred_at=self.occurred_at,
            values=self.values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """worker → node: the first line of every connection."""

    hello: str  # the worker's id
    pid: int
    calls_made: int
    conversations: int = 1  # how many the library's call limit allows
    legs: dict[LegId, LegState] = field(default_factory=dict)


FromNode = Command | Ack
FromWorker = Hello | Answer | Event


# --- lines ---------------------------------------------------------------------------------------------------------


def read_path(kind: type, value: object) -> object:
    """For msgspec: how a path is read from JSON."""
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)  # how msgspec is told that another type is not ours to read


def encode(message: FromNode | FromWorker) -> bytes:
    """One line, with its line feed."""
    if isinstance(message, Command):
        fields = {
            name: getattr(message.request, name) for name in message.request.__dataclass_fields__ if name != "verb"
        }
        return msgspec.json.encode({"seq": message.seq, "verb": message.request.verb, **fields}, enc_hook=str) + b"\n"
    return msgspec.json.encode(message, enc_hook=str) + b"\n"


def _read_object(line: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise WireError(f"a line is not a JSON object: {error}") from error


def decode_from_node(line: bytes) -> FromNode:
    """What the node said; WireError when it cannot be understood."""
    fields = _read_object(line)
    if "ack" in fields:
        return _convert(fields, Ack)
    number, verb = fields.pop("seq", None), fields.pop("verb", None)
    if not isinstance(number, int) or not isinstance(verb, str):
        raise WireError("a command needs a whole number `seq` and a `verb`")
    kind = _REQUESTS.get(verb)
    if kind is None:
        raise UnknownVerbError(number, f"verb {verb!r} is not one of {', '.join(_REQUESTS)}")
    try:
        return Command(seq=number, request=_convert(fields, kind))
    except WireError as error:
        raise UnknownVerbError(number, f"{verb}: {error}") from error


class UnknownVerbError(WireError):
    """A command whose number could be read but not what it asks; the worker answers it with a refusal."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq


def decode_from_worker(line: bytes) -> FromWorker:
    """What the worker said; WireError when it cannot be understood."""
    fields = _read_object(line)
    if "event" in fields:
        return _convert(fields, Event)
    if "answer" in fields:
        return _convert(fields, Answer)
    if "hello" in fields:
        return _convert(fields, Hello)
    raise WireError("a worker's line is a hello, an answer or an event")


def _convert(fields: dict[str, object], kind: type[Shape]) -> Shape:
    try:
        return msgspec.convert(fields, kind, dec_hook=read_path)
    except msgspec.ValidationError as error:
        raise WireError(str(error)) from error


class LineBuffer:
    """Bytes in as they come, whole lines out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines completed by `chunk`, without their line feeds."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        yield from (line for line in lines if line)
