"""The RTP guard: the kernel passes on only packets from where the far end said its sound would come from.

It also keeps strangers from the TCP sockets on which the library listens for a trunk.

The library itself follows a stranger who sends ten packets in a row: he would be heard, and would hear the patient.
"""

import ctypes
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

SO_ATTACH_FILTER = 26
IP_SOURCE = 0xFFF00000 + 12  # SKF_NET_OFF: behind the start of the IP header
LOAD_WORD, LOAD_HALF, JUMP_IF_EQUAL, RETURN = 0x20, 0x28, 0x15, 0x06
PASS_ALL = 0xFFFF


class RtpSources(StrEnum):
    """From where sound is taken."""

    DECLARED = "declared"  # the address and port in the far end's SDP
    SAME_HOST = "same_host"  # that address, any port: gateways that send from another port than they listen on
    ANY = "any"  # phones behind a NAT that name an address of their own; whoever guesses a port can be heard


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def only_from(local_port: int, host: str, port: int | None) -> bool:
    """Let the UDP socket on `local_port` of this process hear only this host (and port); whether there is such one."""
    instructions = _filter(host, port)
    program = _Program(len(instructions) // 8, instructions)
    for found in _sockets():
        with found:
            if found.type == socket.SOCK_DGRAM and found.getsockname()[1:2] == (local_port,):
                found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
                return True
    return False


def listeners_only_from(hosts: Iterable[str]) -> None:
    """Let every TCP socket on which this process listens hear only these hosts.

    The library takes each connection, holds it as long as the far end likes, and has room for 64 sockets in all.
    """
    instructions = _hosts_filter(sorted(hosts))
    program = _Program(len(instructions) // 8, instructions)
    for found in _sockets():
        with found:
            listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if (found.family, found.type, listens) == (socket.AF_INET, socket.SOCK_STREAM, 1):
                found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))


def dropped(local_port: int) -> int:
    """How many packets the kernel kept from the UDP socket on this port."""
    wanted = f":{local_port:04X}"
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(wanted):
            return int(fields[-1])
    return 0


def _filter(host: str, port: int | None) -> bytes:
    """Classic BPF; a UDP socket's filter sees the packet from the UDP header on."""
    address = int(ipaddress.IPv4Address(host))
    lines = [(LOAD_WORD, 0, 0, IP_SOURCE), (JUMP_IF_EQUAL, 0, 3 if port else 1, address)]
    if port:
        lines += [(LOAD_HALF, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, port)]
    lines += [(RETURN, 0, 0, PASS_ALL), (RETURN, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _hosts_filter(hosts: Sequence[str]) -> bytes:
    lines = [(LOAD_WORD, 0, 0, IP_SOURCE)]
    for place, host in enumerate(hosts):
        lines.append((JUMP_IF_EQUAL, len(hosts) - place, 0, int(ipaddress.IPv4Address(host))))
    lines += [(RETURN, 0, 0, 0), (RETURN, 0, 0, PASS_ALL)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _sockets() -> Iterator[socket.socket]:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()).startswith("socket:"):
                yield socket.socket(fileno=os.dup(int(entry.name)))
