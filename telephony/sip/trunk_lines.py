"""The lines of one worker: for each trunk an account and the transport it needs, made when the first call asks for it.

An account for each, because a call that is up looks at its account again at every re-INVITE: were there one that is
changed for each call, a held patient would come back with the headset's codecs and without encryption.
"""

import select
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from weakref import WeakSet

import pjsua2 as pj
import structlog

from telephony.call_control import RejectedError, Srtp, Transport, Trunk, TrunkBusyError
from telephony.sip.calls import LegCall, WorkerAccount
from telephony.sip.rtp_guard import listeners_only_from
from telephony.sip.targets import Target
from telephony.stream_terms import StreamTerms, stream_terms

log = structlog.get_logger(__name__)

MOST_TRUNKS = 6  # the library aborts at its ninth account; one is the worker's own, one may be registered
MOST_TRANSPORTS = 7  # of the library's eight, the worker's UDP socket being the first
TLS_MILLISECONDS = 5000
LEAST_SESSION_SECONDS = 90  # RFC 4028, section 4

_SRTP = {
    Srtp.OFF: pj.PJMEDIA_SRTP_DISABLED,
    Srtp.OPTIONAL: pj.PJMEDIA_SRTP_OPTIONAL,
    Srtp.REQUIRED: pj.PJMEDIA_SRTP_MANDATORY,
}


class _Line:
    """One trunk's account, and the calls that still look at it."""

    def __init__(self, account: WorkerAccount) -> None:
        self.account = account
        self.calls: WeakSet[LegCall] = WeakSet()


class TrunkLines:
    """Accounts and transports of a worker's trunks. Only the worker's thread may touch it."""

    def __init__(
        self,
        library: pj.Endpoint,
        *,
        sip_host: str,
        sip_port: int,
        udp_transport: int,
        new_account: Callable[[], WorkerAccount],
        base_settings: Callable[[], pj.AccountConfig],
    ) -> None:
        self._library = library
        self._sip_host = sip_host
        self._sip_port = sip_port
        self._udp_transport = udp_transport
        self._new_account = new_account
        self._base_settings = base_settings
        self._lines: dict[tuple[Trunk, str], _Line] = {}
        self._transports: dict[tuple[Transport, str], int] = {}
        self._hosts: set[str] = set()  # of the trunks that use TCP or TLS
        self._terms: dict[str, StreamTerms] = {}  # of those that use TLS
        self._streams = select.epoll()  # sockets of TCP and TLS, which come and go inside the library

    def account_for(self, trunk: Trunk, target: Target) -> WorkerAccount:
        """The account that speaks for the trunk, whichever caller ID a call shows."""
        return self._line(trunk, target).account

    def keep(self, call: LegCall, trunk: Trunk, target: Target) -> None:
        """The call looks at the trunk's account until it is let go of."""
        self._line(trunk, target).calls.add(call)

    def registering_settings(self, trunk: Trunk) -> pj.AccountConfig:
        """What an account needs that is to be registered with the trunk: its way, credentials, timers, encryption."""
        way = "" if trunk.transport is Transport.UDP else f";transport={trunk.transport.value}"
        proxy = trunk.outbound_proxy.removeprefix("sip:").removesuffix(";lr")
        target = Target(
            uri=f"sip:{trunk.host}:{trunk.port}{way}",
            caller=f"<sip:{trunk.username}@{trunk.host}>",
            proxy=f"<sip:{proxy}{way};lr>" if proxy else "",
        )
        settings = self._settings(trunk, target, self._transport(trunk))
        settings.regConfig.registrarUri = target.uri
        return settings

    def terms_of(self, host: str) -> StreamTerms:
        """How a trunk at this address is spoken to over TLS, should somebody have to do it in this worker's name."""
        return self._terms.get(host, StreamTerms())

    def fileno(self) -> int:
        """Readable when a TCP or TLS socket of the library is."""
        return self._streams.fileno()

    def watch_streams(self, *, opened: bool = False) -> None:
        """Wait for the sockets that the library has opened since, too.

        Their own descriptors are given, never duplicates: those would hold a connection open that the library has
        closed. One that is closed leaves by itself. Edges and not levels, for a connection that comes up is told by
        becoming writable, and stays so. They are looked for when one may have been `opened`, or one of them stirred.
        """
        if not self._transports or not (self._streams.poll(0) or opened):
            return
        for descriptor in _stream_sockets():
            with suppress(FileExistsError, OSError):
                self._streams.register(descriptor, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def close(self) -> None:
        """Let go of every account."""
        for line in self._lines.values():
            line.account.shutdown()
        self._lines.clear()
        self._streams.close()

    def _line(self, trunk: Trunk, target: Target) -> _Line:
        key = (replace(trunk, caller_id=""), target.proxy)
        known = self._lines.get(key)
        if known is not None:
            return known
        self._make_room()
        transport = self._transport(trunk)
        account = self._new_account()
        account.create(self._settings(trunk, target, transport))
        line = self._lines[key] = _Line(account)
        return line

    def _make_room(self) -> None:
        if len(self._lines) < MOST_TRUNKS:
            return
        for key, line in self._lines.items():
            if not line.calls:
                line.account.shutdown()
                del self._lines[key]
                return
        raise TrunkBusyError(f"this worker's calls use {MOST_TRUNKS} trunks already; wait or take another worker")

    def _transport(self, trunk: Trunk) -> int:
        if trunk.transport is Transport.UDP:
            return self._udp_transport
        key = (trunk.transport, trunk.ca_file)
        if key not in self._transports:
            if len(self._transports) >= MOST_TRANSPORTS:
                raise RejectedError(
                    f"trunk {trunk.name}: this worker has {MOST_TRANSPORTS} transports already; let the TLS trunks "
                    "share one ca_file"
                )
            try:
                self._transports[key] = self._open(trunk)
            except pj.Error as error:
                raise RejectedError(
                    f"trunk {trunk.name}: no {trunk.transport.value} transport can be opened: {error.reason}; "
                    "check its ca_file"
                ) from error
            self.watch_streams(opened=True)
        self._keep_strangers_out(trunk)
        return self._transports[key]

    def _keep_strangers_out(self, trunk: Trunk) -> None:
        """The library listens wherever it may connect from; a trunk may call back, and nobody else."""
        proxy = trunk.outbound_proxy.removeprefix("sip:").partition(":")[0]
        try:
            hosts = {str(IPv4Address(host)) for host in (trunk.host, proxy) if host}
        except ValueError:
            log.warning("trunk_by_name_listens_to_all", trunk=trunk.name)
            return
        self._hosts |= hosts
        if trunk.transport is Transport.TLS:
            self._terms |= dict.fromkeys(hosts, stream_terms(trunk))
        listeners_only_from(self._hosts)

    def _open(self, trunk: Trunk) -> int:
        settings = pj.TransportConfig()
        settings.boundAddress = self._sip_host
        if trunk.transport is Transport.TCP:
            settings.port = self._sip_port
            return int(self._library.transportCreate(pj.PJSIP_TRANSPORT_TCP, settings))
        settings.port = 0  # it listens, too, but nobody is told where
        tls = settings.tlsConfig
        tls.method = pj.PJSIP_TLSV1_2_METHOD
        tls.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2
        tls.CaListFile = trunk.ca_file
        tls.verifyServer = True
        tls.verifyClient = True
        tls.requireClientCert = True
        tls.msecTimeout = TLS_MILLISECONDS
        return int(self._library.transportCreate(pj.PJSIP_TRANSPORT_TLS, settings))

    def _settings(self, trunk: Trunk, target: Target, transport: int) -> pj.AccountConfig:
        settings = self._base_settings()
        settings.idUri = target.caller
        settings.sipConfig.transportId = transport
        if target.proxy:
            settings.sipConfig.proxies.append(target.proxy)
        if trunk.username:
            settings.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", trunk.realm, trunk.username, 0, trunk.password)
            )
        timers = settings.callConfig
        if trunk.session_timer_seconds:
            timers.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
            timers.timerMinSESec = LEAST_SESSION_SECONDS
            timers.timerSessExpiresSec = max(LEAST_SESSION_SECONDS, trunk.session_timer_seconds)
        else:
            timers.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
        media = settings.mediaConfig
        media.srtpUse = _SRTP[trunk.srtp]
        media.srtpSecureSignaling = 0  # whether keys may travel in the clear is the trunks file's matter
        if trunk.srtp is not Srtp.OFF:
            keyings = pj.IntVector()
            keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
            media.srtpOpt.keyings = keyings
        return settings


def _stream_sockets() -> Iterator[int]:
    for entry in Path("/proc/self/fd").iterdir():
        descriptor = int(entry.name)
        with suppress(OSError):
            if not stat.S_ISSOCK(entry.stat().st_mode):
                continue
            borrowed = socket.socket(fileno=descriptor)
            try:
                if (borrowed.family, borrowed.type) == (socket.AF_INET, socket.SOCK_STREAM):
                    # A BYE right behind an ACK would wait 40 ms for the far end to acknowledge the ACK's segment.
                    borrowed.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    yield descriptor
            finally:
                borrowed.detach()
