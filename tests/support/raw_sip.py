"""A SIP peer made of one UDP socket: the test reads each request as it came and writes each answer itself."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

Address = tuple[str, int]


@dataclass(frozen=True)
class Received:
    """One message, as it came."""

    text: str
    source: Address

    @property
    def start(self) -> str:
        """The first line."""
        return self.text.partition("\r\n")[0]

    @property
    def method(self) -> str:
        """INVITE, ACK, … or SIP/2.0 for an answer."""
        return self.start.partition(" ")[0]

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        head = self.text.partition("\r\n\r\n")[0].split("\r\n")[1:]
        return [line.partition(":")[2].strip() for line in head if line.partition(":")[0].lower() == name.lower()]

    def one(self, name: str) -> str:
        """The only value of a header."""
        values = self.all(name)
        assert len(values) == 1, f"{name}: {len(values)} times in {self.start}"
        return values[0]

    @property
    def body(self) -> str:
        """What follows the headers."""
        return self.text.partition("\r\n\r\n")[2]


@dataclass
class RawPeer:
    """A peer that does nothing by itself."""

    line: socket.socket
    passed_over: list[Received] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return int(self.line.getsockname()[1])

    def receive(self, method: str, *, timeout: float = 5.0) -> Received:
        """The next message of this method; others (retransmissions, ACKs) are kept in `passed_over`."""
        self.line.settimeout(timeout)
        while True:
            packet, source = self.line.recvfrom(65536)
            message = Received(packet.decode(), source)
            if message.method == method:
                return message
            self.passed_over.append(message)

    def hears_nothing(self, *, timeout: float) -> bool:
        """Whether no message at all comes for so long."""
        self.line.settimeout(timeout)
        try:
            self.line.recvfrom(65536)
        except TimeoutError:
            return True
        return False

    def reply(
        self,
        request: Received,
        status: str,
        *,
        tag: str = "far",
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        """Answer a request, `status` being for example `486 Busy Here`."""
        to = request.one("To")
        if not status.startswith("100") and "tag=" not in to:
            to += f";tag={tag}"
        lines = [
            f"SIP/2.0 {status}",
            *(f"Via: {via}" for via in request.all("Via")),
            f"From: {request.one('From')}",
            f"To: {to}",
            f"Call-ID: {request.one('Call-ID')}",
            f"CSeq: {request.one('CSeq')}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.say("\r\n".join([*lines, "", body]), request.source)

    def answer(
        self, request: Received, *, rtp_port: int, headers: Mapping[str, str] | None = None, status: str = "200 OK"
    ) -> None:
        """Pick up, with G.711 A-law at an RTP port of the test's."""
        body = "\r\n".join(
            [
                "v=0",
                "o=- 1 1 IN IP4 127.0.0.1",
                "s=-",
                "c=IN IP4 127.0.0.1",
                "t=0 0",
                f"m=audio {rtp_port} RTP/AVP 8",
                "a=rtpmap:8 PCMA/8000",
                "",
            ]
        )
        contact = {"Contact": f"<sip:far@127.0.0.1:{self.port}>"}
        self.reply(request, status, headers={**contact, **(headers or {})}, body=body)

    def say(self, text: str, to: Address) -> None:
        """Send any text."""
        self.line.sendto(text.encode(), to)


@contextmanager
def raw_peer() -> Iterator[RawPeer]:
    """A peer on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        yield RawPeer(line)
