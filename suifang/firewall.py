"""Which ports this machine uses, in which direction, and whether they are free: for the hospital's firewall."""

import socket
from dataclasses import dataclass
from pathlib import Path

from runtime.settings import Settings
from runtime.trunks_file import declared_trunks

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRow:
    """One rule to ask the network's people for."""

    direction: str
    protocol: str
    ports: str
    peer: str
    purpose: str


def firewall_table(settings: Settings) -> list[FirewallRow]:
    """All that has to pass; what is not named here may stay closed."""
    rows = [
        FirewallRow(
            direction="in",
            protocol="TCP",
            ports=str(settings.api_port),
            peer="agents' machines",
            purpose="console and API",
        ),
        FirewallRow(
            direction="in",
            protocol="UDP",
            ports=_span(ephemeral_ports()),
            peer="the relay (SUIFANG_TURN_URL)" if settings.turn_only else "agents' browsers",
            purpose="browser headsets, DTLS-SRTP",
        ),
    ]
    if settings.feeds_port is not None:
        rows.append(
            FirewallRow(
                direction="in",
                protocol="TCP",
                ports=str(settings.feeds_port),
                peer=", ".join(settings.feeds_peers) or "this machine",
                purpose="HL7 from the hospital's systems",
            )
        )
    entries = declared_trunks(settings)
    if not entries:
        return [*rows, *_rows_of(settings, "(no trunk set)", "(no trunk set)", "udp", "")]
    for entry in entries:
        peer = entry.outbound_proxy or f"{entry.host}:{entry.signalling_port}"
        named = f" ({entry.name})" if settings.trunks_file else ""
        rows.extend(_rows_of(settings, entry.host, peer, entry.transport, named))
    return rows


def _rows_of(settings: Settings, host: str, peer: str, transport: str, named: str) -> list[FirewallRow]:
    protocol = "UDP" if transport == "udp" else "TCP"
    sip = _span(settings.sip_ports)
    requests = FirewallRow(
        direction="out",
        protocol=protocol,
        ports=sip if protocol == "UDP" else "any",
        peer=peer,
        purpose=f"SIP, requests{named}" if transport != "tls" else f"SIP over TLS, requests{named}",
    )
    answers = FirewallRow(
        direction="in", protocol="UDP", ports=sip, peer=host, purpose=f"SIP, requests and answers{named}"
    )
    sound = FirewallRow(
        direction="both",
        protocol="UDP",
        ports=_span(settings.rtp_ports),
        peer=f"{host} and its media gateways",
        purpose=f"RTP, the voices{named}",
    )
    return [requests, answers, sound] if protocol == "UDP" else [requests, sound]


def ports_in_use(host: str, ports: range) -> list[int]:
    """Those that somebody holds now (our own call workers too, while they run)."""
    return [port for port in ports if not _can_bind(host, port)]


def ephemeral_ports() -> range:
    """The kernel's own range, from which any program is given ports that it does not name."""
    first, last = (int(part) for part in _EPHEMERAL.read_text().split())
    return range(first, last + 1)


def ephemeral_overlap(ports: range) -> range | None:
    """The kernel's own range, from which any program is given ports, if it touches these."""
    kernel = ephemeral_ports()
    return kernel if ports.start < kernel.stop and kernel.start < ports.stop else None


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _span(ports: range) -> str:
    return f"{ports.start}-{ports.stop - 1}"
