"""ICE servers: where browsers learn their outer address (STUN) and get a relay (TURN) with credentials that expire."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CREDENTIALS_LAST = timedelta(hours=12)
"""A shift: a relay must not end in the middle of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """One server as a browser's RTCPeerConnection takes it."""

    url: str
    username: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IceSettings:
    """What the installation says of its servers."""

    stun_url: str | None = None
    turn_url: str | None = None
    turn_secret: str = field(default="", repr=False)
    turn_only: bool = False  # browsers take no other way than the relay


def ice_servers(settings: IceSettings, *, name: str, now: datetime) -> tuple[IceServer, ...]:
    """The servers of this installation; TURN credentials are coturn's `use-auth-secret` ones, good until they expire.

    `name` stands in the relay's log: give an id, never a person's name.
    """
    servers = []
    if settings.stun_url:
        servers.append(IceServer(url=settings.stun_url))
    if settings.turn_url:
        username = f"{int((now + CREDENTIALS_LAST).timestamp())}:{name}"
        # SHA-1 because that is what the relay's protocol says; it is a keyed hash of a time-limited name.
        digest = hmac.new(settings.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        servers.append(
            IceServer(url=settings.turn_url, username=username, credential=base64.b64encode(digest).decode())
        )
    return tuple(servers)
