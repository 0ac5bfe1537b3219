"""A leg of the loopback, and the files it reads and leaves: prompts and silent recordings."""

import ipaddress
import json
import wave
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from followup.calls import LegId
from telephony.call_control import DigitMethod, LegState, LegStatus, OutboundLeg, RejectedError, Trunk
from telephony.causes import Cause
from telephony.line_script import LineStep

SAMPLE_RATE = 8000


class LegPhase(StrEnum):
    """Where a loopback leg is."""

    INVITED = "invited"
    INCOMING = "incoming"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(kw_only=True, eq=False)
class LoopbackLeg:
    """One scripted leg; `heard_…` is what its far end noticed of us."""

    leg: OutboundLeg
    trunk: Trunk
    script: deque[LineStep]
    phase: LegPhase = LegPhase.INVITED
    rang: bool = False
    limit: int = 0  # grows when the ring limit begins anew
    answered_at: datetime | None = None
    met_agent: bool = False
    ending: Cause | None = None  # our hang-up is under way
    partners: set[LegId] = field(default_factory=set)
    held: bool = False
    far_held: bool = False
    refuses_holds: int = 0  # with this SIP status
    muted: bool = False
    prompt: int = 0  # grows with each prompt, so that the end of one cut short is known for stale
    playing: bool = False
    gathered: str | None = None
    wanted_digits: int = 0
    digits_timeout: float = 0.0
    gathering: int = 0
    digit_wait: int = 0  # grows with each wait, so that one that a key ended is known for stale
    recording_folder: Path | None = None
    recording_since: datetime | None = None
    recording_paused: bool = False
    heard_digits: str = ""
    heard_digit_methods: list[DigitMethod] = field(default_factory=list)
    heard_prompts: list[Path] = field(default_factory=list)
    heard_music: list[Path] = field(default_factory=list)

    @property
    def leg_id(self) -> LegId:
        """The leg's id."""
        return self.leg.leg_id

    @property
    def up(self) -> bool:
        """Whether it is answered and nobody has ended it."""
        return self.phase is LegPhase.ANSWERED and self.ending is None

    @property
    def state(self) -> LegState:
        """Where it is, in call control's words."""
        if self.ending is not None:
            return LegState.ENDING
        if self.phase is LegPhase.ANSWERED:
            return LegState.HELD if self.held or self.far_held else LegState.ANSWERED
        if self.phase is LegPhase.INCOMING:
            return LegState.INCOMING
        return LegState.RINGING if self.rang else LegState.INVITING

    def status(self) -> LegStatus:
        """The leg, as `status` tells it."""
        return LegStatus(
            leg_id=self.leg_id,
            role=self.leg.role,
            state=self.state,
            bridged_with=tuple(sorted(self.partners)),
            recording=self.recording_since is not None,
            muted=self.muted,
        )


def is_loopback(host: str) -> bool:
    """Whether the host is an address of this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def seconds_of(sound: Path) -> float:
    """How long a mono 8 kHz WAV is; RejectedError for anything else."""
    try:
        with wave.open(str(sound), "rb") as opened:
            if opened.getnchannels() != 1 or opened.getframerate() != SAMPLE_RATE:
                raise RejectedError(f"prompt {sound} is not mono at {SAMPLE_RATE} Hz: convert it")
            return opened.getnframes() / SAMPLE_RATE
    except (OSError, EOFError, wave.Error) as fault:
        raise RejectedError(f"prompt {sound} cannot be read as WAV: {fault}") from fault


def write_silence(folder: Path, started_at: datetime, seconds: float) -> None:
    """Leave what a recording of silence leaves."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for side in ("patient", "agent"):
        with wave.open(str(folder / f"{side}.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(bytes(2 * round(seconds * SAMPLE_RATE)))
    facts = {
        "started_at": started_at.isoformat(),
        "patient_offset_samples": 0,
        "agent_offset_samples": 0,
        "sample_rate": SAMPLE_RATE,
    }
    (folder / "recording.json").write_text(json.dumps(facts), encoding="utf-8")
