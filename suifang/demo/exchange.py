"""The town's exchange: a stateless SIP proxy (RFC 3261, 16.11) that puts all phones of the town behind one address.

It stays in the path of a dialog's first transaction only: no Record-Route, so ACK and BYE go from phone to phone.
"""

import hashlib
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Address = tuple[str, int]

COOKIE = "z9hG4bK"
LONGEST_PACKET = 65_535
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id"}
FOLDED = re.compile(r"\r\n[ \t]+")
PARAMETER = re.compile(r";\s*([^\s;=]+)(?:\s*=\s*([^\s;]+))?")
SENT_BY = re.compile(r"SIP\s*/\s*2\.0\s*/\s*UDP\s+([^\s;:]+|\[[^\]]+\])(?:\s*:\s*(\d+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """The topmost Via value of a message and where it stands."""

    line: int
    value: str
    rest: str  # further values of the same header line

    @property
    def sent_by(self) -> Address | None:
        found = SENT_BY.match(self.value)
        return (found[1].strip("[]"), int(found[2] or 5060)) if found else None

    @property
    def parameters(self) -> dict[str, str]:
        return {name.lower(): value or "" for name, value in PARAMETER.findall(self.value)}


class Message:
    """A SIP message as its start line, header lines and body."""

    def __init__(self, packet: bytes) -> None:
        head, _, self.body = packet.partition(b"\r\n\r\n")
        # latin-1 maps each byte to one character and back, so nothing is changed that is not ours to change
        self.start, *self.headers = FOLDED.sub(" ", head.decode("latin-1")).split("\r\n")

    def to_bytes(self) -> bytes:
        return "\r\n".join([self.start, *self.headers, "", ""]).encode("latin-1") + self.body

    def line_of(self, name: str) -> int | None:
        """The index of the first header of this name, in its long or compact form."""
        for line, header in enumerate(self.headers):
            written = header.partition(":")[0].strip().lower()
            if COMPACT.get(written, written) == name:
                return line
        return None

    def value_of(self, name: str) -> str:
        line = self.line_of(name)
        return "" if line is None else self.headers[line].partition(":")[2].strip()

    def top_via(self) -> Via | None:
        line = self.line_of("via")
        if line is None:
            return None
        value, _, rest = self.headers[line].partition(":")[2].strip().partition(",")
        return Via(line=line, value=value.strip(), rest=rest.strip())


class Exchange:
    """Decides for one packet what is sent where; it keeps nothing between packets."""

    def __init__(self, here: Address, phone_of: Callable[[str], Address | None]) -> None:
        if not ipaddress.ip_address(here[0]).is_loopback:
            raise ValueError(f"the town's exchange serves loopback only, not {here[0]}; give 127.0.0.1")
        self.here = here
        self._phone_of = phone_of

    def relay(self, packet: bytes, source: Address) -> tuple[bytes, Address] | None:
        """The packet to send and its destination, or None for what is to be dropped."""
        if b"\r\n\r\n" not in packet.lstrip(b"\r\n"):
            return None
        message = Message(packet.lstrip(b"\r\n"))
        via = message.top_via()
        if via is None or via.sent_by is None:
            return None
        if message.start.startswith("SIP/2.0 "):
            return self._response(message, via)
        return self._request(message, via, source)

    def _request(self, message: Message, via: Via, source: Address) -> tuple[bytes, Address] | None:
        parts = message.start.split(" ")
        if len(parts) != 3:
            return None
        method, uri, _ = parts
        stamped = _stamp(via, source)
        message.headers[via.line] = f"Via: {stamped}" + (f", {via.rest}" if via.rest else "")
        self._drop_own_route(message)
        phone = self._phone_of(user_of(uri))
        hops = _hops_left(message)
        if phone is None or hops <= 0:
            if method == "ACK":
                return None
            status = "483 Too Many Hops" if hops <= 0 else "200 OK" if method == "OPTIONS" else "404 Not Found"
            return _own_answer(message, status), source
        line = message.line_of("max-forwards")
        if line is None:
            message.headers.append(f"Max-Forwards: {hops}")
        else:
            message.headers[line] = f"Max-Forwards: {hops - 1}"
        host, port = self.here
        message.headers.insert(via.line, f"Via: SIP/2.0/UDP {host}:{port};branch={_branch(message, via)}")
        return message.to_bytes(), phone

    def _response(self, message: Message, via: Via) -> tuple[bytes, Address] | None:
        if via.sent_by != self.here:
            return None
        if via.rest:
            message.headers[via.line] = f"Via: {via.rest}"
        else:
            del message.headers[via.line]
        following = message.top_via()
        if following is None or following.sent_by is None:
            return None
        host, port = following.sent_by
        parameters = following.parameters
        return message.to_bytes(), (parameters.get("received") or host, int(parameters.get("rport") or port))

    def _drop_own_route(self, message: Message) -> None:
        line = message.line_of("route")
        if line is None:
            return
        value, _, rest = message.headers[line].partition(":")[2].strip().partition(",")
        host, port = self.here
        if f"{host}:{port}" not in value:
            return
        if rest.strip():
            message.headers[line] = f"Route: {rest.strip()}"
        else:
            del message.headers[line]


def user_of(uri: str) -> str:
    """The user part of a SIP address."""
    return uri.partition(":")[2].partition("@")[0].partition(";")[0] if "@" in uri else ""


def _stamp(via: Via, source: Address) -> str:
    """The Via with the true source in it (RFC 3581), so that the answer finds its way back."""
    value = re.sub(r";\s*(received|rport)(\s*=\s*[^;\s]+)?", "", via.value)
    return f"{value};received={source[0]}" + (f";rport={source[1]}" if "rport" in via.parameters else "")


def _hops_left(message: Message) -> int:
    value = message.value_of("max-forwards")
    return int(value) if value.isdecimal() else 70


def _branch(message: Message, via: Via) -> str:
    """The same for an INVITE, its retransmissions, its CANCEL and the ACK of its refusal, and different otherwise."""
    parts = (
        via.parameters.get("branch", ""),
        str(via.sent_by),
        message.value_of("call-id"),
        message.value_of("cseq").partition(" ")[0],
    )
    return COOKIE + hashlib.sha256("\n".join(parts).encode("latin-1")).hexdigest()[:32]


def _own_answer(message: Message, status: str) -> bytes:
    """A final answer of the exchange itself; its To tag is the same for every retransmission."""
    kept = [h for h in message.headers if COMPACT.get(_name(h), _name(h)) in {"via", "from", "to", "call-id", "cseq"}]
    tag = hashlib.sha256(message.value_of("call-id").encode("latin-1")).hexdigest()[:16]
    lines = [
        f"{header};tag={tag}" if COMPACT.get(_name(header), _name(header)) == "to" and ";tag=" not in header else header
        for header in kept
    ]
    return "\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""]).encode("latin-1")


def _name(header: str) -> str:
    return header.partition(":")[0].strip().lower()


def directory(phones: Mapping[str, Address], key: Callable[[str], str]) -> Callable[[str], Address | None]:
    """A look-up of dialed user parts, each first brought to the phones' own spelling."""
    return lambda user: phones.get(key(user)) or phones.get(user)


def open_socket(here: Address) -> socket.socket:
    """The exchange's one socket."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(here)
    except OSError as error:
        sock.close()
        raise OSError(f"UDP {here[0]}:{here[1]} is not free: {error}; choose another port") from error
    return sock


def serve(exchange: Exchange, sock: socket.socket, *, until: Callable[[], bool], check_seconds: float = 0.5) -> None:
    """Relay packets until `until` says so; it is asked at least every `check_seconds`."""
    sock.settimeout(check_seconds)
    while not until():
        try:
            packet, source = sock.recvfrom(LONGEST_PACKET)
        except TimeoutError:
            continue
        relayed = exchange.relay(packet, source)
        if relayed is not None:
            sock.sendto(*relayed)
