"""The MLLP server: one connection after the other is heard, message by message; an answer means that it is kept.

While the database is away no answer goes out and the connection is closed: every sender then sends again, which not all
do after a negative answer.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from db.refusals import DatabaseUnavailableError
from db.unit_of_work import UnitsOfWork
from interop.hl7.framing import Frame, FrameReader, framed
from interop.hl7.receiving import Judged, ReceivingRules, judge, store
from runtime import clock

log = structlog.get_logger(__name__)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PIECE = 65_536
_STORING_THREADS = 4
_MOST_AT_ONCE = 100
"""So many messages that came together are kept in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server listens, and to whom."""

    host: str
    port: int
    peers: tuple[Network, ...] = ()  # empty: whoever reaches the address
    message_bytes: int = 8_000_000
    connections: int = 32
    unfinished: timedelta = timedelta(seconds=60)  # a message begun and not ended by then is given up
    tls: ssl.SSLContext | None = None


class FeedServer:
    """Listens, keeps, answers."""

    def __init__(self, units: UnitsOfWork, rules: ReceivingRules, settings: ServerSettings) -> None:
        self._units = units
        self._rules = rules
        self._settings = settings
        self._threads = ThreadPoolExecutor(_STORING_THREADS, thread_name_prefix="feeds-store")
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens, once it is open."""
        if self._server is None:
            raise RuntimeError("the server is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Begin to listen; OSError if the address cannot be had."""
        self._server = await asyncio.start_server(
            self._connected,
            self._settings.host,
            self._settings.port,
            ssl=self._settings.tls,
            ssl_handshake_timeout=10 if self._settings.tls else None,
        )
        log.info("feeds_listening", host=self._settings.host, port=self.port, tls=self._settings.tls is not None)

    async def close(self) -> None:
        """Take nobody more; what has been received is kept and answered before its connection closes."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._threads.shutdown(wait=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        peer = _address(writer)
        if not self._may_speak(peer):
            log.warning("feed_peer_turned_away", peer=peer)
            writer.transport.abort()
            return
        if len(self._connections) >= self._settings.connections:
            log.error("feed_connections_full", peer=peer, connections=len(self._connections))
            writer.transport.abort()
            return
        self._connections.add(task)
        _keep_alive(writer)
        log.info("feed_connected", peer=peer)
        frames = FrameReader(limit=self._settings.message_bytes)
        try:
            await self._hear(frames, reader, writer, peer)
        except (ConnectionError, TimeoutError, ssl.SSLError) as error:
            log.warning("feed_connection_lost", peer=peer, error=type(error).__name__, unfinished=frames.within)
            # What is still to be written has nobody to read it.
            writer.transport.abort()
        except asyncio.CancelledError:
            log.info("feed_connection_closed", peer=peer)
        finally:
            self._connections.discard(task)
            if frames.strays or frames.given_up:
                log.warning("feed_frames_faulty", peer=peer, stray_bytes=frames.strays, given_up=frames.given_up)
            writer.close()

    async def _hear(
        self, frames: FrameReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        loop = asyncio.get_running_loop()
        begun_at: float | None = None
        while True:
            patience = None
            if begun_at is not None:
                # The whole message has this long, so that nobody holds its place by a byte now and then.
                patience = begun_at + self._settings.unfinished.total_seconds() - loop.time()
            async with asyncio.timeout(patience):
                piece = await reader.read(_PIECE)
            if not piece:
                return
            whole = list(frames.feed(piece))
            if not frames.within:
                begun_at = None
            elif begun_at is None or whole:
                begun_at = loop.time()
            for first in range(0, len(whole), _MOST_AT_ONCE):
                part = whole[first : first + _MOST_AT_ONCE]
                keeping = asyncio.ensure_future(self._keep(part, writer, peer))
                try:
                    kept = await asyncio.shield(keeping)
                except asyncio.CancelledError:
                    # A stop does not fall between keeping and answering.
                    await keeping
                    raise
                if not kept:
                    return

    async def _keep(self, whole: Sequence[Frame], writer: asyncio.StreamWriter, peer: str) -> bool:
        """Keep and answer what came together; False if it could not be kept, and the connection is to end."""
        now = datetime.now(UTC)
        judged = [judge(frame, peer=peer, rules=self._rules, now=now) for frame in whole]
        try:
            new = await asyncio.get_running_loop().run_in_executor(self._threads, self._store, judged)
        except DatabaseUnavailableError as error:
            log.error("feed_messages_not_kept", peer=peer, count=len(judged), error=type(error).__name__)  # noqa: TRY400 no trace of people
            return False
        except Exception:
            log.exception("feed_messages_not_kept", peer=peer, count=len(judged))
            return False
        log.info("feed_messages_kept", peer=peer, count=len(judged), new=new)
        for each in judged:
            answer = each.answered(clock.now())
            if answer is not None:
                writer.write(framed(answer))
        async with asyncio.timeout(self._settings.unfinished.total_seconds()):
            # Who does not read his answers would hold his place for ever, and the process when it stops.
            await writer.drain()
        return True

    def _store(self, judged: list[Judged]) -> int:
        return store(self._units, judged, self._rules)

    def _may_speak(self, peer: str) -> bool:
        if not self._settings.peers:
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._settings.peers)


def _address(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("peername")
    return str(peer[0])[:64] if peer else ""


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """A sender that vanished without a word is noticed within minutes."""
    found = writer.get_extra_info("socket")
    if found is not None:
        for level, option, value in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
        ):
            found.setsockopt(level, option, value)
