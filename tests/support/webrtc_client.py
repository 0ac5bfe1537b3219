"""A browser's stand-in for tests that need no Chromium: aiortc as the offering side, on an event loop of its own."""

import asyncio
import fractions
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtcrtpsender import RTCRtpSender

from telephony.headsets.ice_servers import IceServer

T = TypeVar("T")
RATE = 8000


class Tone(MediaStreamTrack):
    """A microphone with a tone in it."""

    kind = "audio"

    def __init__(self, hertz: float) -> None:
        super().__init__()
        self._hertz = hertz
        self._begun = time.monotonic()
        self._sent = 0

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms."""
        await asyncio.sleep(max(0.0, self._begun + self._sent * 0.02 - time.monotonic()))
        moments = (np.arange(160) + self._sent * 160) / RATE
        sound = (np.sin(2 * np.pi * self._hertz * moments) * 9000).astype("<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent * 160, fractions.Fraction(1, RATE)
        self._sent += 1
        return frame


class WebrtcClient:
    """One RTCPeerConnection that speaks a tone and counts what it hears."""

    def __init__(self, *, servers: Sequence[IceServer] = (), relay_only: bool = False, hertz: float = 500.0) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers = [
            RTCIceServer(server.url, server.username or None, server.credential or None) for server in servers
        ]
        self._policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
        self._hertz = hertz
        self._hearing: asyncio.Task[None] | None = None
        self.link: RTCPeerConnection | None = None
        self.heard: list[Any] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def connect(self, answer_to: Callable[[str], str]) -> None:
        """Offer, and take the answer."""
        offer = self._do(self._offer())
        self._do(self._answered(answer_to(offer)))

    def offer(self) -> str:
        """The offer alone."""
        return self._do(self._offer())

    @property
    def linked(self) -> bool:
        """Whether ICE and DTLS are done."""
        return self.link is not None and self.link.connectionState == "connected"

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _offer(self) -> str:
        link = self.link = RTCPeerConnection(
            RTCConfiguration(iceServers=self._servers, iceTransportPolicy=self._policy)
        )
        link.on("track", self._hear)
        transceiver = link.addTransceiver(Tone(self._hertz), "sendrecv")
        known = RTCRtpSender.getCapabilities("audio").codecs
        transceiver.setCodecPreferences([codec for codec in known if codec.mimeType in ("audio/PCMA", "audio/PCMU")])
        await link.setLocalDescription(await link.createOffer())
        return str(link.localDescription.sdp)

    async def _answered(self, sdp: str) -> None:
        assert self.link is not None
        await self.link.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    def _hear(self, track: MediaStreamTrack) -> None:
        async def hear() -> None:
            while True:
                try:
                    frame = await track.recv()
                    if isinstance(frame, av.AudioFrame):
                        self.heard.append(frame.to_ndarray()[0])
                except MediaStreamError:
                    return

        self._hearing = asyncio.ensure_future(hear())

    async def _close(self) -> None:
        if self.link is not None:
            await self.link.close()
