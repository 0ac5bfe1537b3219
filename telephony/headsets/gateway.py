"""The headset gateway of a machine: all its agents' headsets, kept through reloads, lost networks, its own crashes."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from followup.queues import HEADSET_REJOIN_LIMIT
from followup.supervision import SUPERVISOR_REJOIN_LIMIT
from runtime.private_files import write_private
from runtime.settings import private_folder
from telephony.headsets.extension import Extension
from telephony.headsets.headset import Headset, HeadsetNews
from telephony.headsets.ice_servers import IceServer
from telephony.headsets.offers import OfferRefusedError, read_offer
from telephony.headsets.sip_dialog import HOST, Dialog
from telephony.headsets.wire import (
    LONGEST_LINE,
    Ask,
    Connect,
    Connected,
    Leave,
    LinkPurpose,
    LinkState,
    Refused,
    Seen,
    Told,
    WireError,
    decode_ask,
    encode,
)

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What the gateway has to know."""

    sip_port: int
    socket: Path
    folder: Path  # of what is kept about lines that are up
    own_host: str = HOST  # from which the call workers of this machine speak
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    stun_url: str | None = None
    rejoin: timedelta = HEADSET_REJOIN_LIMIT
    supervisor_rejoin: timedelta = SUPERVISOR_REJOIN_LIMIT

    def waits(self, purpose: LinkPurpose) -> timedelta:
        """How long a line outlives its browser."""
        return self.rejoin if purpose is LinkPurpose.DESK else self.supervisor_rejoin


class Kept(msgspec.Struct, kw_only=True):
    """A line that is up, as it is kept on the disk."""

    agent_id: str
    dialog: Dialog
    purpose: LinkPurpose = LinkPurpose.DESK


class Gateway:
    """Takes browsers' offers through the API, calls from workers, and brings both together."""

    def __init__(self, settings: GatewaySettings, news: HeadsetNews) -> None:
        self._settings = settings
        self._news = news
        self._headsets: dict[str, Headset] = {}
        self._extension: Extension | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._door: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Bind everything and go on with what a crash left."""
        loop = asyncio.get_running_loop()
        transport, extension = await loop.create_datagram_endpoint(
            lambda: Extension(self, own_host=self._settings.own_host), local_addr=(HOST, self._settings.sip_port)
        )
        self._transport, self._extension = transport, extension
        private_folder(self._settings.folder)
        for path in sorted(self._settings.folder.glob("*.json")):
            self._revive(path)
        self._settings.socket.unlink(missing_ok=True)
        self._door = await asyncio.start_unix_server(self._serve, self._settings.socket, limit=LONGEST_LINE)
        self._settings.socket.chmod(0o600)
        self._ticking = asyncio.create_task(self._tick())
        log.info("gateway_open", sip_port=extension.port, lines=len(self._headsets))

    async def close(self) -> None:
        """Let browsers go. Lines stay with their workers: the next gateway goes on with them, or they end by timer."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._door is not None:
            self._door.close()
        for headset in self._headsets.values():
            headset.leave()
        await asyncio.sleep(0)
        if self._transport is not None:
            self._transport.close()

    def knows(self, agent_id: str) -> bool:
        """Whether anything is known of the agent's headset; may be asked from any thread."""
        return agent_id in self._headsets

    def line_at(self, token: str) -> Headset | None:
        """The headset at this address."""
        return next((headset for headset in self._headsets.values() if headset.token == token), None)

    # --- the API's questions ---

    async def connect(self, agent_id: str, sdp: str, purpose: LinkPurpose = LinkPurpose.DESK) -> Told:
        """Take a browser's offer."""
        try:
            offer = read_offer(sdp)
            headset = self._headset(agent_id)
            headset.purpose = purpose
            answer = await headset.connect(offer, self._servers())
        except OfferRefusedError as refusal:
            log.warning("offer_refused", agent=agent_id, reason=str(refusal))
            return Refused(reason=f"the browser's offer is refused: {refusal}")
        return Connected(sdp=answer, address=self._address(headset))

    def look(self, agent_id: str) -> Seen:
        """How the agent's headset is."""
        headset = self._headsets.get(agent_id)
        if headset is None:
            return Seen(link=LinkState.NONE)
        return Seen(link=headset.state, line=headset.dialog is not None, address=self._address(headset))

    def leave(self, agent_id: str) -> Seen:
        """Let the browser go; a desk's line is ended by the node, a supervisor's by us: with it her visit ends."""
        headset = self._headsets.get(agent_id)
        if headset is not None:
            headset.leave()
            if headset.purpose is LinkPurpose.SUPERVISION and self._extension is not None:
                self._extension.hang_up(headset)
        return self.look(agent_id)

    def _address(self, headset: Headset) -> str:
        return f"sip:{headset.token}@{HOST}:{self.sip_port}"

    @property
    def sip_port(self) -> int:
        """Where workers ring headsets."""
        return self._extension.port if self._extension is not None else 0

    # --- headsets ---

    def _headset(self, agent_id: str) -> Headset:
        if agent_id not in self._headsets:
            self._headsets[agent_id] = Headset(
                agent_id,
                news=self._news,
                codecs=self._settings.codecs,
                pick_up=lambda headset: self._extension.pick_up(headset) if self._extension else None,
                hang_up=lambda headset: self._extension.hang_up(headset) if self._extension else None,
                keep=self._keep,
            )
        return self._headsets[agent_id]

    def _servers(self) -> Sequence[IceServer]:
        # The gateway itself needs no relay: the relay reaches it. Its outer address it may have to learn.
        return (IceServer(url=self._settings.stun_url),) if self._settings.stun_url else ()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for headset in list(self._headsets.values()):
                headset.tick(now, rejoin=self._settings.waits(headset.purpose))
                if not headset.in_use:
                    del self._headsets[headset.agent_id]

    # --- what outlives a crash ---

    def _keep(self, headset: Headset) -> None:
        path = self._settings.folder / f"{headset.agent_id}.json"
        if headset.dialog is None:
            path.unlink(missing_ok=True)
        else:
            kept = Kept(agent_id=headset.agent_id, dialog=headset.dialog, purpose=headset.purpose)
            write_private(path, msgspec.json.encode(kept).decode())

    def _revive(self, path: Path) -> None:
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=Kept)
            headset = self._headset(kept.agent_id)
            headset.purpose = kept.purpose
            headset.revive(kept.dialog)
        except (msgspec.DecodeError, OSError) as error:
            # The worker's own session timer ends that line.
            log.warning("line_not_revived", file=path.name, error=type(error).__name__)
            path.unlink(missing_ok=True)
            return
        if self._extension is not None:
            self._extension.revive(headset)
        log.info("line_revived", agent=kept.agent_id)

    # --- the door ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line:
                writer.write(encode(await self._told(decode_ask(line))))
                await writer.drain()
        except (WireError, ValueError, ConnectionError) as error:
            log.warning("question_dropped", reason=str(error)[:200])
        finally:
            writer.close()

    async def _told(self, ask: Ask) -> Told:
        match ask:
            case Connect(agent_id=agent_id, sdp=sdp, purpose=purpose):
                return await self.connect(agent_id, sdp, purpose)
            case Leave(agent_id=agent_id):
                return self.leave(agent_id)
            case _:
                return self.look(ask.agent_id)
