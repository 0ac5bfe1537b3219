"""A SIP phone without a sound card (pjsua2): it takes and makes calls and does in each what its steps say.

One thread owns everything of pjsua2. The bridge's clock runs only while a call is up, and nothing is polled that
does not have to be, so that a town of phones costs little.
"""

import ipaddress
import time
import wave
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pjsua2 as pj
import structlog

from suifang.demo.steps import Answer, HangUp, Listen, Press, Refuse, Ring, Say, Step, Wait

log = structlog.get_logger(__name__)

CALLS_AT_A_TIME = 3  # the wheel takes four; one is kept free so that a call too many can be refused in words
RETIRED_SECONDS = 1.0
SPEECH_LEVEL = 8  # on the bridge's scale of 0 to 255; speech is at 12 to 40, line noise under 4
BUSY_POLL_MS = 40
IDLE_POLL_MS = 200
BRIDGE_LINGERS_SECONDS = 0.5  # ports leave the bridge, and recordings are closed, in its next frames
SIP_FULL = 503
SIP_BUSY = 486


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePorts:
    """Where a phone lives on loopback: its SIP port and its RTP ports from `rtp_base` on."""

    host: str
    sip: int
    rtp_base: int
    rtp_count: int

    def __post_init__(self) -> None:
        if not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"demo phones live on loopback only, not on {self.host}; give 127.0.0.1")


class Owner(Protocol):
    """Who decides what a phone does, and hears what happened to it."""

    def line_of(self, user: str) -> str:
        """The line that a dialed user part means; one line has one call at a time."""

    def invited(self, call: "PhoneCall") -> Iterable[Step]:
        """The first steps of a new call."""

    def answered(self, call: "PhoneCall") -> None: ...

    def ended(self, call: "PhoneCall") -> None: ...

    def key_pressed(self, call: "PhoneCall", key: str) -> None: ...


class PhoneCall(pj.Call):  # type: ignore[misc]
    """One call at this phone, with the steps still to be done."""

    def __init__(self, phone: "Phone", pj_id: int | None, line: str) -> None:
        super().__init__(phone.account, pj.PJSUA_INVALID_ID if pj_id is None else pj_id)
        self.phone = phone
        self.line = line
        self.sip_call_id: str = "" if pj_id is None else self.getInfo().callIdString
        self.steps: deque[Step] = deque()
        self.confirmed = False
        self.over = False
        self.ended_by_us = False
        self.sip_status = 0
        self.heard_file: Path | None = None
        self.last_heard = 0.0  # when the far end was last loud, on the monotonic clock
        self._step_began: float | None = None
        self._audio: pj.AudioMedia | None = None
        self._ear: pj.AudioMedia | None = None
        self._player: pj.AudioMediaPlayer | None = None
        self._muted = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802, ARG002
        state = self.getInfo()
        self.sip_status = state.lastStatusCode
        if state.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.confirmed:
            self.confirmed = True
            self.phone.owner.answered(self)
        elif state.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self.over:
            self.over = True
            self.phone.owner.ended(self)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002
        try:
            self._audio = self.getAudioMedia(-1)
        except pj.Error:
            self._audio = None  # the stream is on hold or gone; the next change brings it back
            return
        self._connect()

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        self.phone.owner.key_pressed(self, prm.digit)

    def mute(self, muted: bool) -> None:
        """Send silence instead of what is said."""
        self._muted = muted
        self._connect()

    def stop_saying(self) -> None:
        """Forget every step and fall silent."""
        self.steps.clear()
        self._step_began = None
        self._retire_player()

    def listen_now(self, now: float) -> None:
        """Note whether the far end is loud."""
        # The bridge's point of view: what it transmits into the bridge is what the far end says.
        if self._audio is not None and not self.over and self._audio.getTxLevel() >= SPEECH_LEVEL:
            self.last_heard = now

    def step(self, now: float) -> None:
        """Do what is due; a step that takes time stays first until it is over."""
        while self.steps and not self.over:
            if self._step_began is None:
                self._step_began = now
                self._begin(self.steps[0])
            if not self._finished(self.steps[0], now):
                return
            self._retire_player()
            self._step_began = None
            if self.steps:
                self.steps.popleft()

    def _retire_player(self) -> None:
        player, self._player = self._player, None
        if player is None:
            return
        if self._audio is not None and not self.over:
            player.stopTransmit(self._audio)
        self.phone.retire(player)

    def let_go(self) -> None:
        """Drop everything of pjsua2, so that the objects go before the library does."""
        self.steps.clear()
        self._retire_player()
        self._ear = None
        self._audio = None

    def _begin(self, step: Step) -> None:
        match step:
            case Ring():
                self._reply(pj.PJSIP_SC_RINGING)
            case Answer():
                self.phone.wake_bridge()
                self._reply(pj.PJSIP_SC_OK)
            case Refuse():
                self.ended_by_us = True
                self._reply(step.sip_status)
            case Say():
                self._player = pj.AudioMediaPlayer()
                self._player.createPlayer(str(step.file), pj.PJMEDIA_FILE_NO_LOOP)
                self._connect()
            case Press():
                self.dialDtmf(step.key)
            case HangUp():
                self.ended_by_us = True
                self.hangup(pj.CallOpParam())
            case Wait() | Listen():
                pass

    def _finished(self, step: Step, now: float) -> bool:
        began = now if self._step_began is None else self._step_began
        match step:
            case Wait():
                return now - began >= step.seconds
            case Say():
                return now - began >= seconds_of(step.file)
            case Listen():
                if self.last_heard > began:
                    return now - self.last_heard >= step.quiet_seconds
                return now - began >= step.patience_seconds
            case Answer():
                return self.confirmed
            case Ring() | Refuse() | Press() | HangUp():
                return True

    def _reply(self, status: int) -> None:
        parameters = pj.CallOpParam()
        parameters.statusCode = status
        self.answer(parameters)

    def _connect(self) -> None:
        """Make every wanted connection; those there already stay as they are."""
        if self._audio is None or self.over:
            return
        if self._ear is None:
            self._ear = self._open_ear()
        self._audio.startTransmit(self._ear)
        if self._player is not None and self._muted:
            self._player.stopTransmit(self._audio)
        elif self._player is not None:
            self._player.startTransmit(self._audio)

    def _open_ear(self) -> pj.AudioMedia:
        """Somebody has to listen, or the bridge does not measure the far end's level."""
        if self.heard_file is None:
            return self.phone.endpoint.audDevManager().getPlaybackDevMedia()
        self.heard_file.parent.mkdir(parents=True, exist_ok=True)
        recorder = pj.AudioMediaRecorder()
        recorder.createRecorder(str(self.heard_file))
        return recorder


class PhoneAccount(pj.Account):  # type: ignore[misc]
    """The phone's one account; every user part rings here."""

    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self._phone = phone

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        self._phone.take(prm.callId, str(prm.rdata.wholeMsg))


class Phone:
    """The endpoint and its calls. Only the thread that made it may touch it."""

    def __init__(self, ports: PhonePorts, owner: Owner, *, user: str = "phone", one_call_per_line: bool = True) -> None:
        self.owner = owner
        self.calls: list[PhoneCall] = []
        self._one_call_per_line = one_call_per_line
        self._bridge_awake = False
        self._last_call_at = 0.0
        self._retired: deque[tuple[float, pj.AudioMediaPlayer]] = deque()
        self.endpoint = _start_endpoint(ports)
        self.account = PhoneAccount(self)
        settings = pj.AccountConfig()
        settings.idUri = f"sip:{user}@{ports.host}:{ports.sip}"
        settings.mediaConfig.transportConfig.port = ports.rtp_base
        settings.mediaConfig.transportConfig.portRange = ports.rtp_count
        settings.mediaConfig.transportConfig.boundAddress = ports.host
        self.account.create(settings)

    def take(self, pj_id: int, message: str) -> None:
        """A new INVITE: its owner's steps, or a refusal when the line or the whole phone is taken."""
        user = message.split(" ", 2)[1].partition(":")[2].partition("@")[0].partition(";")[0]
        line = self.owner.line_of(user)
        call = PhoneCall(self, pj_id, line)
        live = [other.line for other in self.calls if not other.over]
        self.calls.append(call)
        steps = tuple(self.owner.invited(call))
        if self._one_call_per_line and line in live:
            steps = (Refuse(sip_status=SIP_BUSY),)
        elif len(set(live) - {line}) >= CALLS_AT_A_TIME:
            steps = (Refuse(sip_status=SIP_FULL),)
        call.steps.extend(steps)

    def dial(self, target: str, line: str) -> PhoneCall:
        """Ring somebody; what is to be done in the call is for its owner to add once it is answered."""
        call = PhoneCall(self, None, line)
        self.calls.append(call)
        self.wake_bridge()
        call.makeCall(target, pj.CallOpParam(True))
        call.sip_call_id = call.getInfo().callIdString
        return call

    def retire(self, player: pj.AudioMediaPlayer) -> None:
        """Keep a player for a while: the library may still be about to tell it that its file is at the end."""
        self._retired.append((time.monotonic() + RETIRED_SECONDS, player))

    def wake_bridge(self) -> None:
        """Let the bridge's clock run."""
        if not self._bridge_awake:
            self.endpoint.audDevManager().setNullDev()
            self._bridge_awake = True

    def turn(self) -> None:
        """Wait a moment for what arrives, then do what is due."""
        self.endpoint.libHandleEvents(BUSY_POLL_MS if self.calls else IDLE_POLL_MS)
        now = time.monotonic()
        for call in list(self.calls):
            try:
                call.listen_now(now)
                call.step(now)
            except pj.Error as error:
                # The caller may have gone in this very moment; a call that is still there goes on without its steps.
                log.warning("phone_step_failed", sip_call_id=call.sip_call_id, reason=error.reason)
                call.stop_saying()
        for call in [call for call in self.calls if call.over]:
            call.let_go()
            self.calls.remove(call)
        while self._retired and self._retired[0][0] <= now:
            self._retired.popleft()
        if self.calls or self._retired:
            self._last_call_at = now
        elif self._bridge_awake and now - self._last_call_at >= BRIDGE_LINGERS_SECONDS:
            self.endpoint.audDevManager().setNoDev()
            self._bridge_awake = False

    def run(self, stopping: Callable[[], bool]) -> None:
        """Turn until told to stop, then say BYE to everybody and leave in order."""
        try:
            while not stopping():
                self.turn()
        finally:
            self._close()

    def _close(self) -> None:
        for call in self.calls:
            call.ended_by_us = True
        self.endpoint.hangupAllCalls()
        deadline = time.monotonic() + 1.5
        while (self.calls or self._bridge_awake) and time.monotonic() < deadline:
            self.turn()
        for call in self.calls:
            call.let_go()
        self.calls.clear()
        self._retired.clear()
        self.account.shutdown()
        self.endpoint.libDestroy()


def seconds_of(path: Path) -> float:
    """How long a WAV lasts."""
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


def _start_endpoint(ports: PhonePorts) -> pj.Endpoint:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.maxCalls = CALLS_AT_A_TIME + 1
    settings.uaConfig.userAgent = "Suifang town"
    settings.logConfig.level = 1
    settings.logConfig.consoleLevel = 1
    settings.medConfig.threadCnt = 0
    settings.medConfig.clockRate = 8000
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port = ports.sip
    transport.boundAddress = ports.host
    transport.publicAddress = ports.host
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNoDev()
    for codec in endpoint.codecEnum2():
        wanted = {"PCMU/8000/1": 200, "PCMA/8000/1": 150}.get(codec.codecId, 0)
        endpoint.codecSetPriority(codec.codecId, wanted)
    return endpoint
