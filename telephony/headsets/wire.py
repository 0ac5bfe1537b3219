"""The lines that the API and the headset gateway say to each other over a Unix socket, in JSON."""

from enum import StrEnum

import msgspec

SOCKET_NAME = "headsets.sock"
LONGEST_LINE = 65536


class LinkPurpose(StrEnum):
    """What a browser is linked for."""

    DESK = "desk"  # a shift: its line stays up, and waits with the patient when the browser is lost
    SUPERVISION = "supervision"  # visits on calls: rung for each, and nobody waits for it


class LinkState(StrEnum):
    """How a browser is linked with the gateway."""

    NONE = "none"  # no browser has asked
    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"  # its sound has stopped; its line is kept for a while


class Connect(msgspec.Struct, frozen=True, kw_only=True, tag="connect", forbid_unknown_fields=True):
    """A browser offers itself as its user's headset."""

    agent_id: str  # a user's: an agent's, or a supervisor's who has no desk
    sdp: str
    purpose: LinkPurpose = LinkPurpose.DESK


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
    """How the link is, whether a call worker holds a line to it, and where it can be called (empty: nowhere)."""

    link: LinkState
    line: bool = False
    address: str = ""


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
