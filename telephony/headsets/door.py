"""The API's way to the headset gateway: one question and its answer over the gateway's Unix socket."""

import socket
from dataclasses import dataclass
from pathlib import Path

import structlog

from telephony.headsets.wire import (
    LONGEST_LINE,
    Ask,
    Connect,
    Connected,
    Leave,
    LinkPurpose,
    LinkState,
    Look,
    Refused,
    Seen,
    Told,
    WireError,
    decode_told,
    encode,
)

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 8.0
"""Longer than the gateway looks for its own addresses."""


class GatewayAwayError(Exception):
    """The gateway does not answer; the sentence says what to do."""


class HeadsetRefusedError(Exception):
    """The gateway refuses the browser's offer; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDoor:
    """Where the gateway of this machine listens."""

    socket: Path
    node: str  # whose calls ring the headsets behind it

    def connect(self, agent_id: str, sdp: str, purpose: LinkPurpose = LinkPurpose.DESK) -> Connected:
        """The gateway's answer to a browser's offer."""
        told = self._ask(Connect(agent_id=agent_id, sdp=sdp, purpose=purpose))
        if isinstance(told, Refused):
            raise HeadsetRefusedError(told.reason)
        if not isinstance(told, Connected):
            raise GatewayAwayError("the headset gateway is of another version; restart it")
        return told

    def look(self, agent_id: str) -> Seen:
        """How the agent's link is; a gateway that is away has none."""
        try:
            told = self._ask(Look(agent_id=agent_id))
        except GatewayAwayError:
            return Seen(link=LinkState.NONE)
        return told if isinstance(told, Seen) else Seen(link=LinkState.NONE)

    def leave(self, agent_id: str) -> None:
        """Let the agent's browser go; a gateway that is away has nothing to let go."""
        try:
            self._ask(Leave(agent_id=agent_id))
        except GatewayAwayError as away:
            log.warning("gateway_away", agent=agent_id, reason=str(away))

    def _ask(self, ask: Ask) -> Told:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(ANSWER_SECONDS)
                line.connect(str(self.socket))
                line.sendall(encode(ask))
                with line.makefile("rb") as answers:
                    answer = answers.readline(LONGEST_LINE)
        except OSError as error:
            raise GatewayAwayError(
                f"the headset gateway does not answer ({type(error).__name__}); see that `suifang headsets` runs on "
                "this machine, then try again"
            ) from error
        try:
            return decode_told(answer)
        except WireError as error:
            raise GatewayAwayError("the headset gateway broke off; try again") from error
