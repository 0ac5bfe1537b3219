"""The link with one browser: ICE and DTLS by aiortc, SRTP opened and closed here, sound passed on as it came.

aiortc would parse, queue and decode every packet. Here a packet goes from the socket through libsrtp to the far end
in one call; what of aiortc's inside that takes is looked at when a link is made (`InnerPartsError`).
"""

# ruff: noqa: SLF001 relaying takes aiortc's inner parts: pinned, and checked by check_inner_parts

import asyncio
from collections.abc import Callable, Sequence

import pylibsrtp
import structlog
from aiortc.rtcconfiguration import RTCIceServer
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from aiortc.rtp import is_rtcp

from telephony.headsets.ice_servers import IceServer
from telephony.headsets.offers import Offer, OfferRefusedError, write_answer

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 15.0
_FIRST_OF_RTP, _BEHIND_RTP = 128, 192  # the first byte of RTP and RTCP (RFC 7983)

RtpSink = Callable[[bytes], None]


class InnerPartsError(RuntimeError):
    """aiortc or aioice changed inside; the text names the part."""


def check_inner_parts(gatherer: RTCIceGatherer, dtls: RTCDtlsTransport) -> None:
    """Say in words which part of aiortc or aioice that we rely on is not there any more."""
    connection = gatherer._connection
    wanted = (
        (connection, "aioice.Connection", ("data_received", "_nominated", "_queue")),
        (dtls, "aiortc.RTCDtlsTransport", ("_rx_srtp", "_tx_srtp", "_role", "_set_role")),
    )
    for thing, name, parts in wanted:
        for part in parts:
            if not hasattr(thing, part):
                raise InnerPartsError(
                    f"{name} has no {part} any more: install aiortc 1.16.0 and aioice 0.13.0, or mend this module"
                )


class BrowserLink:
    """One browser's ICE and DTLS, from its offer to its end. Everything happens on the event loop's thread."""

    def __init__(self, *, on_rtp: RtpSink, on_up: Callable[[], None], on_end: Callable[[str], None]) -> None:
        self._on_rtp = on_rtp
        self._on_up = on_up
        self._on_end = on_end
        self._gatherer: RTCIceGatherer | None = None
        self._ice: RTCIceTransport | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._starting: asyncio.Task[None] | None = None
        self._pass_on: Callable[[bytes, int], None] | None = None
        self._ended = False
        self.up = False
        self.codec = ""
        self.keys_payload_type: int | None = None

    async def answer(
        self,
        offer: Offer,
        *,
        codec: str,
        ssrc: int,
        certificate: RTCCertificate,
        servers: Sequence[IceServer],
    ) -> str:
        """The SDP answer; the link is made in the background from here on."""
        self.codec, self.keys_payload_type = codec, offer.keys_payload_type
        gatherer = RTCIceGatherer(
            iceServers=[RTCIceServer(server.url, server.username, server.credential) for server in servers]
        )
        ice = RTCIceTransport(gatherer)
        dtls = RTCDtlsTransport(ice, [certificate])
        check_inner_parts(gatherer, dtls)
        self._gatherer, self._ice, self._dtls = gatherer, ice, dtls
        # We open the handshake unless the browser insists: that saves it a round trip.
        dtls._set_role("server" if offer.dtls.role == "client" else "client")
        connection = gatherer._connection
        self._pass_on = connection.data_received
        connection.data_received = self._take  # type: ignore[method-assign]
        await gatherer.gather()
        candidates = gatherer.getLocalCandidates()
        if not candidates:
            await self.close()
            raise OfferRefusedError("this machine has no address but 127.0.0.1, which browsers do not use for calls")
        self._starting = asyncio.create_task(self._start(offer))
        return write_answer(
            offer,
            codec=codec,
            ssrc=ssrc,
            ice=gatherer.getLocalParameters(),
            fingerprints=dtls.getLocalParameters().fingerprints,
            candidates=candidates,
            role=dtls._role,
        )

    def send(self, packet: bytes) -> None:
        """Protect an RTP packet and send it; without a link it is dropped."""
        if not self.up or self._gatherer is None or self._dtls is None:
            return
        pair = self._gatherer._connection._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(self._dtls._tx_srtp.protect(packet), pair.remote_addr)

    async def close(self) -> None:
        """End the link; nothing is told of it."""
        self._ended, self.up = True, False
        if self._starting is not None:
            self._starting.cancel()
        if self._dtls is not None:
            await self._dtls.stop()
        if self._ice is not None:
            await self._ice.stop()

    def _take(self, data: bytes, component: int) -> None:
        """In place of aioice's queue: sound goes straight on, the handshake the usual way."""
        session = self._dtls._rx_srtp if self._dtls is not None else None
        if not data or session is None or not _FIRST_OF_RTP <= data[0] < _BEHIND_RTP:
            if self._pass_on is not None and data:
                self._pass_on(data, component)
            return
        if is_rtcp(data):
            return
        try:
            packet = session.unprotect(data)
        except pylibsrtp.Error:
            return  # a stranger's or a repeated packet
        self._on_rtp(packet)

    async def _start(self, offer: Offer) -> None:
        ice, dtls = self._ice, self._dtls
        if ice is None or dtls is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                hidden = False
                for candidate in offer.candidates:
                    if candidate.ip.endswith(".local"):
                        hidden = True  # its address is learned from the browser's own checks
                    elif candidate.protocol.lower() == "udp":
                        await ice.addRemoteCandidate(candidate)
                if not hidden:
                    await ice.addRemoteCandidate(None)
                await ice.start(offer.ice)
                if ice.state == "completed":
                    await dtls.start(offer.dtls)
        except TimeoutError:
            self._end("no way to the browser was found in time")
            return
        if dtls.state != "connected":
            self._end(f"ICE is {ice.state}, DTLS is {dtls.state}")
            return
        dtls.on("statechange", self._look_at_state)
        ice.on("statechange", self._look_at_state)
        self.up = True
        log.info("browser_linked", codec=self.codec)
        self._on_up()

    def _look_at_state(self) -> None:
        if self._ice is not None and self._dtls is not None and self.up:
            if self._dtls.state != "connected":
                self._end("the browser ended the link")
            elif self._ice.state != "completed":
                self._end("the browser answers no more")

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended, self.up = True, False
            self._on_end(reason)
