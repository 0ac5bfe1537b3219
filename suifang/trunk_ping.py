"""Whether a trunk answers: one SIP OPTIONS over UDP, which every carrier and PBX answers and which rings nothing."""

import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkAnswer:
    """The status line of the answer; any answer proves the way there and back."""

    status: int
    reason: str


def ping_trunk(host: str, port: int, within: timedelta, *, tries: int = 3) -> TrunkAnswer | None:
    """The trunk's answer, or None when it stays silent; UDP may lose a packet, hence some tries within the time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(within.total_seconds() / tries)
        # Connected: a closed port is told by the kernel at once, and nobody else's packet is read.
        line.connect((host, port))
        own_host, own_port = line.getsockname()
        call_id, tag = secrets.token_hex(12), secrets.token_hex(6)

        def ask() -> TrunkAnswer:
            line.send(_options(host, port, f"{own_host}:{own_port}", call_id, tag))
            answered = line.recv(8192).decode("utf-8", "replace")
            version, status, reason = answered.split("\r\n", 1)[0].split(" ", 2)
            if version != "SIP/2.0" or call_id not in answered:
                raise ConnectionError("something answered that does not speak SIP")
            return TrunkAnswer(status=int(status), reason=reason)

        try:
            return Retrying(
                retry=retry_if_exception_type((TimeoutError, ConnectionError, ValueError)),
                stop=stop_after_attempt(tries),
            )(ask)
        except RetryError:
            return None


def _options(host: str, port: int, own: str, call_id: str, tag: str) -> bytes:
    return (
        f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:suifang@{own}>;tag={tag}\r\n"
        f"To: <sip:{host}:{port}>\r\n"
        f"Call-ID: {call_id}\r\n"
        "CSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:suifang@{own}>\r\n"
        "Accept: application/sdp\r\n"
        "User-Agent: Suifang\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()
