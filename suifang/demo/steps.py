"""What a phone does in a call, one step after the other: the alphabet of behaviours and scripts."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """180 Ringing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing, for a while."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """200 OK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """A final answer other than 200."""

    sip_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Play one WAV to the far end."""

    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Wait until the far end has spoken and then been quiet for `quiet_seconds`, or has not spoken at all so long."""

    quiet_seconds: float
    patience_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One key, as RFC 2833."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """BYE."""


Step = Ring | Wait | Answer | Refuse | Say | Listen | Press | HangUp
