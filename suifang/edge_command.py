"""The command `suifang edge`: the configuration of kamailio, which gives all call workers one signalling address."""

from collections.abc import Sequence
from pathlib import Path

from runtime.private_files import write_private
from runtime.settings import Settings
from runtime.trunks_file import trunk_entries
from telephony.edge.configuration import Edge, EdgeError, EdgePeer, EdgeTls, edge_configuration, tls_configuration

SPARE_WORKERS = 16  # numbers above the most workers, taken while the lower ones' calls are being ended


def edge_of(
    settings: Settings,
    *,
    address: str,
    tls_trunks: Sequence[str] = (),
    tls: EdgeTls | None = None,
    rtpengine: str = "",
) -> Edge:
    """The edge that fits these settings; EdgeError says what does not."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise EdgeError(f"{address!r} is no address: give the edge's host and port as 192.0.2.1:5060")
    entries = trunk_entries(settings)
    unknown = sorted(set(tls_trunks) - {entry.name for entry in entries})
    if unknown:
        raise EdgeError(f"{unknown[0]} is none of the trunks; they are {', '.join(entry.name for entry in entries)}")
    fronts = max(1, settings.fronts)  # an edge without any leads to where the first would be, and hears no answer
    return Edge(
        host=host,
        port=int(port),
        worker_host=settings.sip_host,
        worker_ports=range(
            settings.sip_port_base - fronts, settings.sip_port_base + settings.workers_max + SPARE_WORKERS
        ),
        peers=tuple(
            EdgePeer(name=entry.name, host=entry.host, port=entry.signalling_port, tls=entry.name in tls_trunks)
            for entry in entries
        ),
        front_workers=fronts,
        tls=tls,
        rtpengine=rtpengine,
    )


def write_edge(edge: Edge, config: Path) -> list[Path]:
    """Write the configuration, and beside it the one for TLS where that is wanted; the files that were written."""
    tls_file = config.with_name(f"{config.stem}-tls.cfg").absolute() if edge.tls is not None else None
    text = edge_configuration(edge, tls_file=tls_file)
    write_private(config, text)
    if edge.tls is None or tls_file is None:
        return [config]
    write_private(tls_file, tls_configuration(edge.tls))
    return [config, tls_file]
