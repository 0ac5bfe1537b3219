"""Call control: the one interface through which calls are made, and the events that come back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from followup.calls import EndReason, LegId, LegRole

EventValue = str | int | float | bool | None


class LegEventKind(StrEnum):
    """What can happen to a leg. `values` of the event, by kind, are named behind each."""

    ABOUT_TO_INVITE = "about_to_invite"  # attempt_id: written to disk before the INVITE leaves
    INVITED = "invited"  # sip_call_id
    RINGING = "ringing"
    EARLY_MEDIA = "early_media"
    ANSWERED = "answered"
    BRIDGED = "bridged"  # with: the other leg's id
    UNBRIDGED = "unbridged"
    HELD = "held"
    RESUMED = "resumed"
    DIGIT = "digit"  # digit: one of 0-9 * # A-D
    DIGITS_COLLECTED = "digits_collected"  # digits, reason: complete | timeout
    PROMPT_FINISHED = "prompt_finished"  # prompt
    RECORDING_STARTED = "recording_started"  # folder
    RECORDING_PAUSED = "recording_paused"
    RECORDING_STOPPED = "recording_stopped"  # folder
    MEDIA_SILENT = "media_silent"  # seconds: nothing was received for so long
    ENDED = "ended"  # end_reason, party, sip_status (0 when none)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEvent:
    """Something that happened on a leg. `event_id` is unique for ever, so that a doubled delivery is seen."""

    event_id: str
    leg_id: LegId
    kind: LegEventKind
    occurred_at: datetime
    values: Mapping[str, EventValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A line to a carrier or PBX. With `loopback_only` any other target than 127.0.0.0/8 is refused in code."""

    name: str
    host: str
    port: int = 5060
    caller_id: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    realm: str = "*"
    outbound_proxy: str = ""
    loopback_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundLeg:
    """What `originate` needs: whom to ring, for how long, and with which headset to join at the answer."""

    leg_id: LegId
    attempt_id: str
    role: LegRole
    number: str  # E.164 for a patient; a SIP user or URI for a headset
    ring_seconds: float = 30.0
    join_leg: LegId | None = None  # bridged by the worker itself at the answer, without a way through the node
    recording_folder: Path | None = None  # both sides are recorded from the answer on


class Refusal(StrEnum):
    """Why call control did not do as asked."""

    TRUNK_BUSY = "trunk_busy"  # wait and ask again
    UNREACHABLE = "unreachable"  # fail over
    REJECTED = "rejected"  # final: the command cannot be


class CallControlError(Exception):
    """A refused command. When `anything_sent` is true nobody may retry by himself: a phone may have rung."""

    refusal = Refusal.REJECTED

    def __init__(self, reason: str, *, anything_sent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.anything_sent = anything_sent


class TrunkBusyError(CallControlError):
    """No line or no worker is free now."""

    refusal = Refusal.TRUNK_BUSY


class UnreachableError(CallControlError):
    """The provider or worker cannot be spoken to."""

    refusal = Refusal.UNREACHABLE


class RejectedError(CallControlError):
    """The command cannot be done in this state or with these values."""

    refusal = Refusal.REJECTED


EventSink = Callable[[LegEvent], None]


class CallControl(Protocol):
    """Every verb returns once the request is accepted; what happened arrives later at the event sink.

    Commands that cannot be done raise a CallControlError. `hang_up` never raises for a leg that has ended already.
    """

    def attach_headset(self, leg: OutboundLeg, trunk: Trunk) -> None:
        """Ring an agent's headset (phone or extension); the leg stays up for the shift, with calls or without."""

    def originate(self, leg: OutboundLeg, trunk: Trunk) -> None:
        """Dial a patient. With `join_leg` the call is made where that headset is up and joined at the answer."""

    def bridge(self, leg_id: LegId, other: LegId) -> None:
        """Let two answered legs hear each other."""

    def unbridge(self, leg_id: LegId, other: LegId) -> None:
        """Part two bridged legs; both stay up."""

    def hold(self, leg_id: LegId) -> None:
        """Put the leg on hold (re-INVITE sendonly)."""

    def resume(self, leg_id: LegId) -> None:
        """Take the leg from hold."""

    def play(self, leg_id: LegId, prompt: Path) -> None:
        """Play a mono 8 kHz WAV to the leg; PROMPT_FINISHED follows unless a digit cut it short."""

    def collect_digits(self, leg_id: LegId, *, count: int, timeout_seconds: float) -> None:
        """Gather up to `count` digits, or until `#` or the time-out; DIGITS_COLLECTED follows."""

    def send_digits(self, leg_id: LegId, digits: str) -> None:
        """Send RFC 2833 digits to the far end."""

    def pause_recording(self, leg_id: LegId) -> None:
        """Write silence on both channels until `resume_recording`."""

    def resume_recording(self, leg_id: LegId) -> None:
        """Write sound again."""

    def stop_recording(self, leg_id: LegId) -> None:
        """Close both files for good; they are captured when RECORDING_STOPPED arrives."""

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        """End the leg: CANCEL before the answer, BYE after it; harmless when it is over."""
