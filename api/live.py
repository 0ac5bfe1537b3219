"""The live stream to consoles over WebSocket: ids of what changed, resumed by the id seen last."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, FastAPI, Query, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool
from redis.exceptions import RedisError

from api.auth import COOKIE, Caller, identify
from api.permissions import Allowed
from api.problems import CATALOGUE, Problem
from api.wiring import Wiring
from db.users import Role
from followup.events import EventKind
from runtime.live_events import NOW, AsyncLiveStream, LiveEvent

log = structlog.get_logger(__name__)

MAY_LISTEN = Allowed(*Role)
FOR_OVERSEERS = frozenset(
    {
        EventKind.SUPERVISION_CHANGED.value,
        EventKind.TRUNK_CHANGED.value,
        EventKind.CALLER_ID_FELL.value,
        EventKind.EXCEPTION_CHANGED.value,
    }
)
"""Events that agents are not told: the call's own event tells them what their queue's policy shows."""
FOR_THEIR_AGENT = frozenset({EventKind.CAPTIONS_CHANGED.value})
"""Events that come every second while somebody talks: told to the agent named in them and to overseers."""
_BLOCK_MS = 1000

# Codes with which the socket is closed; 4000 and up are an application's own (RFC 6455, section 7.4.2).
BAD_REQUEST = 4400
NOT_LOGGED_IN = 4401
FORBIDDEN = 4403
TRY_AGAIN_LATER = 1013

_EVENT_ID = re.compile(r"\d{1,16}(-\d{1,16})?")

router = APIRouter(tags=["live"])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Give the broker's connections back, in the loop that made them."""
    try:
        yield
    finally:
        wiring: Wiring = app.state.wiring
        await wiring.live.close()


@router.websocket("/live")
async def live(socket: WebSocket, after: Annotated[str, Query()] = NOW) -> None:
    """Messages: `hello` with the id to go on from, `missed` when some are lost, `ping`, and every event by ids."""
    wiring: Wiring = socket.app.state.wiring
    token = _token(socket)
    await socket.accept()
    code = _refusal(socket, after) or await run_in_threadpool(_log_in_refusal, wiring, token)
    if code is None:
        telling = asyncio.create_task(_tell(socket, wiring, token, after))
        leaving = asyncio.create_task(_until_gone(socket))
        done, pending = await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if leaving in done:
            return
        code = telling.result()
    await socket.close(code)


async def _tell(socket: WebSocket, wiring: Wiring, token: str | None, after: str) -> int:
    """Send events until there is a reason to close; its code."""
    try:
        position = await _begin(socket, wiring.live, after)
        listener = await run_in_threadpool(_listener, wiring, token)
        next_ping = time.monotonic() + wiring.ping_seconds
        while True:
            for event in await wiring.live.read(position, block_ms=_BLOCK_MS):
                position = event.id
                if not _concerns(event, listener):
                    continue
                await socket.send_json({"kind": event.kind, "id": event.id, "ids": dict(event.ids)})
            if time.monotonic() >= next_ping:
                # A log-in that ended elsewhere ends here too.
                if code := await run_in_threadpool(_log_in_refusal, wiring, token):
                    return code
                await socket.send_json({"kind": "ping", "id": position})
                next_ping = time.monotonic() + wiring.ping_seconds
    except RedisError:
        log.exception("live_stream_unavailable")
        return TRY_AGAIN_LATER
    except WebSocketDisconnect:
        return FORBIDDEN


async def _begin(socket: WebSocket, stream: AsyncLiveStream, after: str) -> str:
    """Greet, and say where reading starts: the stream's end is fixed now, so that nothing falls between two reads."""
    if after != NOW and not await stream.missed_some(after):
        await socket.send_json({"kind": "hello", "id": after})
        return after
    position = await stream.last_id()
    await socket.send_json({"kind": "hello" if after == NOW else "missed", "id": position})
    return position


async def _until_gone(socket: WebSocket) -> None:
    """Consoles say nothing here; reading is how their leaving is noticed."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


def _refusal(socket: WebSocket, after: str) -> int | None:
    if after != NOW and not _EVENT_ID.fullmatch(after):
        return BAD_REQUEST
    origin = socket.headers.get("origin")
    # A page of another site must not listen with this user's cookie.
    if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
        return FORBIDDEN
    return None


def _concerns(event: LiveEvent, listener: Caller | None) -> bool:
    if listener is not None and listener.oversees:
        return True
    if event.kind in FOR_THEIR_AGENT:
        return listener is not None and event.ids.get("agent") == listener.user_id
    return event.kind not in FOR_OVERSEERS


def _listener(wiring: Wiring, token: str | None) -> Caller | None:
    with wiring.units() as uow:
        try:
            return identify(uow, token)
        except Problem:
            return None  # the log-in has just ended; the next ping closes the socket


def _log_in_refusal(wiring: Wiring, token: str | None) -> int | None:
    with wiring.units() as uow:
        try:
            MAY_LISTEN.permit(identify(uow, token))
        except Problem as problem:
            status, _ = CATALOGUE[problem.kind]
            return NOT_LOGGED_IN if status == 401 else FORBIDDEN
        uow.commit()
    return None


def _token(socket: WebSocket) -> str | None:
    scheme, _, credentials = socket.headers.get("authorization", "").partition(" ")
    return credentials if scheme.lower() == "bearer" else socket.cookies.get(COOKIE)
