"""Names that far ends put where an address belongs: no call worker ever asks a name server for one.

The library looks names up on the thread that carries the sound. A name in SDP is made unreadable before the library
reads it, so that it refuses the description; so is a stream without any address, over which the library aborts when it
is switched off (port 0). A name in Contact or Record-Route leads to whom the message came from, if that is where we
send our calls, and nowhere else. The names of our own trunks are looked up: by the node, mostly.

Done with a module of pjsip's own kind and its hook for resolvers, both through exported C functions.
"""

import ctypes
import re
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, ip_address
from typing import cast

import structlog

from telephony.call_control import Trunk
from telephony.sip.gate import BEHIND_PACKET, PACKET_SIZE, ModuleCallback, PjsipModule, PjText

log = structlog.get_logger(__name__)

BEFORE_TRANSACTIONS = 10  # behind the transport layer (8), before transactions (16)
MOST_NAMES = 64
UDP, TCP, TLS = 1, 2, 3
RELIABLE, SECURE = 1, 2
NOT_RESOLVED = 70018  # PJ_ERESOLVE
_SOURCE = re.compile(rb"(\d{1,3}(?:\.\d{1,3}){3})\x00")
_DESCRIBED = re.compile(rb"(?:^|(?<=[\r\n]))(?:(?P<c>c=)(?P<connection>[^\r\n]*)|(?P<a>a=)rtcp:(?P<rtcp>[^\r\n]*))")
_CONNECTION = re.compile(rb"IN IP[46] (?P<address>[0-9A-Fa-f:.]+)(?:/\d+)*[ \t]*", re.IGNORECASE)
_RTCP = re.compile(rb"\d+(?: IN IP[46] (?P<address>[0-9A-Fa-f:.]+))?[ \t]*", re.IGNORECASE)
_LINE = re.compile(rb"(?:^|(?<=[\r\n]))([vmc])=")
_WAYS_BACK = re.compile(rb"^(contact|m|record-route)[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_HOST = re.compile(rb"sips?:(?:[^@<>\s]*@)?([A-Za-z0-9.-]+)", re.IGNORECASE)


class _HostInfo(ctypes.Structure):
    """pjsip_host_info."""

    _fields_ = (
        ("flag", ctypes.c_uint),
        ("type", ctypes.c_int),
        ("host", ctypes.c_void_p),
        ("host_length", ctypes.c_ssize_t),
        ("port", ctypes.c_int),
    )


class _ServerAddress(ctypes.Structure):
    """One entry of pjsip_server_addresses; the address is a pj_sockaddr, of which we fill the IPv4 part."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("priority", ctypes.c_uint),
        ("weight", ctypes.c_uint),
        ("address", ctypes.c_ubyte * 28),
        ("length", ctypes.c_int),
    )


class _ServerAddresses(ctypes.Structure):
    """pjsip_server_addresses."""

    _fields_ = (("count", ctypes.c_uint), ("entries", _ServerAddress * 8))


_Found = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_Resolve = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class _ExternalResolver(ctypes.Structure):
    """pjsip_ext_resolver."""

    _fields_ = (("resolve", _Resolve),)


def named_places(description: bytes) -> list[int]:
    """Where in an SDP lines begin that would make the library ask a name server."""
    places = []
    for line in _DESCRIBED.finditer(description):
        said, rule = (line["connection"], _CONNECTION) if line["c"] else (line["rtcp"], _RTCP)
        found = rule.fullmatch(said)
        if found is None or (found["address"] is not None and not _is_address(found["address"].decode())):
            places.append(line.start())
    return places


def streams_nowhere(description: bytes) -> list[int]:
    """Where in an SDP streams begin that have no address, neither their own nor one for all (RFC 8866, 5.7)."""
    places: list[int] = []
    for_all = own = False
    stream: int | None = None
    for line in _LINE.finditer(description):
        if line[1] == b"c":
            own = own or stream is not None
            for_all = for_all or stream is None
            continue
        if stream is not None and not own and not for_all:
            places.append(stream)
        for_all = for_all and line[1] == b"m"
        stream, own = (line.start() if line[1] == b"m" else None), False
    if stream is not None and not own and not for_all:
        places.append(stream)
    return places


def names_of(head: bytes) -> list[str]:
    """The host names by which a message wants its sender to be reached."""
    return [host for _, host in _hosts(head) if not is_ipv4(host)]


def name_to_ask(head: bytes) -> str:
    """The host name to which requests of a call that begins with this INVITE would be sent; empty when it is none.

    The first proxy on the way gets them, and the caller's own Contact is only what they are addressed to.
    """
    hosts = _hosts(head)
    proxies = [host for header, host in hosts if header == b"record-route"]
    hop = next(iter(proxies or [host for _, host in hosts]), "")
    return "" if is_ipv4(hop) else hop


def _hosts(head: bytes) -> list[tuple[bytes, str]]:
    found = [(header.lower(), value) for header, value in _WAYS_BACK.findall(head)]
    return [(header, host.decode().lower()) for header, value in found for host in _HOST.findall(value)]


def is_ipv4(host: str) -> bool:
    """Whether it is an IPv4 address as everybody writes it."""
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def asked_of_system(host: str) -> str:
    """The address of a name of our own; OSError when there is none."""
    return str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])


class FarNames:
    """Stands between the library and every name."""

    def __init__(self, *, lookup: Callable[[str], str] = asked_of_system) -> None:
        self._lookup = lookup
        self._own: dict[str, str] = {}  # names of our trunks; the address where the node knows it
        self._hops: set[str] = set()  # addresses to which we send calls
        self._told: OrderedDict[str, str] = OrderedDict()  # what those call themselves
        self._packet_at = self._text_at = 0  # where in the library's structure, learnt from the first message
        library = ctypes.CDLL(str((sys.modules.get("pjsua2._pjsua2") or sys.modules["_pjsua2"]).__file__))
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        library.pjsip_rx_data_get_info.restype = ctypes.c_char_p
        library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
        library.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        library.pjsip_endpt_set_ext_resolver.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._library = library
        self._module = PjsipModule()
        self._module.name = PjText(b"mod-suifang-names", 17)
        self._module.id = -1
        self._module.priority = BEFORE_TRANSACTIONS
        self._heard = ModuleCallback(self._hear)
        self._module.on_rx_request = self._heard
        self._module.on_rx_response = ctypes.cast(self._heard, ctypes.c_void_p)
        self._resolver = _ExternalResolver(_Resolve(self._resolve))
        endpoint = library.pjsua_get_pjsip_endpt()
        for status in (
            library.pjsip_endpt_register_module(endpoint, ctypes.byref(self._module)),
            library.pjsip_endpt_set_ext_resolver(endpoint, ctypes.byref(self._resolver)),
        ):
            if status != 0:
                raise OSError(status, "the SIP library lets us not stand before its lookups: a name could stall calls")

    def know(self, trunk: Trunk, hop: str) -> None:
        """A trunk of ours: its own names may be looked up; at `hop` (host:port) it may call itself what it likes."""
        host = hop.rpartition(":")[0]
        if is_ipv4(host):
            self._hops.add(host)
        proxy = trunk.outbound_proxy.removeprefix("sip:").partition(";")[0].partition(":")[0]
        for name in (trunk.host, proxy):
            if name and not is_ipv4(name):
                self._own[name.lower()] = trunk.address

    def __contains__(self, host: object) -> bool:
        """Whether a far end that wants to be reached by this name (in lower case) can be."""
        return host in self._own or host in self._told

    def address_of(self, host: str) -> str:
        """Where a host is; OSError when that is nobody's business or unknown."""
        if is_ipv4(host):
            return host
        name = host.lower()
        if name in self._own:
            return self._own[name] or self._lookup(host)
        if name in self._told:
            return self._told[name]
        raise OSError("a far end's name is not looked up")

    # --- called by the library: nothing may be raised into C ---

    def _resolve(self, _resolver: int, _pool: int, target: int, token: int, found: int) -> None:
        answer = _ServerAddresses(count=0)
        status = NOT_RESOLVED
        try:
            wanted = _HostInfo.from_address(target)
            host = ctypes.string_at(wanted.host, wanted.host_length).decode("utf-8", "replace")
            way = wanted.type or (TLS if wanted.flag & SECURE else TCP if wanted.flag & RELIABLE else UDP)
            port = wanted.port or (5061 if way == TLS else 5060)
            entry = answer.entries[0]
            entry.type, entry.length = way, 16
            raw = socket.AF_INET.to_bytes(2, sys.byteorder) + port.to_bytes(2) + socket.inet_aton(self.address_of(host))
            ctypes.memmove(entry.address, raw, len(raw))
            answer.count, status = 1, 0
        except OSError:
            log.warning("name_not_followed")  # the name itself may be anything
        except Exception:
            log.exception("name_not_followed")
        cast("Callable[[int, int, object], None]", _Found(found))(
            status, token, ctypes.byref(answer) if answer.count else None
        )

    def _hear(self, message: int) -> int:
        try:
            self._blind(message)
        except Exception:
            log.exception("names_not_seen")
        return 0

    def _blind(self, message: int) -> None:
        place, text, source = self._read(message)
        head, _, body = text.partition(b"\r\n\r\n")
        if source in self._hops:
            for name in names_of(head):
                self._told[name] = source
                self._told.move_to_end(name)
                if len(self._told) > MOST_NAMES:
                    self._told.popitem(last=False)
        named = named_places(body)
        for start in named:
            # "i=" is a line that the library passes over: a description without an address is refused by it.
            ctypes.memmove(place + len(head) + 4 + start, b"i", 1)
            body = body[:start] + b"i" + body[start + 1 :]
        for start in streams_nowhere(body):
            # No line begins with a digit: the library reads no further and refuses it all.
            ctypes.memmove(place + len(head) + 4 + start, b"0", 1)
        if named:
            log.warning("name_in_sdp_refused")

    def _read(self, message: int) -> tuple[int, bytes, str]:
        """Where the message's text is, the text, and who sent it."""
        if not self._text_at:
            self._learn(message)
        place = ctypes.c_uint64.from_address(message + self._text_at).value
        length = ctypes.c_int.from_address(message + self._text_at + 8).value
        behind = ctypes.string_at(
            message + self._packet_at + PACKET_SIZE, self._text_at - self._packet_at - PACKET_SIZE
        )
        source = _SOURCE.search(behind, max(0, len(behind) - 64))
        return place, ctypes.string_at(place, max(0, min(length, PACKET_SIZE))), source[1].decode() if source else ""

    def _learn(self, message: int) -> None:
        said = self._library.pjsip_rx_data_get_info(message).split()
        first = b"SIP/2.0" if said[0] == b"Response" else said[2].rpartition(b"/")[0]
        packet = ctypes.string_at(message, 1024).find(first + b" ")
        held = ctypes.string_at(message, packet + PACKET_SIZE + BEHIND_PACKET)
        text = held.find((message + packet).to_bytes(8, "little"), packet + PACKET_SIZE) if packet >= 0 else -1
        if text < 0:
            raise ValueError("the library keeps its messages elsewhere: report it as a fault")
        self._packet_at, self._text_at = packet, text
