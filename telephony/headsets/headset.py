"""One user's headset: her browser on one side, a call worker's line on the other, and what holds when one is away."""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog
from aiortc.rtcdtlstransport import RTCCertificate

from telephony.headsets.browser import BrowserLink
from telephony.headsets.ice_servers import IceServer
from telephony.headsets.offers import G711, Offer
from telephony.headsets.relay import RtpStream
from telephony.headsets.sip_dialog import HOST, Dialog, Sound
from telephony.headsets.wire import LinkPurpose, LinkState

log = structlog.get_logger(__name__)

SILENT_SECONDS = 2.0
"""A browser sends 50 packets a second, muted or not: after so long without any it is lost."""
ALIVE_SECONDS = 1.0
"""How often silence is sent for a lost browser, so that the worker does not take the line for dead."""
_LONGEST_PACKET = 2048


class HeadsetNews(Protocol):
    """Who hears of a browser that is lost and comes back."""

    def lost(self, agent_id: str) -> None:
        """Her sound has stopped; the line is kept for now."""

    def back(self, agent_id: str) -> None:
        """She is there again."""

    def gone(self, agent_id: str) -> None:
        """She did not come back; the line is being ended."""


class Headset:
    """The states of a headset, and its two directions of sound. Everything happens on the event loop's thread."""

    def __init__(
        self,
        agent_id: str,
        *,
        news: HeadsetNews,
        codecs: Sequence[str],
        pick_up: Callable[["Headset"], None],
        hang_up: Callable[["Headset"], None],
        keep: Callable[["Headset"], None],
    ) -> None:
        self.agent_id = agent_id
        self.token = secrets.token_hex(16)
        self.dialog: Dialog | None = None
        self.state = LinkState.NONE
        self.purpose = LinkPurpose.DESK
        self._news = news
        self._codecs = tuple(codecs)
        self._pick_up, self._hang_up, self._keep = pick_up, hang_up, keep
        self._loop = asyncio.get_running_loop()
        self._link: BrowserLink | None = None
        self._coming: BrowserLink | None = None
        self._socket: socket.socket | None = None
        self._to_worker = RtpStream()
        self._to_browser = RtpStream()
        self._worker_types: dict[int, int] = {}
        self._browser_types: dict[int, int] = {}
        self._heard_at = 0.0
        self._silenced_at = 0.0
        self._lost_at: float | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # --- the browser's side ---

    async def connect(self, offer: Offer, servers: Sequence[IceServer]) -> str:
        """The answer for a browser; it takes the place of the one before as soon as it is linked."""
        codec = offer.codec([self.dialog.codec] if self.dialog else self._codecs)
        if self.dialog is None:
            self.token = secrets.token_hex(16)
        link = BrowserLink(
            on_rtp=lambda packet: self._from_browser(link, packet),
            on_up=lambda: self._linked(link),
            on_end=lambda reason: self._unlinked(link, reason),
        )
        answer = await link.answer(
            offer,
            codec=codec,
            ssrc=self._to_browser.ssrc,
            certificate=RTCCertificate.generateCertificate(),
            servers=servers,
        )
        self._let_go(self._coming)
        self._coming = link
        if self.state is LinkState.NONE:
            self.state = LinkState.CONNECTING
        return answer

    def leave(self) -> None:
        """The agent takes it off: that is no loss."""
        self.state, self._lost_at = LinkState.NONE, None
        for link in (self._link, self._coming):
            self._let_go(link)
        self._link = self._coming = None

    @property
    def in_use(self) -> bool:
        """Whether anything is left to keep."""
        return self.state is not LinkState.NONE or self.dialog is not None

    def _linked(self, link: BrowserLink) -> None:
        if link is not self._coming:
            self._let_go(link)
            return
        self._let_go(self._link)
        self._link, self._coming = link, None
        self._heard_at = time.monotonic()
        self._set_types()
        if self.state is LinkState.LOST:
            self._back()
        self.state = LinkState.UP
        self._pick_up(self)

    def _unlinked(self, link: BrowserLink, reason: str) -> None:
        log.info("browser_unlinked", agent=self.agent_id, reason=reason)
        if link is self._coming:
            self._coming = None
            if self.state is LinkState.CONNECTING:
                self.state = LinkState.NONE
                self._news.gone(self.agent_id)
        elif link is self._link:
            self._link = None
            self._lose()
        self._let_go(link)

    def _lose(self) -> None:
        if self.state is not LinkState.UP:
            return
        self.state = LinkState.LOST
        self._lost_at = self._silenced_at = time.monotonic()
        log.warning("headset_lost", agent=self.agent_id, line=self.dialog is not None)
        self._news.lost(self.agent_id)

    def _back(self) -> None:
        self.state, self._lost_at = LinkState.UP, None
        log.info("headset_back", agent=self.agent_id)
        self._news.back(self.agent_id)

    def _let_go(self, link: BrowserLink | None) -> None:
        if link is not None:
            task = self._loop.create_task(link.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    # --- the worker's side ---

    @property
    def ready(self) -> bool:
        """Whether a call can be answered."""
        return self.state is LinkState.UP

    def codec_of(self, sound: Sound) -> str | None:
        """The codec the browser speaks, if the worker has it; before it is linked, the first both may have."""
        link = self._link or self._coming
        spoken = (link.codec,) if link is not None else self._codecs
        return next((name for name in spoken if name in sound.codecs), None)

    def open_sound(self) -> int:
        """Bind the port for the worker's sound."""
        if self._socket is None:
            self._bind(0)
        return self.sound_port

    @property
    def sound_port(self) -> int:
        """Where the worker's sound arrives, 0 while nothing is open."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def line_changed(self, dialog: Dialog | None) -> None:
        """The worker's call began, was held or resumed, or ended."""
        self.dialog = dialog
        if dialog is None and self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._set_types()
        self._keep(self)

    def revive(self, dialog: Dialog) -> None:
        """Go on with a worker's call after a crash of the gateway; OSError when its port is taken."""
        self._bind(dialog.sound_port)
        self.token, self.dialog = dialog.token, dialog
        self._set_types()
        self.state = LinkState.UP
        self._lose()

    def tick(self, now: float, *, rejoin: timedelta) -> None:
        """Look after time: silence of the browser, signs of life to the worker, the end of patience."""
        if self.state is LinkState.UP and now - self._heard_at > SILENT_SECONDS:
            self._lose()
        if self.state is not LinkState.LOST or self._lost_at is None:
            return
        if now - self._lost_at > rejoin.total_seconds():
            log.warning("headset_given_up", agent=self.agent_id)
            self._news.gone(self.agent_id)
            self.leave()
            self._hang_up(self)
        elif self.dialog is not None and now - self._silenced_at >= ALIVE_SECONDS:
            self._silenced_at = now
            self._send_to_worker(self._to_worker.silence(G711[self.dialog.codec], now), self.dialog)

    def _bind(self, port: int) -> None:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        try:
            opened.bind((HOST, port))
        except OSError:
            opened.close()
            raise
        self._socket = opened
        self._loop.add_reader(opened, self._from_worker)

    # --- sound ---

    def _set_types(self) -> None:
        link, dialog = self._link, self.dialog
        if link is None or dialog is None:
            return
        number = G711[dialog.codec]
        self._worker_types, self._browser_types = {number: number}, {number: number}
        if link.keys_payload_type is not None and dialog.sound.keys_payload_type is not None:
            self._worker_types[link.keys_payload_type] = dialog.sound.keys_payload_type
            self._browser_types[dialog.sound.keys_payload_type] = link.keys_payload_type

    def _from_browser(self, link: BrowserLink, packet: bytes) -> None:
        if link is not self._link:
            return
        now = self._heard_at = time.monotonic()
        if self.state is LinkState.LOST:
            self._back()
        dialog = self.dialog
        if dialog is not None and dialog.wants_sound:
            carried = self._to_worker.carry(packet, self._worker_types, now)
            if carried is not None:
                self._send_to_worker(carried, dialog)

    def _from_worker(self) -> None:
        if self._socket is None:
            return
        try:
            packet, source = self._socket.recvfrom(_LONGEST_PACKET)
        except OSError:
            return  # nothing there, or the worker's port is closed: its end comes by SIP
        dialog, link = self.dialog, self._link
        if dialog is not None and link is not None and link.up and source == dialog.sound.to:
            carried = self._to_browser.carry(packet, self._browser_types, time.monotonic())
            if carried is not None:
                link.send(carried)

    def _send_to_worker(self, packet: bytes, dialog: Dialog) -> None:
        if self._socket is not None:
            try:
                self._socket.sendto(packet, dialog.sound.to)
            except OSError as error:
                log.debug("sound_not_sent", agent=self.agent_id, error=type(error).__name__)
