"""Whether a trunk answers: a SIP OPTIONS, which rings nothing, over the transport that its calls would take."""

import secrets
import socket
import time
from dataclasses import dataclass
from datetime import timedelta

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt

from telephony.call_control import Transport, Trunk
from telephony.stream_line import StreamLine
from telephony.stream_terms import stream_terms

OUT_OF_SERVICE = 503
TRIES = 3  # over UDP, which may lose a packet


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkAnswer:
    """What came back, as a status or in words; `up` says whether calls may go there."""

    up: bool
    said: str
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One OPTIONS and what its answer must repeat."""

    host: str
    port: int
    transport: Transport
    call_id: str
    tag: str

    def text(self, own: tuple[str, int]) -> bytes:
        """The request, sent from our own address; each has a transaction of its own."""
        here = f"{own[0]}:{own[1]}"
        way = "" if self.transport is Transport.UDP else f";transport={self.transport.value}"
        return (
            f"OPTIONS sip:{self.host}:{self.port}{way} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.value.upper()} {here};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:suifang@{here}>;tag={self.tag}\r\n"
            f"To: <sip:{self.host}:{self.port}>\r\n"
            f"Call-ID: {self.call_id}\r\n"
            "CSeq: 1 OPTIONS\r\n"
            f"Contact: <sip:suifang@{here}{way}>\r\n"
            "Accept: application/sdp\r\n"
            "User-Agent: Suifang\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    def read(self, message: bytes) -> TrunkAnswer:
        """What the answer says; ValueError when it is none."""
        answered = message.decode("utf-8", "replace")
        version, status, reason = answered.split("\r\n", 1)[0].split(" ", 2)
        if version != "SIP/2.0" or self.call_id not in answered:
            raise ValueError("something answered that does not speak SIP")
        return TrunkAnswer(up=int(status) != OUT_OF_SERVICE, said=f"{status} {reason}", status=int(status))


def look_at(trunk: Trunk, within: timedelta) -> TrunkAnswer:
    """How the trunk answers where its calls would go: at its outbound proxy, where it has one."""
    host, port = trunk.host, trunk.port
    if trunk.outbound_proxy:
        proxy, _, proxy_port = trunk.outbound_proxy.removeprefix("sip:").removesuffix(";lr").partition(":")
        host, port = proxy, int(proxy_port or 5060)
    question = _Question(
        host=host, port=port, transport=trunk.transport, call_id=secrets.token_hex(12), tag=secrets.token_hex(6)
    )
    try:
        if trunk.transport is Transport.UDP:
            return _over_udp(question, within.total_seconds())
        return _over_stream(question, trunk, within.total_seconds())
    except (OSError, ValueError, RetryError) as error:
        why = "" if isinstance(error, RetryError) else f": {error}"
        way = trunk.transport.value.upper()
        return TrunkAnswer(up=False, said=f"{host}:{port} does not answer SIP OPTIONS over {way}{why}")


def _over_udp(question: _Question, seconds: float) -> TrunkAnswer:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(seconds / TRIES)
        # Connected: a closed port is told by the kernel at once, and nobody else's packet is read.
        line.connect((question.host, question.port))

        def ask() -> TrunkAnswer:
            line.send(question.text(line.getsockname()))
            return question.read(line.recv(8192))

        return Retrying(
            retry=retry_if_exception_type((OSError, ValueError)),
            stop=stop_after_attempt(TRIES),
        )(ask)


def _over_stream(question: _Question, trunk: Trunk, seconds: float) -> TrunkAnswer:
    deadline = time.monotonic() + seconds
    address = (question.host, question.port)
    with StreamLine.open(address, stream_terms(trunk), within=seconds) as line:
        line.send(question.text(line.own_address))
        while not (message := line.receive(max(0.0, deadline - time.monotonic()))).startswith(b"SIP/2.0 "):
            pass  # a far end that asks something itself on the new connection
        return question.read(message)
