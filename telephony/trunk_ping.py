"""Whether a trunk answers: a SIP OPTIONS over UDP, which rings nothing; over TCP and TLS a connection that comes up."""

import secrets
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt

from telephony.call_control import Transport, Trunk

OUT_OF_SERVICE = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkAnswer:
    """What came back, as a status or in words; `up` says whether calls may go there."""

    up: bool
    said: str
    status: int = 0


def look_at(trunk: Trunk, within: timedelta) -> TrunkAnswer:
    """How the trunk answers where its calls would go: at its outbound proxy, where it has one."""
    host, port = trunk.host, trunk.port
    if trunk.outbound_proxy:
        proxy, _, proxy_port = trunk.outbound_proxy.removeprefix("sip:").removesuffix(";lr").partition(":")
        host, port = proxy, int(proxy_port or 5060)
    if trunk.transport is not Transport.UDP:
        return _connection(host, port, trunk, within)
    answer = ping_trunk(host, port, within)
    return answer or TrunkAnswer(up=False, said=f"{host}:{port} does not answer SIP OPTIONS over UDP")


def ping_trunk(host: str, port: int, within: timedelta, *, tries: int = 3) -> TrunkAnswer | None:
    """The trunk's answer, or None when it stays silent; UDP may lose a packet, hence some tries within the time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(within.total_seconds() / tries)
        try:
            # Connected: a closed port is told by the kernel at once, and nobody else's packet is read.
            line.connect((host, port))
        except OSError:
            return None  # a name that cannot be resolved, or no route
        own_host, own_port = line.getsockname()
        call_id, tag = secrets.token_hex(12), secrets.token_hex(6)

        def ask() -> TrunkAnswer:
            line.send(_options(host, port, f"{own_host}:{own_port}", call_id, tag))
            answered = line.recv(8192).decode("utf-8", "replace")
            version, status, reason = answered.split("\r\n", 1)[0].split(" ", 2)
            if version != "SIP/2.0" or call_id not in answered:
                raise ConnectionError("something answered that does not speak SIP")
            return TrunkAnswer(up=int(status) != OUT_OF_SERVICE, said=f"{status} {reason}", status=int(status))

        try:
            return Retrying(
                retry=retry_if_exception_type((TimeoutError, OSError, ValueError)),
                stop=stop_after_attempt(tries),
            )(ask)
        except RetryError:
            return None


def _connection(host: str, port: int, trunk: Trunk, within: timedelta) -> TrunkAnswer:
    try:
        with socket.create_connection((host, port), timeout=within.total_seconds()) as line:
            if trunk.transport is Transport.TCP:
                return TrunkAnswer(up=True, said="takes TCP connections")
            context = ssl.create_default_context(cafile=trunk.ca_file or None)
            with context.wrap_socket(line, server_hostname=trunk.host) as secured:
                return TrunkAnswer(up=True, said=f"takes {secured.version()} connections")
    except OSError as error:
        return TrunkAnswer(up=False, said=f"{host}:{port} takes no {trunk.transport.value.upper()} connection: {error}")


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
