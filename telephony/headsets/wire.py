"""The lines that the API and the headset gateway say to each other over a Unix socket, in JSON."""

from enum import StrEnum

import msgspec

SOCKET_NAME = "headsets.sock"
LONGEST_LINE = 65536


class LinkState(StrEnum):
    """How an agent's browser is linked with the gateway."""

    NONE = "none"  # no browser has asked
    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"  # its sound has stopped; its line is kept for a while


class Connect(msgspec.Struct, frozen=True, kw_only=True, tag="connect", forbid_unknown_fields=True):
    """An agent's browser offers itself as her headset."""

    agent_id: str
    sdp: str


class Look(msgspec.Struct, frozen=True, kw_only=True, tag="look", forbid_unknown_fields=True):
    """How is the agent's link?"""

    agent_id: str


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag="leave", forbid_unknown_fields=True):
    """The agent takes her headset off."""

    agent_id: str


Ask = Connect | Look | Leave


class Connected(msgspec.Struct, frozen=True, kw_only=True, tag="connected", forbid_unknown_fields=True):
    """The answer for the browser, and the address at which its headset can be called."""

    sdp: str
    address: str


class Seen(msgspec.Struct, frozen=True, kw_only=True, tag="seen", forbid_unknown_fields=True):
    """How the agent's link is, and whether a call worker holds a line to it."""

    link: LinkState
    line: bool = False


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused", forbid_unknown_fields=True):
    """It cannot be done; the sentence is for whoever asked."""

    reason: str


Told = Connected | Seen | Refused

_ask: msgspec.json.Decoder[Ask] = msgspec.json.Decoder(Ask)
_told: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
_encoder = msgspec.json.Encoder()


class WireError(Exception):
    """A line that is not of this protocol."""


def encode(message: Ask | Told) -> bytes:
    """One line."""
    return _encoder.encode(message) + b"\n"


def decode_ask(line: bytes) -> Ask:
    """What the API asks."""
    try:
        return _ask.decode(line)
    except msgspec.DecodeError as error:
        raise WireError(f"a line of the API cannot be read: {error}") from error


def decode_told(line: bytes) -> Told:
    """What the gateway tells."""
    try:
        return _told.decode(line)
    except msgspec.DecodeError as error:
        raise WireError(f"a line of the headset gateway cannot be read: {error}") from error
