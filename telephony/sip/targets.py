"""Targets: the SIP addresses a leg and its trunk stand for, and the guard that keeps some trunks on loopback."""

import ipaddress
import re
from dataclasses import dataclass

from followup.calls import LegRole
from telephony.call_control import OutboundLeg, RejectedError, Transport, Trunk

_USER = re.compile(r"[0-9A-Za-z+*#._-]{1,64}")
_URI = re.compile(r"sip:(?P<user>[0-9A-Za-z+*#._-]{1,64})@(?P<host>[0-9A-Za-z.-]+)(?::(?P<port>\d{1,5}))?")
_PROXY = re.compile(r"(?:sip:)?(?P<host>[0-9A-Za-z.-]+)(?::(?P<port>\d{1,5}))?(?:;lr)?")
_HOST = re.compile(r"[0-9A-Za-z.-]+")
_GLOBAL = re.compile(r"\+\d{3,15}")  # RFC 3966


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to INVITE, as whom, and by which way."""

    uri: str
    caller: str  # value of From
    proxy: str = ""  # value of Route
    asserted_identity: str = ""  # value of P-Asserted-Identity


def first_hop(target: Target) -> str:
    """host:port of whom the INVITE is sent to."""
    host, _, port = (target.proxy or target.uri).strip("<>").rpartition("@")[2].removeprefix("sip:").partition(":")
    return f"{host.partition(';')[0]}:{port.partition(';')[0] or 5060}"


def target_of(leg: OutboundLeg, trunk: Trunk) -> Target:
    """The target of a leg over a trunk; RejectedError when it cannot or may not be dialed."""
    if _HOST.fullmatch(trunk.host) is None or not 0 < trunk.port < 65536:
        raise RejectedError(f"trunk {trunk.name}: host or port is not usable; correct the trunk")
    user, host, port = leg.number, trunk.host, trunk.port
    if leg.number.startswith("sip:"):
        found = _URI.fullmatch(leg.number)
        if found is None:
            raise RejectedError(f"leg {leg.leg_id}: not a SIP address of the form sip:user@host:port; correct it")
        user, host, port = found["user"], found["host"], int(found["port"] or 5060)
    elif _USER.fullmatch(leg.number) is None:
        raise RejectedError(f"leg {leg.leg_id}: number is not dialable; give E.164 or a SIP user")
    proxy = _PROXY.fullmatch(trunk.outbound_proxy)
    if trunk.outbound_proxy and proxy is None:
        raise RejectedError(f"trunk {trunk.name}: outbound_proxy is not of the form host:port; correct the trunk")
    caller = trunk.caller_id or trunk.username or "suifang"
    if _USER.fullmatch(caller) is None:
        raise RejectedError(f"trunk {trunk.name}: caller_id is not a SIP user; correct the trunk")
    if trunk.loopback_only:
        for place in (host, proxy["host"] if proxy else host):
            if not _is_loopback(place):
                raise RejectedError(f"trunk {trunk.name} is loopback only and the target is outside 127.0.0.0/8")
    if leg.role is LegRole.AGENT and host != trunk.host and not _is_loopback(host):
        # An agent types this address herself: it must not become a way to ring any place in the world.
        raise RejectedError(f"leg {leg.leg_id}: a headset's address must be on the trunk {trunk.name}'s host")
    way = "" if trunk.transport is Transport.UDP else f";transport={trunk.transport.value}"
    route = f"<sip:{trunk.address or proxy['host']}:{proxy['port'] or 5060}{way};lr>" if proxy else ""
    if trunk.address and not route and host == trunk.host:
        route = f"<sip:{trunk.address}:{trunk.port}{way};lr;hide>"  # the name stays in the message, unasked
    if trunk.tel_uri and not leg.number.startswith("sip:"):
        if _GLOBAL.fullmatch(leg.number) is None:
            raise RejectedError(
                f"trunk {trunk.name}: a tel: URI needs a number that begins with +; let its dial rules write e164"
            )
        # A tel: URI says nothing of the way there; the hidden route does, and is not written into the message.
        return Target(
            uri=f"tel:{leg.number}",
            caller=f"<sip:{_escaped(caller)}@{trunk.host}>",
            proxy=route or f"<sip:{trunk.host}:{trunk.port}{way};lr;hide>",
            asserted_identity=_asserted(trunk),
        )
    return Target(
        uri=f"sip:{_escaped(user)}@{host}:{port}{way}",
        caller=f"<sip:{_escaped(caller)}@{trunk.host}>",
        proxy=route,
        asserted_identity=_asserted(trunk),
    )


def _asserted(trunk: Trunk) -> str:
    said = trunk.asserted_identity
    if not said:
        return ""
    if _GLOBAL.fullmatch(said) and trunk.tel_uri:
        return f"<tel:{said}>"
    if _USER.fullmatch(said):
        return f"<sip:{_escaped(said)}@{trunk.host}>"
    if _URI.fullmatch(said):
        return f"<{said}>"
    raise RejectedError(
        f"trunk {trunk.name}: asserted_identity is neither a number nor an address sip:user@host; correct the trunk"
    )


def _escaped(user: str) -> str:
    return user.replace("#", "%23")


def _is_loopback(host: str) -> bool:
    # Names are refused even when they resolve to loopback today: another resolver may say otherwise.
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return address in ipaddress.IPv4Network("127.0.0.0/8")
