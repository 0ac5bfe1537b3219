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
    HELD = "held"  # by: us | far_end
    RESUMED = "resumed"  # by: us | far_end
    HOLD_REFUSED = "hold_refused"  # sip_status: the far end did not agree; the leg is as it was before
    MUTED = "muted"
    UNMUTED = "unmuted"
    INCOMING = "incoming"  # caller, called, sip_call_id, peer: somebody rings us; answer or hang up
    ANSWERED_BY = "answered_by"  # who: human | machine | unknown, confidence (0-1), after_seconds, why
    GREETING_ENDED = "greeting_ended"  # by: beep | silence | time_limit, after_seconds: a machine waits for our message
    OPENING_KEPT = "opening_kept"  # file, seconds: the first seconds after the answer, for the speech engine
    EARLY_HEARD = "early_heard"  # sound (an EarlySound), seconds, file or None: of a leg that ended without an answer
    TRANSFER_BEGUN = "transfer_begun"  # on the patient's leg; to: the third party's leg, mode
    TRANSFER_ENDED = "transfer_ended"  # to, ending: hand_over | together | back, reason (of a transfer that failed)
    MONITORED = "monitored"  # on the supervisor's leg; of: the patient's leg, mode
    UNMONITORED = "unmonitored"  # of
    DIGIT = "digit"  # digit: one of 0-9 * # A-D
    DIGITS_COLLECTED = "digits_collected"  # digits, reason: complete | timeout
    PROMPT_FINISHED = "prompt_finished"  # prompt, reason (only of a spoken text that could not be spoken, in words)
    RECORDING_STARTED = "recording_started"  # folder
    RECORDING_PAUSED = "recording_paused"
    RECORDING_RESUMED = "recording_resumed"
    RECORDING_STOPPED = "recording_stopped"  # folder, failed (the disk took no more; nothing at all if it never began)
    MEDIA_SILENT = "media_silent"  # seconds: nothing was received for so long, told once for each silence
    MEDIA_BACK = "media_back"  # something is received again, after MEDIA_SILENT
    ENDED = "ended"  # end_reason, party, sip_status (0 when none), cause (a CauseCode), unrung (see telephony.failover)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEvent:
    """Something that happened on a leg. `event_id` is unique for ever, so that a doubled delivery is seen."""

    event_id: str
    leg_id: LegId
    kind: LegEventKind
    occurred_at: datetime
    values: Mapping[str, EventValue] = field(default_factory=dict)


class DigitMethod(StrEnum):
    """How keys are told to the far end."""

    RFC2833 = "rfc2833"  # telephone-event in RTP (RFC 4733 today)
    INFO = "info"  # SIP INFO with application/dtmf-relay


class MonitorMode(StrEnum):
    """How a supervisor is on the line. A change from one to another is one step, without a gap in anybody's sound."""

    LISTEN = "listen"  # she hears both, nobody hears her
    WHISPER = "whisper"  # the agent hears her too; the patient hears exactly nothing of her
    BARGE = "barge"  # all hear all
    TAKE_OVER = "take_over"  # she talks with the patient; the agent neither hears nor is heard


class TransferMode(StrEnum):
    """How a patient is passed on."""

    BLIND = "blind"  # the agent leaves at once; when nobody takes it, the agent gets the patient back
    CONSULT = "consult"  # the agent talks with the third party first, while the patient hears music


class TransferEnding(StrEnum):
    """What becomes of a transfer."""

    HAND_OVER = "hand_over"  # patient and third party talk, the agent is out
    TOGETHER = "together"  # all three talk
    BACK = "back"  # the third party is hung up, patient and agent talk again


class Transport(StrEnum):
    """What carries a trunk's signalling."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Srtp(StrEnum):
    """Whether a trunk's sound is encrypted (SDES, RFC 4568)."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"  # a far end that answers without it is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A line to a carrier or PBX, as the call worker needs it; which one a call takes is `telephony.trunks`' matter.

    With `loopback_only` any other target than 127.0.0.0/8 is refused in code.
    """

    name: str
    host: str
    port: int = 5060
    transport: Transport = Transport.UDP
    srtp: Srtp = Srtp.OFF
    codecs: tuple[str, ...] = ("PCMA", "PCMU")  # offered, best first
    session_timer_seconds: int = 90  # RFC 4028; 0: none
    tel_uri: bool = False  # INVITE tel:+86… (RFC 3966) instead of sip:…
    asserted_identity: str = ""  # value of P-Asserted-Identity (RFC 3325); empty: none
    ca_file: str = ""  # of TLS: whom we believe; a server's certificate is always checked
    caller_id: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    realm: str = "*"
    outbound_proxy: str = ""
    address: str = ""  # where the name of the next hop leads, looked up by the node: no worker asks a name server
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
    beside_leg: LegId | None = None  # dialed by the worker that holds that leg, without being joined to it
    stands_for: LegId | None = None  # of a line between two of our workers: the leg at its far end, named in BRIDGED
    screened: bool = False  # who or what answers is judged (ANSWERED_BY)
    replaces: LegId | None = None  # the same attempt's leg over another trunk, which ended without ringing


class LegState(StrEnum):
    """Where a leg is on the line."""

    INVITING = "inviting"  # the INVITE is about to leave or has left
    INCOMING = "incoming"  # it rings us
    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    ENDING = "ending"  # we have said CANCEL or BYE and wait for the far end's word


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStatus:
    """One leg, as `status` tells it."""

    leg_id: LegId
    role: LegRole
    state: LegState
    bridged_with: tuple[LegId, ...] = ()
    recording: bool = False
    muted: bool = False
    packets_received: int = 0


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

    def answer(self, leg_id: LegId, *, join_leg: LegId | None = None, recording_folder: Path | None = None) -> None:
        """Pick up an INCOMING leg; ANSWERED follows, and BRIDGED when `join_leg` is up. Refuse it by `hang_up`."""

    def hold(self, leg_id: LegId, *, music: Path | None = None) -> None:
        """Put the leg on hold (re-INVITE sendonly); `music`, a mono 8 kHz WAV, is repeated to it meanwhile."""

    def resume(self, leg_id: LegId) -> None:
        """Take the leg from hold."""

    def mute(self, leg_id: LegId) -> None:
        """Let nobody hear what the leg says (recordings neither) until `unmute`; it goes on hearing."""

    def unmute(self, leg_id: LegId) -> None:
        """Let the leg be heard again."""

    def transfer(
        self, leg_id: LegId, *, headset: LegId, to: OutboundLeg, trunk: Trunk, mode: TransferMode, music: Path | None
    ) -> None:
        """Pass the patient's leg on from `headset` to a third party that is dialed for it beside them.

        TRANSFER_BEGUN follows on the patient's leg. Blind: they are joined when the third party answers; when it does
        not, TRANSFER_ENDED says back and the headset is joined again. Consult: the headset is joined with the third
        party at its answer and `end_transfer` says how it ends; a third party that is lost means back.
        """

    def end_transfer(self, leg_id: LegId, ending: TransferEnding) -> None:
        """End the transfer of the patient's leg in this way; TRANSFER_ENDED follows."""

    def monitor(self, leg_id: LegId, other: LegId, mode: MonitorMode) -> None:
        """Let the supervisor's leg follow the conversation of the patient's leg `other`, or change how it does.

        Refused when `other` is not a patient's leg or not bridged: a headset between calls cannot be monitored.
        UNMONITORED follows when the conversation ends; the supervisor's leg stays up and hears nothing.
        """

    def stop_monitoring(self, leg_id: LegId) -> None:
        """Take the supervisor's leg out of the conversation; the leg stays up."""

    def say(self, leg_id: LegId, text: str, language: str) -> None:
        """Speak a text to the leg as `play` would; rejected where no voice of that language is installed.

        Returns at once; the sound begins when the voice has made it, in place of what the leg hears then. Should it not
        come in time, or not at all, PROMPT_FINISHED says so by its `reason`. What `play` or a key ends, they end before
        it has begun, too.
        """

    def play(self, leg_id: LegId, prompt: Path) -> None:
        """Play a mono 8 kHz WAV to the leg; PROMPT_FINISHED follows unless a digit cut it short."""

    def stop_prompt(self, leg_id: LegId) -> None:
        """Cut what plays to the leg, as a digit would: no PROMPT_FINISHED follows. Harmless where nothing plays."""

    def collect_digits(self, leg_id: LegId, *, count: int, timeout_seconds: float) -> None:
        """Gather up to `count` digits, or until `#` or the time-out after the last; DIGITS_COLLECTED follows."""

    def send_digits(self, leg_id: LegId, digits: str, *, method: DigitMethod = DigitMethod.RFC2833) -> None:
        """Press keys towards the far end."""

    def pause_recording(self, leg_id: LegId) -> None:
        """Write silence on both channels until `resume_recording`."""

    def resume_recording(self, leg_id: LegId) -> None:
        """Write sound again."""

    def stop_recording(self, leg_id: LegId) -> None:
        """Close both files for good; they are captured when RECORDING_STOPPED arrives."""

    def hang_up(self, leg_id: LegId, reason: EndReason) -> None:
        """End the leg: CANCEL before the answer, BYE after it, a refusal of an incoming one; harmless when over."""

    def status(self) -> tuple[LegStatus, ...]:
        """Every leg that is up or on its way."""
