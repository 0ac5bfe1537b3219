"""A SIP caller for tests: dials one number, does what it is told while the call is up, and prints what it met.

Runs as a process of its own, because a fault in the SIP library would end the tests. `CallPlan` says what to do; `dial`
starts the caller and returns a `DialedCall` whose `result` waits for the end.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pjsua2 as pj

from tests.support.ports import free_udp_block

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """What the caller does. Times are seconds after the answer, but for `cancel_after`, which is after the INVITE."""

    target: str  # sip:user@host:port
    caller: str = "caller"  # the number shown
    say: tuple[tuple[float, str], ...] = ()  # when to play which WAV
    keys: tuple[tuple[float, str], ...] = ()
    hang_up_after: float | None = None
    cancel_after: float | None = None
    heard: str | None = None
    give_up_after: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What the caller met."""

    states: tuple[str, ...]
    sip_status: int
    sip_call_id: str
    seconds_to_answer: float | None
    seconds_up: float | None
    ended_by_us: bool
    keys_heard: str


@dataclass
class DialedCall:
    """A call being made."""

    child: subprocess.Popen[str]
    plan: CallPlan

    def result(self) -> CallResult:
        """Wait for the call's end."""
        out, complaints = self.child.communicate(timeout=self.plan.give_up_after + 20)
        lines = [line for line in out.splitlines() if line.startswith('{"states"')]
        assert lines, f"the caller gave no result (exit {self.child.returncode}): {out[-1500:]} {complaints[-1500:]}"
        values = json.loads(lines[-1])
        return CallResult(**(values | {"states": tuple(values["states"])}))


def dial(plan: CallPlan) -> DialedCall:
    """Start a caller."""
    command = [sys.executable, "-m", "tests.support.sip_caller", "--port", str(free_udp_block(12))]
    child = subprocess.Popen(
        [*command, "--plan", json.dumps(asdict(plan))],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return DialedCall(child, plan)


@dataclass
class Caller(pj.Call):  # type: ignore[misc]
    """The call itself; callbacks only note what happened."""

    account: pj.Account
    plan: CallPlan
    states: list[str] = field(default_factory=list)
    answered_at: float | None = None
    ended_at: float | None = None
    sip_status: int = 0
    keys_heard: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.account)
        self.audio: pj.AudioMedia | None = None
        self.recorder: pj.AudioMediaRecorder | None = None
        self.players: list[pj.AudioMediaPlayer] = []

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802, ARG002
        state = self.getInfo()
        self.states.append(state.stateText)
        self.sip_status = state.lastStatusCode
        if state.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.answered_at = time.monotonic()
        if state.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.ended_at = time.monotonic()

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002
        self.audio = self.getAudioMedia(-1)
        if self.plan.heard and self.recorder is None:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.plan.heard)
        if self.recorder is not None:
            self.audio.startTransmit(self.recorder)

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        self.keys_heard += prm.digit

    def play(self, path: str) -> None:
        """Let the far end hear a WAV."""
        player = pj.AudioMediaPlayer()
        player.createPlayer(path, pj.PJMEDIA_FILE_NO_LOOP)
        if self.audio is not None:
            player.startTransmit(self.audio)
        self.players.append(player)


def make_call(endpoint: pj.Endpoint, account: pj.Account, plan: CallPlan) -> CallResult:
    """Dial, do what the plan says and return what was met."""
    call = Caller(account, plan)
    began = time.monotonic()
    call.makeCall(plan.target, pj.CallOpParam(True))
    sip_call_id = call.getInfo().callIdString
    duties = sorted([(at, "say", what) for at, what in plan.say] + [(at, "press", what) for at, what in plan.keys])
    ended_by_us = False
    while call.ended_at is None:
        endpoint.libHandleEvents(20)
        now = time.monotonic()
        up = None if call.answered_at is None else now - call.answered_at
        while duties and up is not None and up >= duties[0][0] and call.ended_at is None:
            _, verb, what = duties.pop(0)
            if verb == "say":
                call.play(what)
            else:
                call.dialDtmf(what)
        over = up is not None and plan.hang_up_after is not None and up >= plan.hang_up_after
        cancelled = up is None and plan.cancel_after is not None and now - began >= plan.cancel_after
        if (over or cancelled or now - began >= plan.give_up_after) and not ended_by_us and call.ended_at is None:
            ended_by_us = True
            call.hangup(pj.CallOpParam())
    call.audio = call.recorder = None
    call.players.clear()
    return CallResult(
        states=tuple(call.states),
        sip_status=call.sip_status,
        sip_call_id=sip_call_id,
        seconds_to_answer=None if call.answered_at is None else call.answered_at - began,
        seconds_up=None if call.answered_at is None else call.ended_at - call.answered_at,
        ended_by_us=ended_by_us,
        keys_heard=call.keys_heard,
    )


def main() -> None:
    """Make one call."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--plan", required=True)
    arguments = parser.parse_args()
    plan = CallPlan(**json.loads(arguments.plan))
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = settings.logConfig.consoleLevel = 1
    settings.medConfig.threadCnt = 0
    settings.medConfig.clockRate = 8000
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port = arguments.port
    transport.boundAddress = transport.publicAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    account = pj.Account()
    line = pj.AccountConfig()
    line.idUri = f"sip:{plan.caller}@127.0.0.1:{arguments.port}"
    line.mediaConfig.transportConfig.boundAddress = line.mediaConfig.transportConfig.publicAddress = "127.0.0.1"
    line.mediaConfig.transportConfig.port = arguments.port + 2
    line.mediaConfig.transportConfig.portRange = 8
    account.create(line)
    result = make_call(endpoint, account, plan)
    print(json.dumps(asdict(result)), flush=True)
    account.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
