"""A call worker's journal: everything that happened and all that is needed to end its calls in its name.

It is an append-only file of JSON lines, written by one worker and read by whoever comes after it.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from followup.calls import LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, Transport
from telephony.sip.wire import Event, read_path


class DialogState(StrEnum):
    """How far a dialog has come: what ends it is CANCEL before `confirmed` and BYE from then on."""

    INVITING = "inviting"
    EARLY = "early"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLine:
    """The first line: who writes here."""

    worker: str
    pid: int
    started_at: datetime
    sip_host: str
    sip_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogLine:
    """A SIP dialog as our side knows it. The last line of a leg holds.

    `local_uri` and `remote_uri` are the values of From and To without their tags, as they stood in the INVITE (of an
    `incoming` one, To is ours); `target` is the request URI of the next request; `cseq` the last number we used;
    `peer` whom to send it to. An incoming INVITE that nobody answered is ended by `refusal`, a whole SIP message.
    """

    dialog: LegId
    role: LegRole
    state: DialogState
    call_id: str
    local_uri: str
    local_tag: str
    remote_uri: str
    remote_tag: str = ""
    route_set: tuple[str, ...] = ()  # Route header values, in order; for a CANCEL those of the INVITE
    target: str
    cseq: int
    invite_cseq: int
    via_branch: str  # of the INVITE: a CANCEL carries the same
    local_contact: str
    transport_host: str
    transport_port: int
    peer_host: str
    peer_port: int
    incoming: bool = False
    refusal: str = ""
    transport: Transport = Transport.UDP
    ca_file: str = ""  # of TLS: whom the trunk believes, and what the far end's certificate must name
    certified_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLine:
    """A recording began: pad each channel with so many samples of silence to bring both to `started_at`."""

    recording: LegId
    folder: Path
    started_at: datetime
    patient_offset_samples: int
    agent_offset_samples: int
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AckLine:
    """The node has stored every event up to this number."""

    ack: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLine:
    """The leg is over and owes the far end nothing."""

    closed: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedLine:
    """The last line of a worker that left in order."""

    finished: str


JournalLine = WorkerLine | Event | DialogLine | RecordingLine | AckLine | ClosedLine | FinishedLine

_KINDS: dict[str, type[JournalLine]] = {
    "worker": WorkerLine,
    "event": Event,
    "dialog": DialogLine,
    "recording": RecordingLine,
    "ack": AckLine,
    "closed": ClosedLine,
    "finished": FinishedLine,
}


class Journal:
    """The writing side. A line is handed to the kernel before `append` returns, so it outlives the process."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def append(self, line: JournalLine, *, durable: bool = False) -> None:
        """Write one line; with `durable` it is on the disk when this returns."""
        rest = memoryview(msgspec.json.encode(line, enc_hook=str) + b"\n")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        if durable:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Put everything on the disk and let go of the file."""
        os.fdatasync(self._descriptor)
        os.close(self._descriptor)


@dataclass(slots=True, kw_only=True)
class JournalRecord:
    """What a journal tells when it is read from end to end."""

    worker: WorkerLine | None = None
    events: list[Event] = field(default_factory=list)
    dialogs: dict[LegId, DialogLine] = field(default_factory=dict)
    recordings: dict[LegId, RecordingLine] = field(default_factory=dict)
    acknowledged: int = 0
    closed: set[LegId] = field(default_factory=set)
    finished: bool = False
    damaged_lines: int = 0  # a torn last line is normal after a crash; anything else is not

    def unacknowledged(self) -> list[Event]:
        """The events no node has stored, in order."""
        return [event for event in self.events if event.event > self.acknowledged]

    def unacknowledged_leg_events(self) -> list[LegEvent]:
        """The same, as call control's listeners know them; empty when not even the first line was written."""
        if self.worker is None:
            return []
        return [event.leg_event(self.worker.worker) for event in self.unacknowledged()]

    def ended_legs(self) -> set[LegId]:
        """The legs whose end is told by an event."""
        return {event.leg_id for event in self.events if event.kind is LegEventKind.ENDED}

    def unended_legs(self) -> list[LegId]:
        """The legs that were begun and whose end nobody told, in the order they began."""
        ended = self.ended_legs()
        begun = dict.fromkeys(event.leg_id for event in self.events)
        return [leg_id for leg_id in begun if leg_id not in ended]

    def open_dialogs(self) -> list[DialogLine]:
        """The dialogs whose far end may still believe in the call: each needs a CANCEL or a BYE."""
        return [dialog for leg_id, dialog in self.dialogs.items() if leg_id not in self.closed]

    def last_event(self) -> int:
        """The highest event number given out."""
        return max((event.event for event in self.events), default=0)


def read_journal(file: Path) -> JournalRecord:
    """Everything in the journal; half-written lines are counted and left out."""
    record = JournalRecord()
    for raw in file.read_bytes().split(b"\n"):
        if not raw:
            continue
        line = _read_line(raw)
        if line is None:
            record.damaged_lines += 1
        else:
            _note(record, line)
    return record


def _read_line(raw: bytes) -> JournalLine | None:
    try:
        fields = msgspec.json.decode(raw, type=dict[str, object])
        kind = next((kind for key, kind in _KINDS.items() if key in fields), None)
        return None if kind is None else msgspec.convert(fields, kind, dec_hook=read_path)
    except msgspec.DecodeError:
        return None


def _note(record: JournalRecord, line: JournalLine) -> None:
    match line:
        case WorkerLine():
            record.worker = line
        case Event():
            record.events.append(line)
        case DialogLine():
            record.dialogs[line.dialog] = line
        case RecordingLine():
            record.recordings[line.recording] = line
        case AckLine():
            record.acknowledged = max(record.acknowledged, line.ack)
        case ClosedLine():
            record.closed.add(line.closed)
        case FinishedLine():
            record.finished = True
