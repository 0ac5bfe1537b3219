"""The pjsua2 endpoint of a worker: the library's life, its transport, account, codecs and limits.

Only one thread may touch it. The stock wheel aborts its whole process on misuse: what it cannot
bear is refused here.
"""

import ctypes
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import LegId
from telephony.call_control import Trunk
from telephony.sip.calls import LegCall, Signals, WorkerAccount
from telephony.sip.config import WorkerConfig
from telephony.sip.connections_log import TellingEndpoint
from telephony.sip.far_names import FarNames
from telephony.sip.media_clock import MediaClock
from telephony.sip.outgoing import Outgoing
from telephony.sip.targets import Target, first_hop
from telephony.sip.trunk_call import TrunkCall
from telephony.sip.trunk_lines import TrunkLines

log = structlog.get_logger(__name__)

# What we speak, best first; whatever is not named is switched off.
CODECS = {"PCMA/8000": 255, "PCMU/8000": 254}
CALLS_PER_CONVERSATION = 4  # patient, agent, third party, supervisor
SESSION_SECONDS = 90  # session timer: the net under a worker that died without a BYE


class EndpointError(Exception):
    """The endpoint cannot start; the text says why and what to do."""


class TokenBucket:
    """How many new calls may begin now: the stock wheel aborts after some dozens within a second."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._size = max(per_second, 1.0)
        self._tokens = self._size
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Whether one more may begin."""
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Endpoint:
    """A running endpoint with one UDP transport and one account, made in the only order that does not abort."""

    def __init__(self, config: WorkerConfig, signals: Signals) -> None:
        self._signals = signals
        self._config = config
        self._library = TellingEndpoint()
        self.native = NativeLibrary()
        self.native.silence_log()
        self._library.libCreate()
        try:
            self._library.libInit(self._settings())
            self._clock = MediaClock(
                self.native.functions, sample_rate=config.clock_rate, frame_milliseconds=config.frame_milliseconds
            )
            self._master_port = self.native.take_master_port()
            transport = pj.TransportConfig()
            transport.port = config.sip_port
            transport.boundAddress = config.sip_host
            udp = self._library.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
            self._library.libStart()
            self._outgoing = Outgoing()
            self.names = FarNames()
            self._set_codecs()
            self.awaited: dict[str, LegId] = {}  # by token: legs that other workers are about to bring
            self._account = self._new_account()
            self._account.create(self._account_settings())
            self.lines = TrunkLines(
                self._library,
                sip_host=config.sip_host,
                sip_port=config.sip_port,
                udp_transport=int(udp),
                new_account=self._new_account,
                base_settings=self._account_settings,
            )
        except pj.Error as error:
            self._library.libDestroy()
            raise EndpointError(
                f"SIP endpoint at {config.sip_host}:{config.sip_port} cannot start: {error.reason}; "
                "free the port or choose another sip_port"
            ) from error
        self.native.set_transaction_limit(config.no_reply_seconds)
        self.call_limit = self.native.call_limit()

    @property
    def conversations(self) -> int:
        """How many conversations the library's call limit allows."""
        return max(1, self.call_limit // CALLS_PER_CONVERSATION)

    @property
    def clock_running(self) -> bool:
        """Whether the conference bridge ticks."""
        return self._clock.running

    def poll(self) -> None:
        """Let the library do what is due; callbacks run inside. What is left over is still readable, and comes next."""
        self._library.libHandleEvents(0)
        self.lines.watch_streams()
        self._clock.tick()

    def play(self, others: select.epoll, until: float) -> None:
        """Let sound flow until one of `others` is readable, a callback has noted something, or `until`."""
        self._clock.run(others, self._signals, until)

    def sip_socket(self) -> socket.socket:
        """A duplicate of the SIP transport's socket, only to be waited on."""
        for descriptor in _socket_descriptors():
            with suppress(OSError):
                found = socket.socket(fileno=os.dup(descriptor))
                if found.type == socket.SOCK_DGRAM and found.getsockname()[1:2] == (self._config.sip_port,):
                    return found
                found.close()
        raise EndpointError(f"no UDP socket on port {self._config.sip_port} in this process; report it as a fault")

    def run_clock(self, *, wanted: bool) -> None:
        """Let the conference bridge tick or rest: an idle clock costs about one percent of a core."""
        if wanted and not self._clock.running:
            self._clock.start(self._master_port)
        elif not wanted:
            self._clock.stop()

    def invite(self, call: LegCall, target: Target, *, leaving: Callable[[str], None]) -> None:
        """Send the INVITE, once its text has been shown to `leaving`."""
        prm = pj.CallOpParam(True)
        prm.opt.audioCount = 1
        prm.opt.videoCount = 0
        prm.txOption.localUri = target.caller
        if target.asserted_identity:
            asserted = pj.SipHeader()
            asserted.hName, asserted.hValue = "P-Asserted-Identity", target.asserted_identity
            prm.txOption.headers.append(asserted)
        self._outgoing.leaving = leaving
        try:
            call.makeCall(target.uri, prm)
        finally:
            self._outgoing.leaving = None
        self.lines.watch_streams(opened=True)

    def show_later_invites(self, leaving: Callable[[str], None]) -> None:
        """Show the text of every INVITE but a call's first to `leaving`, before it leaves."""
        self._outgoing.again = leaving

    def new_call(self, leg_id: LegId, trunk: Trunk, target: Target) -> LegCall:
        """A call object on the trunk's own account."""
        self.names.know(trunk, first_hop(target))
        account = self.lines.account_for(trunk, target)
        call = TrunkCall(account, leg_id, self._signals, trunk, rtp_sources=self._config.rtp_sources)
        self.lines.keep(call, trunk, target)
        return call

    def register(self, account: WorkerAccount, trunk: Trunk, *, seconds: int, retry_seconds: int) -> None:
        """Let the account register the trunk's number with its registrar, and keep it so."""
        self.names.know(trunk, trunk.outbound_proxy.removeprefix("sip:") or f"{trunk.host}:{trunk.port}")
        settings = self.lines.registering_settings(trunk)
        settings.regConfig.timeoutSec = seconds
        settings.regConfig.retryIntervalSec = settings.regConfig.firstRetryIntervalSec = retry_seconds
        account.create(settings)
        self.lines.watch_streams(opened=True)

    def verify(self, target: Target) -> bool:
        """Whether the library can read the target's address."""
        return bool(self._library.utilVerifyUri(target.uri) == pj.PJ_SUCCESS)

    def close(self) -> None:
        """End the library. Every call, player and recorder must have been let go before."""
        self.lines.close()
        self._account.shutdown()
        del self._account
        self._library.libDestroy()

    def _settings(self) -> pj.EpConfig:
        settings = pj.EpConfig()
        settings.uaConfig.threadCnt = 0
        settings.uaConfig.mainThreadOnly = True
        settings.uaConfig.maxCalls = 32  # silently clamped to what was compiled in; `call_limit` asks for the truth
        settings.uaConfig.userAgent = "Suifang"
        settings.logConfig.level = 0  # its lines hold numbers
        settings.logConfig.consoleLevel = 0
        media = settings.medConfig
        media.clockRate = self._config.clock_rate
        media.sndClockRate = self._config.clock_rate
        media.audioFramePtime = self._config.frame_milliseconds
        media.channelCount = 1
        media.hasIoqueue = False  # RTP is read by our own polling, without a thread
        media.threadCnt = 0
        media.noVad = True
        media.ecTailLen = 0
        media.sndAutoCloseTime = -1
        return settings

    def _new_account(self) -> WorkerAccount:
        return WorkerAccount(self._signals, awaited=self.awaited, rtp_sources=self._config.rtp_sources)

    def _account_settings(self) -> pj.AccountConfig:
        settings = pj.AccountConfig()
        settings.idUri = f"<sip:suifang@{self._config.sip_host}>"
        settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        settings.callConfig.timerMinSESec = SESSION_SECONDS
        settings.callConfig.timerSessExpiresSec = SESSION_SECONDS
        settings.natConfig.contactRewriteUse = 0
        settings.natConfig.viaRewriteUse = 0
        settings.natConfig.sdpNatRewriteUse = 0
        settings.natConfig.sipOutboundUse = 0
        rtp = settings.mediaConfig.transportConfig
        rtp.port = self._config.rtp_base
        rtp.portRange = self._config.rtp_count - 2
        rtp.boundAddress = self._config.sip_host
        settings.mediaConfig.ipv6Use = pj.PJSUA_IPV6_DISABLED
        return settings

    def _set_codecs(self) -> None:
        codecs = self._library.codecEnum2()
        for index in range(len(codecs)):
            name = codecs[index].codecId
            priority = next((rank for prefix, rank in CODECS.items() if name.startswith(prefix)), 0)
            self._library.codecSetPriority(name, priority)


class NativeLibrary:
    """The few C functions that the Python binding leaves out."""

    def __init__(self) -> None:
        module = sys.modules.get("pjsua2._pjsua2") or sys.modules["_pjsua2"]
        self.functions = self._functions = ctypes.CDLL(str(module.__file__))
        self._functions.pjmedia_wav_writer_port_get_pos.argtypes = [ctypes.c_void_p]
        self._functions.pjmedia_wav_writer_port_get_pos.restype = ctypes.c_ssize_t

    def silence_log(self) -> None:
        """Keep the library from writing to stdout before its own settings are read."""
        self._functions.pj_log_set_level(0)

    def take_master_port(self) -> int:
        """Take the conference bridge from every sound device; whoever pulls frames from this port is its clock."""
        self._functions.pjsua_set_no_snd_dev.restype = ctypes.c_void_p
        port = self._functions.pjsua_set_no_snd_dev()
        if not port:
            raise EndpointError("the library has no conference bridge; report it as a fault")
        return int(port)

    def call_limit(self) -> int:
        """The number of calls the library was compiled for, whatever was asked of it."""
        return int(self._functions.pjsua_call_get_max_count())

    def call_count(self) -> int:
        """How many calls the library holds: one we cancelled stays until the far end or its time-out has spoken."""
        return int(self._functions.pjsua_call_get_count())

    def set_transaction_limit(self, seconds: float) -> None:
        """Give up a request that nobody answers after `seconds` (32 by the book: a dead trunk would block a line)."""
        self._functions.pjsip_tsx_set_timers(0, 0, 0, int(seconds * 1000))

    def recorded_bytes(self, recorder: int) -> int:
        """How many bytes of sound a recorder has taken in; `recorder` is the library's own index of a living one."""
        port = ctypes.c_void_p()
        if self._functions.pjsua_recorder_get_port(recorder, ctypes.byref(port)) != 0:
            raise EndpointError(f"recorder {recorder} has no port; report it as a fault")
        return int(self._functions.pjmedia_wav_writer_port_get_pos(port))


def _socket_descriptors() -> Iterator[int]:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()).startswith("socket:"):
                yield int(entry.name)
