"""Registration of our own number with a carrier that wants it: only the front worker registers."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import LegId
from runtime.clock import WorkerClock
from telephony.call_control import RejectedError, Trunk
from telephony.sip.calls import Signals, WorkerAccount, guarded
from telephony.sip.endpoint import Endpoint
from telephony.sip.rtp_guard import RtpSources
from telephony.sip.wire import Register

log = structlog.get_logger(__name__)

RETRY_SECONDS = 30  # after a refusal or silence; doubled by nothing, for one REGISTER in 30 s burdens nobody
GOOD = range(200, 300)


class RegisteringAccount(WorkerAccount):
    """An account that a registrar knows; calls for our number come to it like any other."""

    def __init__(
        self,
        signals: Signals,
        *,
        awaited: Mapping[str, LegId],
        rtp_sources: RtpSources,
        trunk: Trunk,
        file: Path,
        clock: WorkerClock,
    ) -> None:
        super().__init__(signals, awaited=awaited, rtp_sources=rtp_sources)
        self._trunk = trunk
        self._file = file
        self._clock = clock
        self.registered = False
        self.farewell_open = False  # un-REGISTER was sent and not answered

    @guarded
    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        """Say how the registration stands, in the log and in the file that `doctor` reads."""
        self.farewell_open = False
        self.registered = prm.code in GOOD and prm.expiration > 0
        event = "registered" if self.registered else "unregistered" if prm.code in GOOD else "registration_refused"
        say = log.info if prm.code in GOOD else log.error
        say(event, trunk=self._trunk.name, status=prm.code, seconds=prm.expiration)
        _write_standing(self._file, self._trunk.name, event, prm.code, prm.expiration, self._clock.now())


class Registrations:
    """The registrations of one worker."""

    def __init__(self, *, endpoint: Endpoint, signals: Signals, rtp_sources: RtpSources, clock: WorkerClock) -> None:
        self._endpoint = endpoint
        self._signals = signals
        self._rtp_sources = rtp_sources
        self._clock = clock
        self._accounts: dict[str, RegisteringAccount] = {}

    def begin(self, request: Register) -> None:
        """Register, and again before it runs out, until `end`; a trunk that is registered already stays so."""
        trunk = request.trunk
        if trunk.name in self._accounts:
            return
        if self._accounts:
            raise RejectedError(f"trunk {trunk.name}: this worker is registered with another trunk already")
        if not trunk.username:
            raise RejectedError(f"trunk {trunk.name}: registering needs a username; give the trunk one")
        account = RegisteringAccount(
            self._signals,
            awaited=self._endpoint.awaited,
            rtp_sources=self._rtp_sources,
            trunk=trunk,
            file=request.standing,
            clock=self._clock,
        )
        try:
            self._endpoint.register(account, trunk, seconds=request.seconds, retry_seconds=RETRY_SECONDS)
        except pj.Error as error:
            raise RejectedError(
                f"trunk {trunk.name}: cannot be registered: {error.reason}; correct the trunk"
            ) from error
        self._accounts[trunk.name] = account

    def end(self) -> None:
        """Take our number out of every registrar."""
        for account in self._accounts.values():
            if account.registered:
                account.farewell_open = True
                account.setRegistration(False)

    @property
    def over(self) -> bool:
        """Whether no registrar still owes us an answer."""
        return not any(account.farewell_open for account in self._accounts.values())

    def close(self) -> None:
        """Let go of the accounts."""
        for account in self._accounts.values():
            account.shutdown()
        self._accounts.clear()


def _write_standing(file: Path, trunk: str, event: str, status: int, seconds: int, now: datetime) -> None:
    standing = {"trunk": trunk, "standing": event, "sip_status": status, "seconds": seconds, "at": now.isoformat()}
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(standing))
    draft.rename(file)
