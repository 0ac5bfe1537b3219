"""The live stream: what just changed, by ids only, so that a console redraws; it resumes by the id it saw last."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import redis
import redis.asyncio

STREAM = "suifang:live"
KEPT = 10_000
NOW = "$"

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """One change; `id` is where to go on from."""

    id: str
    kind: str
    ids: Mapping[str, str]

    @property
    def at(self) -> datetime:
        """When it was published, by the broker's clock."""
        return datetime.fromtimestamp(int(self.id.split("-")[0]) / 1000, UTC)


class LiveStream:
    """The stream for processes that may block a thread."""

    def __init__(self, broker_url: str) -> None:
        # A read blocks as long as its caller says; the socket must not give up before.
        self._broker = redis.Redis.from_url(broker_url, decode_responses=True)

    def publish(self, kind: str, ids: Mapping[str, str]) -> str:
        """Tell every console; the new event's id."""
        fields: dict[Any, Any] = {"kind": kind, "ids": json.dumps(_checked(kind, ids))}
        return str(self._broker.xadd(STREAM, fields, maxlen=KEPT, approximate=True))

    def read(self, after_id: str = NOW, *, block_ms: int = 1000, count: int = 500) -> list[LiveEvent]:
        """Events after `after_id` in order, waiting up to `block_ms` for the first; `$` means from now on."""
        return _events(self._broker.xread({STREAM: after_id}, count=count, block=block_ms))

    def last_id(self) -> str:
        """Where the stream stands now; read on from here."""
        return _last_id(self._broker.xrevrange(STREAM, count=1))

    def close(self) -> None:
        """Give the connection back."""
        self._broker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncLiveStream:
    """The same stream for the API's event loop, read side only."""

    def __init__(self, broker_url: str) -> None:
        self._broker = redis.asyncio.Redis.from_url(broker_url, decode_responses=True)

    async def read(self, after_id: str = NOW, *, block_ms: int = 1000, count: int = 500) -> list[LiveEvent]:
        """As LiveStream.read."""
        return _events(await self._broker.xread({STREAM: after_id}, count=count, block=block_ms))

    async def last_id(self) -> str:
        """As LiveStream.last_id."""
        return _last_id(await self._broker.xrevrange(STREAM, count=1))

    async def missed_some(self, after_id: str) -> bool:
        """Whether events after `after_id` may be gone already, so that a console has to load anew."""
        if after_id == NOW:
            return False
        oldest = await self._broker.xrange(STREAM, count=1)
        if not oldest:
            return after_id != "0-0"
        told = await self._broker.xinfo_stream(STREAM)
        return bool(told["entries-added"] > told["length"]) and _order(after_id) < _order(str(oldest[0][0]))

    async def close(self) -> None:
        """Give the connections back."""
        await self._broker.aclose()


def _checked(kind: str, ids: Mapping[str, str]) -> dict[str, str]:
    for name, value in {"kind": kind, **ids}.items():
        if not _IDENTIFIER.fullmatch(value):
            raise ValueError(
                f"{kind}: {name} is not an identifier; the live stream carries ids and states, nothing else"
            )
    return dict(ids)


def _events(answer: Any) -> list[LiveEvent]:
    return [
        LiveEvent(id=event_id, kind=fields["kind"], ids=json.loads(fields["ids"]))
        for _, entries in answer or []
        for event_id, fields in entries
    ]


def _last_id(newest: Any) -> str:
    return str(newest[0][0]) if newest else "0-0"


def _order(event_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)
