"""How a trunk's far end is spoken to, as far as whoever speaks for a dead worker needs it: nothing in it is secret."""

from dataclasses import dataclass

from telephony.call_control import Transport, Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTerms:
    """The transport, and of TLS whom we believe and what the far end's certificate must name."""

    transport: Transport = Transport.UDP
    ca_file: str = ""
    name: str = ""


def stream_terms(trunk: Trunk) -> StreamTerms:
    """The trunk's terms; its certificate names whom we speak to, which may be its outbound proxy."""
    if trunk.transport is not Transport.TLS:
        return StreamTerms(transport=trunk.transport)
    proxy = trunk.outbound_proxy.removeprefix("sip:").partition(";")[0].partition(":")[0]
    return StreamTerms(transport=trunk.transport, ca_file=trunk.ca_file, name=proxy or trunk.host)
