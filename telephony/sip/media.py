"""The sound of a worker: who hears whom, prompts and recordings, rebuilt from what is wanted after every change."""

import json
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import LegId
from telephony.call_control import RejectedError
from telephony.monitor_rules import Monitoring
from telephony.sip.calls import PromptPlayer, Signals
from telephony.sip.connections import SILENCE, Connection, LineSound, Port, PortKind, Scene, wanted_connections
from telephony.sip.endpoint import NativeLibrary

log = structlog.get_logger(__name__)

WAV_SIZES = (slice(4, 8), slice(40, 44))  # both are written when the file is closed, and 0 before


RETIRED_SECONDS = 1.0


@dataclass(slots=True, kw_only=True, eq=False)
class Recording:
    """Two files being written side by side."""

    folder: Path
    indexes: tuple[int, int]  # the library's own numbers of the two recorders
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStart:
    """How far each file is behind the one that began first, in samples of silence to put before it."""

    started_at: datetime
    patient_offset_samples: int
    agent_offset_samples: int
    sample_rate: int


@dataclass(slots=True, eq=False)
class Conference:
    """The bridge: ports by name, and the connections between them."""

    native: NativeLibrary
    signals: Signals
    sample_rate: int
    _ports: dict[Port, pj.AudioMedia] = field(default_factory=dict)
    _made: set[Connection] = field(default_factory=set)
    _lines: dict[LegId, LineSound] = field(default_factory=dict)
    _joins: set[frozenset[LegId]] = field(default_factory=set)
    _muted: set[LegId] = field(default_factory=set)
    _monitorings: tuple[Monitoring, ...] = ()
    _prompts: dict[LegId, int] = field(default_factory=dict)
    _music: set[LegId] = field(default_factory=set)
    _waiting: set[LegId] = field(default_factory=set)
    _recordings: dict[LegId, Recording] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _retired: deque[tuple[float, pj.AudioMedia]] = field(default_factory=deque)

    # --- legs ---

    def put_leg(self, leg_id: LegId, audio: pj.AudioMedia | None, sound: LineSound) -> None:
        """The leg's audio is this from now on (None: it has no stream), and so much passes on it."""
        port = (PortKind.LEG, leg_id)
        before = self._ports.get(port)
        if audio is None or before is None or before.getPortId() != audio.getPortId():
            self._drop_port(port)  # the stream it had is gone, and its connections with it
        self._lines.pop(leg_id, None)
        if audio is not None:
            self._ports[port] = audio
            self._lines[leg_id] = sound
        self._rebuild(renewed=port)

    def drop_leg(self, leg_id: LegId) -> None:
        """The leg is over: its joins and prompt go with it, its recording is closed by whoever began it."""
        self._joins = {join for join in self._joins if leg_id not in join}
        self._lines.pop(leg_id, None)
        self._muted.discard(leg_id)
        self._drop_port((PortKind.LEG, leg_id))
        self.stop_prompt(leg_id)
        self._waiting.discard(leg_id)
        self._retire_music(leg_id)
        self._rebuild()

    def has_audio(self, leg_id: LegId) -> bool:
        """Whether sound passes both ways now."""
        return self._lines.get(leg_id) is LineSound.BOTH_WAYS

    def mute(self, leg_id: LegId, *, muted: bool) -> None:
        """Let nobody hear the leg, or everybody again who should."""
        if muted:
            self._muted.add(leg_id)
        else:
            self._muted.discard(leg_id)
        self._rebuild()

    def monitor(self, monitorings: Collection[Monitoring]) -> None:
        """These supervisors follow a conversation from now on; what does not change is not touched."""
        self._monitorings = tuple(monitorings)
        self._rebuild()

    # --- bridging ---

    def join(self, leg_id: LegId, other: LegId) -> None:
        """Let both hear each other, now or as soon as both have audio."""
        self._joins.add(frozenset((leg_id, other)))
        for waiting in (leg_id, other):
            self._waiting.discard(waiting)  # somebody has come
            if self._lines.get(waiting) is not LineSound.HELD:
                self._retire_music(waiting)
        self._rebuild()

    def part(self, leg_id: LegId, other: LegId) -> None:
        """Let them no longer hear each other."""
        self._joins.discard(frozenset((leg_id, other)))
        self._rebuild()

    def joined_with(self, leg_id: LegId) -> list[LegId]:
        """The legs joined with this one."""
        return sorted(other for join in self._joins if leg_id in join for other in join - {leg_id})

    # --- prompts ---

    def play(self, leg_id: LegId, prompt: Path) -> int:
        """Play a file to the leg in place of what it may be hearing; its number comes back in PromptEnded."""
        number = next(self._numbers)
        player = PromptPlayer(leg_id, number, self.signals)
        try:
            player.createPlayer(str(prompt), pj.PJMEDIA_FILE_NO_LOOP)
        except pj.Error as error:
            raise RejectedError(f"prompt {prompt}: {error.reason}; give a mono 8 kHz WAV file") from error
        self.stop_prompt(leg_id)
        self._ports[PortKind.PROMPT, leg_id] = player
        self._prompts[leg_id] = number
        self._rebuild()
        return number

    def playing(self, leg_id: LegId) -> int | None:
        """The number of the prompt the leg hears, if any."""
        return self._prompts.get(leg_id)

    def stop_prompt(self, leg_id: LegId) -> bool:
        """Silence the prompt; whether there was one."""
        if self._prompts.pop(leg_id, None) is None:
            return False
        self._retire((PortKind.PROMPT, leg_id))
        self._rebuild()
        return True

    def give_music(self, leg_id: LegId, music: Path) -> None:
        """Repeat a file to the leg whenever it is on hold or alone, until `stop_music` or somebody joins it."""
        player = pj.AudioMediaPlayer()
        try:
            player.createPlayer(str(music))
        except pj.Error as error:
            raise RejectedError(f"music {music}: {error.reason}; give a mono 8 kHz WAV file") from error
        self._retire_music(leg_id)
        self._ports[PortKind.MUSIC, leg_id] = player
        self._music.add(leg_id)
        self._rebuild()

    def stop_music(self, leg_id: LegId) -> None:
        """No music any more."""
        self._retire_music(leg_id)
        self._rebuild()

    def let_wait(self, leg_id: LegId, music: Path | None) -> None:
        """As soon as nobody is joined with it, the leg hears the music and nobody hears it, until somebody joins it."""
        if music is not None:
            self.give_music(leg_id, music)
        self._waiting.add(leg_id)
        self._rebuild()

    def stop_waiting(self, leg_id: LegId) -> None:
        """It does not wait after all."""
        self._waiting.discard(leg_id)
        self.stop_music(leg_id)

    def _retire_music(self, leg_id: LegId) -> None:
        if leg_id in self._music:
            self._music.discard(leg_id)
            self._retire((PortKind.MUSIC, leg_id))

    def _retire(self, port: Port) -> None:
        self._disconnect_port(port)
        # The library may still be about to tell the player that its file is at the end: it goes a while later.
        now = time.monotonic()
        while self._retired and self._retired[0][0] <= now:
            self._retired.popleft()
        self._retired.append((now + RETIRED_SECONDS, self._ports[port]))
        self._drop_port(port)

    # --- recording ---

    def record(self, leg_id: LegId, folder: Path, now: datetime) -> RecordingStart:
        """Begin both files at the same sample, or know by how much they differ. The clock must be running."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        indexes: list[int] = []
        recorders: dict[Port, pj.AudioMedia] = {}  # one that cannot be made lets the other go, and its number with it
        for kind, name in ((PortKind.PATIENT_FILE, "patient.wav"), (PortKind.AGENT_FILE, "agent.wav")):
            indexes.append(self._free_index(indexes))
            recorder = pj.AudioMediaRecorder()
            recorder.createRecorder(str(folder / name))
            recorders[kind, leg_id] = recorder
        self._ports.update(recorders)
        self._recordings[leg_id] = Recording(folder=folder, indexes=(indexes[0], indexes[1]))
        self._need_silence()
        self._rebuild()
        patient, agent = self._positions(indexes[0], indexes[1])
        start = RecordingStart(
            started_at=now,
            patient_offset_samples=max(0, agent - patient),
            agent_offset_samples=max(0, patient - agent),
            sample_rate=self.sample_rate,
        )
        facts = {
            "started_at": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "patient_offset_samples": start.patient_offset_samples,
            "agent_offset_samples": start.agent_offset_samples,
            "sample_rate": self.sample_rate,
        }
        (folder / "recording.json").write_text(json.dumps(facts))
        return start

    def recording(self, leg_id: LegId) -> Recording | None:
        """The leg's recording, while it is being written."""
        return self._recordings.get(leg_id)

    def pause_recording(self, leg_id: LegId, *, paused: bool) -> None:
        """Write silence, or sound again."""
        self._recordings[leg_id].paused = paused
        self._rebuild()

    def close_recording(self, leg_id: LegId) -> Path:
        """Let both files go. The bridge closes them at its next tick: `is_closed` tells when."""
        recording = self._recordings.pop(leg_id)
        for kind in (PortKind.PATIENT_FILE, PortKind.AGENT_FILE):
            self._disconnect_port((kind, leg_id))
            self._drop_port((kind, leg_id))
        return recording.folder

    def slots_to_hear(self, leg_id: LegId) -> list[int]:
        """The bridge's numbers of what a listener to the leg takes in: silence, so that time goes on, and its sound."""
        self._need_silence()
        ports = (self._ports.get(SILENCE), self._ports.get((PortKind.LEG, leg_id)))
        return [port.getPortId() for port in ports if port is not None]

    def _need_silence(self) -> None:
        if SILENCE not in self._ports:
            silence = pj.ToneGenerator()
            silence.createToneGenerator(self.sample_rate, 1)
            self._ports[SILENCE] = silence

    # --- all of it ---

    @property
    def idle(self) -> bool:
        """Whether nothing needs the clock."""
        return all(port == SILENCE for port in self._ports)

    def close(self) -> None:
        """Let everything go, so that the library can be ended."""
        self._made.clear()
        self._ports.clear()
        self._retired.clear()

    def _rebuild(self, *, renewed: Port | None = None) -> None:
        wanted = wanted_connections(
            Scene(
                lines=self._lines,
                joins=self._joins,
                muted=self._muted,
                prompted=self._prompts.keys(),
                music=self._music,
                waiting=self._waiting,
                recorded={leg_id: recording.paused for leg_id, recording in self._recordings.items()},
                monitorings=self._monitorings,
            )
        )
        for connection in self._made - wanted:
            self._connect(connection, on=False)
        # A re-INVITE may have made a new stream in the old place: what it needs is asked for again, which is harmless.
        self._made = {
            connection
            for connection in wanted
            if (connection in self._made and renewed not in connection) or self._connect(connection, on=True)
        }

    def _connect(self, connection: Connection, *, on: bool) -> bool:
        source, sink = (self._ports[port] for port in connection)
        try:
            if on:
                source.startTransmit(sink)
            else:
                source.stopTransmit(sink)
        except pj.Error as error:
            # The stream ended a moment ago; the next change of the leg's media or its end comes through here again.
            log.warning("connection_failed", on=on, reason=error.reason, kinds=[kind for kind, _ in connection])
            return False
        return True

    def _disconnect_port(self, port: Port) -> None:
        for connection in [connection for connection in self._made if port in connection]:
            self._connect(connection, on=False)

    def _drop_port(self, port: Port) -> None:
        self._ports.pop(port, None)
        self._made = {connection for connection in self._made if port not in connection}

    def _free_index(self, taken: list[int]) -> int:
        # The library gives a recorder the lowest number that is free; nobody else in this process makes any.
        used = {index for recording in self._recordings.values() for index in recording.indexes} | set(taken)
        return next(index for index in count() if index not in used)

    def _positions(self, patient: int, agent: int) -> tuple[int, int]:
        # The clock may tick between two readings; a pair is only true when the first has not moved meanwhile.
        while True:
            before = self.native.recorded_bytes(patient)
            other = self.native.recorded_bytes(agent)
            if self.native.recorded_bytes(patient) == before:
                return before // 2, other // 2


def is_closed(folder: Path) -> bool:
    """Whether both files of a recording have been finished by the library."""
    for name in ("patient.wav", "agent.wav"):
        with (folder / name).open("rb") as file:
            header = file.read(44)
        if len(header) < 44 or not any(header[WAV_SIZES[0]]):
            return False
    return True
