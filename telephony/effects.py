"""What a conversation wants done on the line once its transaction is committed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from followup.calls import EndReason, LegId
from telephony.call_control import MonitorMode, OutboundLeg, Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpLeg:
    """End a leg."""

    leg_id: LegId
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayPrompt:
    """Play a prompt of the call's language, or a sentence about `values`, to somebody who needs it `slow` or not."""

    leg_id: LegId
    key: str
    language: str
    values: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectPrompts:
    """Prompts that will be played later in the call: a voice that needs seconds for a sentence may begin now."""

    leg_id: LegId
    keys: tuple[str, ...]
    language: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPrompt:
    """Cut what plays to a leg."""

    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectKeys:
    """Wait for keys; counted from the end of the prompt that plays."""

    leg_id: LegId
    count: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecorder:
    """Close the recording's files for good."""

    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyRecording:
    """Take away what was recorded: the patient said no."""

    leg_id: LegId
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLeg:
    """Pick up somebody who rings us, recorded from the answer on where a folder is named."""

    leg_id: LegId
    recording_folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinLegs:
    """Let a patient and an agent's headset hear each other; where that cannot be, the patient's line ends."""

    leg_id: LegId
    other: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorLeg:
    """Let a supervisor's leg into a conversation."""

    leg_id: LegId
    other: LegId
    mode: MonitorMode


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmuteLeg:
    """Let a headset be heard again: a mute belongs to one call."""

    leg_id: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class RedialPatient:
    """Dial the patient over another trunk: the first one refused before anything rang."""

    leg_id: LegId
    leg: OutboundLeg
    line: Trunk


Effect = (
    AnswerLeg
    | HangUpLeg
    | PlayPrompt
    | ExpectPrompts
    | StopPrompt
    | CollectKeys
    | StopRecorder
    | DestroyRecording
    | JoinLegs
    | MonitorLeg
    | UnmuteLeg
    | RedialPatient
)
