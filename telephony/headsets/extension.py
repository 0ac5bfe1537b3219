"""The SIP side of the gateway: every headset is an extension on loopback that call workers ring like any desk phone."""

import asyncio
import ipaddress
import re
from dataclasses import dataclass, field
from typing import Protocol, cast

import structlog
from sipmessage import Message, Request, Response

from telephony.headsets.sip_dialog import (
    ALLOW,
    HOST,
    Dialog,
    PeerAddress,
    Sound,
    SoundRefusedError,
    begin_dialog,
    read_sound,
    session_seconds,
    tag_of,
    write_bye,
    write_reply,
    write_sound,
)

log = structlog.get_logger(__name__)

T1 = 0.5
LONGEST_PAUSE = 4.0
GIVE_UP_SECONDS = 32.0
KEPT_SECONDS = 32.0
RING_SECONDS = 20.0
GRACE_SECONDS = 10.0
"""Behind the end of a session that its worker did not refresh."""
_BRANCH = re.compile(r"branch=([^;,\s]+)")


class Line(Protocol):
    """One headset as the extension sees it."""

    agent_id: str
    token: str
    dialog: Dialog | None

    @property
    def ready(self) -> bool:
        """Whether a browser is linked, so that a call can be answered."""

    def codec_of(self, sound: Sound) -> str | None:
        """The codec for this worker's offer, None when there is none for both sides."""

    def open_sound(self) -> int:
        """Bind the port at which the worker's sound arrives; the same one as long as it is open."""

    def line_changed(self, dialog: Dialog | None) -> None:
        """The dialog began, has another sound, or is over (None)."""


class Exchange(Protocol):
    """Who knows all headsets."""

    def line_at(self, token: str) -> Line | None:
        """The headset with this address."""


@dataclass
class _Ringing:
    request: Request
    source: PeerAddress
    line: Line
    sound: Sound
    codec: str
    limit: asyncio.TimerHandle


@dataclass
class _Unacknowledged:
    """A 200 that is sent again until its ACK comes."""

    packet: bytes
    source: PeerAddress
    timer: asyncio.TimerHandle | None = None
    waited: float = 0.0
    pause: float = T1


@dataclass
class _Parting:
    """A BYE of ours that is sent again until it is answered."""

    packet: bytes
    peer: PeerAddress
    timer: asyncio.TimerHandle | None = None
    waited: float = 0.0
    pause: float = field(default=T1)


class Extension(asyncio.DatagramProtocol):
    """A minimal user agent server: INVITE and its repetition inside a dialog, ACK, BYE, CANCEL, UPDATE, OPTIONS."""

    def __init__(self, exchange: Exchange, *, own_host: str = HOST) -> None:
        self._exchange = exchange
        self._own_host = own_host
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._dialogs: dict[str, Line] = {}  # by Call-ID
        self._ringing: dict[str, _Ringing] = {}  # by Call-ID
        self._answered: dict[tuple[str, str], bytes] = {}  # by branch and method: repeated as it was
        self._unacknowledged: dict[str, _Unacknowledged] = {}
        self._parting: dict[str, _Parting] = {}
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self.port = 0

    # --- the socket ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: PeerAddress) -> None:
        """One SIP message of a call worker; what is none, or comes from elsewhere, is dropped."""
        source = (addr[0], addr[1])
        if not (ipaddress.ip_address(source[0]).is_loopback or source[0] == self._own_host):
            return
        try:
            message = Message.parse(data)
            if isinstance(message, Response):
                self._take_response(message)
            else:
                self._take(message, source)
        except (ValueError, KeyError, IndexError) as error:
            log.info("sip_message_dropped", error=type(error).__name__)

    def revive(self, line: Line) -> None:
        """Take a dialog up again that was found after a crash."""
        if line.dialog is not None:
            self._dialogs[line.dialog.call_id] = line
            self._watch_expiry(line.dialog)

    def close(self) -> None:
        """Hang up every line; the socket is closed by its transport."""
        for line in list(self._dialogs.values()):
            self.hang_up(line)
        for ringing in list(self._ringing.values()):
            self._refuse(ringing, 480, "Temporarily Unavailable")

    # --- what headsets ask ---

    def pick_up(self, line: Line) -> None:
        """The browser is linked: answer whoever rings it."""
        for ringing in [found for found in self._ringing.values() if found.line is line]:
            self._pick_up(ringing)

    def hang_up(self, line: Line) -> None:
        """End the headset's call and refuse who rings it."""
        for ringing in [found for found in self._ringing.values() if found.line is line]:
            self._refuse(ringing, 480, "Temporarily Unavailable")
        dialog = line.dialog
        if dialog is not None:
            self._forget(dialog)
            parting = _Parting(packet=write_bye(dialog, self.port), peer=dialog.peer)
            self._parting[dialog.call_id] = parting
            self._part(dialog.call_id)
            line.line_changed(None)

    # --- requests ---

    def _take(self, request: Request, source: PeerAddress) -> None:
        via = request.headers.getlist("Via")
        branch = _BRANCH.search(via[0]) if via else None
        key = (branch[1] if branch else request.call_id, request.method)
        if key in self._answered:
            self._send(self._answered[key], source)
            return
        match request.method:
            case "INVITE":
                self._invited(request, source)
            case "ACK":
                self._acknowledged(request)
            case "BYE":
                self._bye(request, source)
            case "CANCEL":
                self._cancel(request, source)
            case "UPDATE" | "INFO":
                self._in_dialog(request, source)
            case "OPTIONS":
                self._answer(request, source, 200, "OK", headers={"Allow": ALLOW})
            case _:
                self._answer(request, source, 405, "Method Not Allowed", headers={"Allow": ALLOW})

    def _invited(self, request: Request, source: PeerAddress) -> None:
        if tag_of(request.headers["To"]):
            self._invited_again(request, source)
            return
        if request.call_id in self._ringing:
            self._ring(self._ringing[request.call_id])
            return
        line = self._exchange.line_at(request.uri.user or "")
        if line is None:
            self._answer(request, source, 404, "Not Found")
            return
        try:
            sound = read_sound(request.body)
        except SoundRefusedError as refusal:
            log.warning("line_refused", agent=line.agent_id, reason=str(refusal))
            self._answer(request, source, 488, "Not Acceptable Here")
            return
        codec = line.codec_of(sound)
        if codec is None:
            log.warning("line_refused", agent=line.agent_id, reason="browser and worker have no codec in common")
            self._answer(request, source, 488, "Not Acceptable Here")
            return
        limit = self._loop.call_later(RING_SECONDS, self._ring_limit, request.call_id)
        ringing = _Ringing(request, source, line, sound, codec, limit)
        self._ringing[request.call_id] = ringing
        self._ring(ringing)
        if line.ready:
            self._pick_up(ringing)

    def _ring(self, ringing: _Ringing) -> None:
        self._send(write_reply(ringing.request, 180, "Ringing", source=ringing.source), ringing.source)

    def _ring_limit(self, call_id: str) -> None:
        ringing = self._ringing.get(call_id)
        if ringing is not None:
            self._refuse(ringing, 480, "Temporarily Unavailable")

    def _pick_up(self, ringing: _Ringing) -> None:
        request, line = ringing.request, ringing.line
        self._settle(ringing)
        if line.dialog is not None:
            # Its worker is gone, or another took over: the new call is the living one.
            self.hang_up(line)
        dialog = begin_dialog(
            request,
            token=line.token,
            peer=ringing.source,
            codec=ringing.codec,
            sound=ringing.sound,
            port=line.open_sound(),
        )
        self._dialogs[dialog.call_id] = line
        line.line_changed(dialog)
        self._agree(request, ringing.source, dialog)

    def _invited_again(self, request: Request, source: PeerAddress) -> None:
        line, dialog = self._dialog_of(request)
        if line is None or dialog is None:
            self._answer(request, source, 481, "Call/Transaction Does Not Exist")
            return
        try:
            sound = read_sound(request.body) if request.body else dialog.sound
        except SoundRefusedError:
            self._answer(request, source, 488, "Not Acceptable Here")
            return
        if dialog.codec not in sound.codecs:
            self._answer(request, source, 488, "Not Acceptable Here")
            return
        if sound != dialog.sound:
            dialog.sound, dialog.version = sound, dialog.version + 1
        dialog.expires_seconds = session_seconds(request) or dialog.expires_seconds
        line.line_changed(dialog)
        self._agree(request, source, dialog)

    def _agree(self, request: Request, source: PeerAddress, dialog: Dialog) -> None:
        packet = self._answer(request, source, 200, "OK", dialog=dialog, body=write_sound(dialog))
        self._unacknowledged[dialog.call_id] = _Unacknowledged(packet, source)
        self._repeat(dialog.call_id)
        self._watch_expiry(dialog)

    def _acknowledged(self, request: Request) -> None:
        waiting = self._unacknowledged.pop(request.call_id, None)
        if waiting is not None and waiting.timer is not None:
            waiting.timer.cancel()

    def _bye(self, request: Request, source: PeerAddress) -> None:
        line, dialog = self._dialog_of(request)
        if line is None or dialog is None:
            self._answer(request, source, 481, "Call/Transaction Does Not Exist")
            return
        self._answer(request, source, 200, "OK")
        self._forget(dialog)
        line.line_changed(None)

    def _cancel(self, request: Request, source: PeerAddress) -> None:
        ringing = self._ringing.get(request.call_id)
        if ringing is None:
            self._answer(request, source, 481, "Call/Transaction Does Not Exist")
            return
        self._answer(request, source, 200, "OK")
        self._refuse(ringing, 487, "Request Terminated")

    def _in_dialog(self, request: Request, source: PeerAddress) -> None:
        _, dialog = self._dialog_of(request)
        if dialog is None:
            self._answer(request, source, 481, "Call/Transaction Does Not Exist")
            return
        dialog.expires_seconds = session_seconds(request) or dialog.expires_seconds
        self._answer(request, source, 200, "OK", dialog=dialog)
        self._watch_expiry(dialog)

    def _take_response(self, response: Response) -> None:
        parting = self._parting.get(response.call_id)
        if parting is not None and response.code >= 200 and response.cseq.method == "BYE":
            del self._parting[response.call_id]
            if parting.timer is not None:
                parting.timer.cancel()

    # --- answers ---

    def _answer(
        self,
        request: Request,
        source: PeerAddress,
        code: int,
        phrase: str,
        *,
        dialog: Dialog | None = None,
        headers: dict[str, str] | None = None,
        body: str = "",
    ) -> bytes:
        extra = dict(headers or {})
        to = None
        if dialog is not None:
            to = dialog.local
            extra |= {"Contact": f"<sip:{dialog.token}@{HOST}:{self.port}>", "Allow": ALLOW, "Supported": "timer"}
            if dialog.expires_seconds and session_seconds(request):
                extra |= {"Session-Expires": f"{dialog.expires_seconds};refresher=uac", "Require": "timer"}
        packet = write_reply(request, code, phrase, source=source, to=to, headers=extra, body=body)
        via = request.headers.getlist("Via")
        branch = _BRANCH.search(via[0]) if via else None
        key = (branch[1] if branch else request.call_id, request.method)
        self._answered[key] = packet
        self._loop.call_later(KEPT_SECONDS, self._answered.pop, key, None)
        self._send(packet, source)
        return packet

    def _refuse(self, ringing: _Ringing, code: int, phrase: str) -> None:
        self._settle(ringing)
        self._answer(ringing.request, ringing.source, code, phrase)

    def _settle(self, ringing: _Ringing) -> None:
        ringing.limit.cancel()
        del self._ringing[ringing.request.call_id]

    def _repeat(self, call_id: str) -> None:
        waiting = self._unacknowledged.get(call_id)
        if waiting is None:
            return
        if waiting.waited:
            self._send(waiting.packet, waiting.source)
        if waiting.waited >= GIVE_UP_SECONDS:
            del self._unacknowledged[call_id]
            line = self._dialogs.get(call_id)
            if line is not None:
                self.hang_up(line)
            return
        waiting.timer = self._loop.call_later(waiting.pause, self._repeat, call_id)
        waiting.waited += waiting.pause
        waiting.pause = min(waiting.pause * 2, LONGEST_PAUSE)

    def _part(self, call_id: str) -> None:
        parting = self._parting.get(call_id)
        if parting is None:
            return
        if parting.waited >= GIVE_UP_SECONDS:
            del self._parting[call_id]
            return
        self._send(parting.packet, parting.peer)
        parting.timer = self._loop.call_later(parting.pause, self._part, call_id)
        parting.waited += parting.pause
        parting.pause = min(parting.pause * 2, LONGEST_PAUSE)

    def _send(self, packet: bytes, to: PeerAddress) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, to)

    # --- dialogs ---

    def _dialog_of(self, request: Request) -> tuple[Line | None, Dialog | None]:
        line = self._dialogs.get(request.call_id)
        dialog = line.dialog if line is not None else None
        if dialog is None or dialog.call_id != request.call_id:
            return None, None
        if tag_of(request.headers["To"]) != tag_of(dialog.local):
            return None, None
        return line, dialog

    def _forget(self, dialog: Dialog) -> None:
        self._dialogs.pop(dialog.call_id, None)
        expiry = self._expiry.pop(dialog.call_id, None)
        if expiry is not None:
            expiry.cancel()
        waiting = self._unacknowledged.pop(dialog.call_id, None)
        if waiting is not None and waiting.timer is not None:
            waiting.timer.cancel()

    def _watch_expiry(self, dialog: Dialog) -> None:
        expiry = self._expiry.pop(dialog.call_id, None)
        if expiry is not None:
            expiry.cancel()
        if dialog.expires_seconds:
            self._expiry[dialog.call_id] = self._loop.call_later(
                dialog.expires_seconds + GRACE_SECONDS, self._expired, dialog.call_id
            )

    def _expired(self, call_id: str) -> None:
        line = self._dialogs.get(call_id)
        if line is not None:
            log.warning("session_not_refreshed", agent=line.agent_id)
            self.hang_up(line)
