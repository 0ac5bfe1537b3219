"""The pjsua2 call and account of a worker: their callbacks only note what happened, the worker's loop acts on it."""

import functools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import pjsua2 as pj
import structlog

from followup.calls import LegId
from runtime.identifiers import new_id
from telephony.sip.dialog import SipMessage
from telephony.sip.gate import user_asked_for
from telephony.sip.rtp_guard import RtpSources, dropped, only_from

log = structlog.get_logger(__name__)

P = ParamSpec("P")
Owner = TypeVar("Owner")


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The invite session of a leg came to another state (a PJSIP_INV_STATE_… value)."""

    leg_id: LegId
    state: int
    status: int


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """The media of a leg were set up anew (by us or the far end); `statuses` are PJSUA_CALL_MEDIA_… values."""

    leg_id: LegId
    statuses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """The far end pressed a key."""

    leg_id: LegId
    digit: str


@dataclass(frozen=True, slots=True)
class MessagePassed:
    """A SIP message of the leg's dialog was sent or received."""

    leg_id: LegId
    message: SipMessage


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """The player has read its file to the end; the far end still hears the rest."""

    leg_id: LegId
    prompt: int


@dataclass(frozen=True, slots=True)
class Rang:
    """Somebody's INVITE was let in: this is its call, and nobody has decided about it yet."""

    leg_id: LegId
    call: "LegCall"
    message: SipMessage


Signal = Rang | StateChanged | MediaChanged | DigitReceived | MessagePassed | PromptEnded
Signals = deque[Signal]


def guarded(callback: Callable[Concatenate[Owner, P], None]) -> Callable[Concatenate[Owner, P], None]:
    """Keep an exception from crossing into C, where nobody can catch it; it is logged and the call goes on."""

    @functools.wraps(callback)
    def run(owner: Owner, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(owner, *args, **kwargs)
        except Exception:
            log.exception("sip_callback_failed", callback=callback.__name__)

    return run


class LegCall(pj.Call):  # type: ignore[misc]
    """One leg's call. Whoever makes it keeps it until DISCONNECTED: a collected object hangs up silently."""

    def __init__(
        self,
        account: pj.Account,
        leg_id: LegId,
        signals: Signals,
        *,
        call_id: int = pj.PJSUA_INVALID_ID,
        rtp_sources: RtpSources = RtpSources.DECLARED,
    ) -> None:
        super().__init__(account, call_id)
        self._leg_id = leg_id
        self._signals = signals
        self._rtp_sources = rtp_sources
        self._rtp_port: int | None = None  # guarded

    def kept_out(self) -> int:
        """How many packets of strangers the kernel has kept from the call's sound."""
        return dropped(self._rtp_port) if self._rtp_port is not None else 0

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        """Note the state now: after DISCONNECTED the library has forgotten it."""
        if prm.e.type == pj.PJSIP_EVENT_TSX_STATE:
            self._note_message(prm.e.body.tsxState)  # what the far end said goes before what it led to
        call = self.getInfo()
        self._signals.append(StateChanged(self._leg_id, call.state, call.lastStatusCode))

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002
        """Note that connections must be rebuilt."""
        # The media list lives inside this object: iterating getInfo().media of a temporary reads freed memory.
        call = self.getInfo()
        media = call.media
        self._keep_strangers_out()
        self._signals.append(MediaChanged(self._leg_id, tuple(media[index].status for index in range(len(media)))))

    @guarded
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        """Note the digit (onDtmfEvent would come about eleven times for each)."""
        self._signals.append(DigitReceived(self._leg_id, prm.digit))

    @guarded
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        """Refuse the far end's REFER: the library would dial any number a patient's phone asks for."""
        log.warning("refer_refused", leg_id=self._leg_id)
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @guarded
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        """Refuse to let another call take this one's place."""
        log.warning("replaces_refused", leg_id=self._leg_id)
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802
        """Note the message behind the change."""
        self._note_message(prm.e.body.tsxState)

    def _keep_strangers_out(self) -> None:
        # Here and not in the loop: a packet that is read before would already count.
        if self._rtp_sources is RtpSources.ANY:
            return
        try:
            stream, transport = self.getStreamInfo(0), self.getMedTransportInfo(0)
        except pj.Error:
            return  # no stream: nothing is heard either
        for local, remote in (
            (transport.localRtpName, stream.remoteRtpAddress),
            (transport.localRtcpName, stream.remoteRtcpAddress),
        ):
            host, _, port = remote.rpartition(":")
            own = int(local.rpartition(":")[2] or 0)
            strict = self._rtp_sources is RtpSources.DECLARED
            self._rtp_port = self._rtp_port or own
            if host and own and not only_from(own, host, int(port) if strict else None):
                log.error("rtp_not_guarded", leg_id=self._leg_id)

    def _note_message(self, change: pj.TsxStateEvent) -> None:
        # The text is only readable inside the callback.
        if change.type == pj.PJSIP_EVENT_RX_MSG:
            received = change.src.rdata
            message = SipMessage(received.wholeMsg, sent=False, peer=received.srcAddress)
        elif change.type == pj.PJSIP_EVENT_TX_MSG:
            sent = change.src.tdata
            message = SipMessage(sent.wholeMsg, sent=True, peer=sent.dstAddress)
        else:
            return
        if message.text:
            self._signals.append(MessagePassed(self._leg_id, message))


class WorkerAccount(pj.Account):  # type: ignore[misc]
    """The worker's only account. The gate has let an INVITE in, or it would not come here."""

    def __init__(self, signals: Signals, *, awaited: Mapping[str, LegId], rtp_sources: RtpSources) -> None:
        super().__init__()
        self._signals = signals
        self._awaited = awaited  # by the user part of the address: the leg another of our workers brings
        self._rtp_sources = rtp_sources

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        """Take hold of the call, or the library refuses it with 500; the loop decides what becomes of it."""
        message = SipMessage(prm.rdata.wholeMsg, sent=False, peer=prm.rdata.srcAddress)
        leg_id = self._awaited.get(user_asked_for(message.text)) or LegId(new_id())
        call = LegCall(self, leg_id, self._signals, call_id=prm.callId, rtp_sources=self._rtp_sources)
        self._signals.append(Rang(leg_id, call, message))
        self._signals.append(MessagePassed(leg_id, message))


class PromptPlayer(pj.AudioMediaPlayer):  # type: ignore[misc]
    """Plays one file once."""

    def __init__(self, leg_id: LegId, prompt: int, signals: Signals) -> None:
        super().__init__()
        self._leg_id = leg_id
        self._prompt = prompt
        self._signals = signals

    @guarded
    def onEof2(self) -> None:  # noqa: N802
        """Note the end; the player is let go by the loop, never from inside its own callback."""
        self._signals.append(PromptEnded(self._leg_id, self._prompt))
