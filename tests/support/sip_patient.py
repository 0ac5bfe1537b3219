"""A scripted SIP phone for tests: a pjsua2 process of its own that does, for each call, what its programme says.

A programme is a list of acts parted by dots, each with an optional number of milliseconds (or digits) behind a dash:
`ring.answer-300.digits-12.play-440.hangup-1500`. It is found by the dialed user part in `programmes`; an unknown user
part is itself read as the programme. Acts: ring, early, answer, busy, reject, unavailable, silence (nothing more),
digits-12 and info-12 (by RTP or SIP INFO), wait-MS, play-440 (a tone of 440 Hz), say-NAME (an utterance of the speech
fixtures, once), hold-MS and resume-MS (by re-INVITE),
refuse-488 and refuse_once-491 (re-INVITEs from now on, or only the next), hangup-MS, id-X (nothing; makes a user part
of its own). Whatever the phone hears is recorded to `heard-<user>.wav`; what happens to it is written to `log.jsonl`.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pjsua2 as pj

from tests.support.ports import free_udp_block
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
SPOKEN = Path(__file__).with_name("speech") / "ulaw"
POLL_MS = 20
ANSWERS = {"ring": 180, "early": 183, "answer": 200, "unavailable": 480, "busy": 486, "reject": 603}


class SipPatient:
    """The test's side: the phone's address and all that it has seen so far."""

    def __init__(self, folder: Path, port: int, pid: int) -> None:
        self.folder = folder
        self.pid = pid
        self.host = "127.0.0.1"
        self.port = port

    def log(self, user: str | None = None) -> list[dict[str, object]]:
        """What was seen, oldest first, of one dialed user part or of all."""
        path = self.folder / "log.jsonl"
        if not path.exists():
            return []
        lines = [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if user is None or line.get("user") == user]

    def saw(self, what: str, user: str) -> list[dict[str, object]]:
        """The log's lines of one sort about one dialed user part."""
        return [line for line in self.log(user) if line["what"] == what]

    def wait_for(self, what: str, user: str, timeout: float = 10.0) -> dict[str, object]:
        """The first line of one sort about one user part, once there is one."""
        return until(lambda: self.saw(what, user), timeout=timeout, what=f"phone {user} sees {what}")[0]

    def heard(self, user: str) -> Path:
        """The recording of all that was heard by this user part (complete after its `disconnected`)."""
        return self.folder / f"heard-{user}.wav"


@contextmanager
def sip_patient(folder: Path, programmes: Mapping[str, str]) -> Iterator[SipPatient]:
    """A running phone; at most three calls at a time, as the wheel allows four."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_udp_block(20)
    (folder / "programmes.json").write_text(json.dumps(dict(programmes)))
    with (folder / "stderr.txt").open("wb") as complaints:
        command = [sys.executable, "-m", "tests.support.sip_patient", "--folder", str(folder), "--port", str(port)]
        child = subprocess.Popen(command, cwd=REPOSITORY, stdout=complaints, stderr=complaints)
        try:
            patient = SipPatient(folder, port, child.pid)
            until(
                lambda: child.poll() is not None or any(line["what"] == "ready" for line in patient.log()),
                timeout=20,
                what="the scripted phone starts",
            )
            if child.poll() is not None:
                raise AssertionError(f"the scripted phone died: {(folder / 'stderr.txt').read_text()[-2000:]}")
            yield patient
        finally:
            child.terminate()
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@dataclass
class Act:
    """One act of a programme and the moment from which it may be done, once known."""

    name: str
    argument: str
    due: float | None = None

    @property
    def delay(self) -> float:
        """Seconds to wait before it."""
        if self.name in {"id", "refuse", "refuse_once"}:
            return 0.0
        if self.name in {"digits", "info", "play", "say"}:
            return 0.3
        return int(self.argument) / 1000 if self.argument else 0.1


def read_programme(text: str) -> deque[Act]:
    """The acts of a programme in order."""
    parts = (token.partition("-") for token in text.split("."))
    return deque(Act(name, argument) for name, _, argument in parts)


class PhoneCall(pj.Call):  # type: ignore[misc]
    """One call at the phone; callbacks only note what happened."""

    def __init__(self, phone: "Phone", call_id: int, user: str, acts: deque[Act]) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.user = user
        self.acts = acts
        self.audio: pj.AudioMedia | None = None
        self.recorder: pj.AudioMediaRecorder | None = None
        self.tone: pj.ToneGenerator | None = None
        self.voice: pj.AudioMediaPlayer | None = None
        self.refuse = 0  # re-INVITEs, with this status
        self.refuse_once = 0
        self.over = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802, ARG002
        state = self.getInfo()
        self.phone.note(self.user, state.stateText.lower(), status=state.lastStatusCode)
        self.over = state.state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002
        medias = self.getInfo()
        status = medias.media[0].status if len(medias.media) else None
        self.phone.note(self.user, "media", status=status)
        try:
            self.audio = self.getAudioMedia(-1)
            if self.recorder is None:
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(str(self.phone.folder / f"heard-{self.user}.wav"))
            self.audio.startTransmit(self.recorder)
            if self.tone is not None:
                self.tone.startTransmit(self.audio)
        except pj.Error as fault:
            self.phone.note(self.user, "no_media", reason=fault.reason)

    def onCallRxReinvite(self, prm: pj.OnCallRxReinviteParam) -> None:  # noqa: N802
        status, self.refuse_once = self.refuse_once or self.refuse, 0
        self.phone.note(self.user, "reinvited", refused=status)
        if status:
            prm.statusCode = status

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        self.phone.note(self.user, "digit", digit=prm.digit, method=prm.method)


class PhoneAccount(pj.Account):  # type: ignore[misc]
    """The phone's one account, which takes every call."""

    phone: "Phone"

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        self.phone.take(prm.callId, str(prm.rdata.wholeMsg))


@dataclass
class Phone:
    """The process's side: one loop that polls pjsua2 and does what is due."""

    folder: Path
    programmes: dict[str, str]
    account: PhoneAccount = field(init=False)
    calls: list[PhoneCall] = field(default_factory=list)

    def note(self, user: str, what: str, **values: object) -> None:
        """Append one line to the log."""
        line = json.dumps({"at": time.time(), "user": user, "what": what, **values})
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(line + "\n")

    def take(self, call_id: int, message: str) -> None:
        """Begin a call's programme."""
        user = message.split(" ", 2)[1].removeprefix("sip:").partition("@")[0]
        user = unquote(user)
        call = PhoneCall(self, call_id, user, read_programme(self.programmes.get(user, user)))
        self.calls.append(call)
        self.note(user, "invited", call_id=call.getInfo().callIdString)

    def step(self, now: float) -> None:
        """Do whatever is due, and let go of calls that are over."""
        for call in self.calls:
            while call.acts and not call.over:
                act = call.acts[0]
                act.due = now + act.delay if act.due is None else act.due
                if now < act.due:
                    break
                call.acts.popleft()
                try:
                    self.do(call, act)
                except pj.Error as fault:
                    self.note(call.user, "failed", act=act.name, reason=fault.reason)
        for call in [call for call in self.calls if call.over]:
            call.audio = call.recorder = call.tone = call.voice = None
            self.calls.remove(call)
            self.note(call.user, "gone")

    def do(self, call: PhoneCall, act: Act) -> None:
        """One act of a programme."""
        parameters = pj.CallOpParam()
        match act.name:
            case "ring" | "early" | "answer" | "busy" | "reject" | "unavailable":
                parameters.statusCode = ANSWERS[act.name]
                call.answer(parameters)
            case "digits":
                call.dialDtmf(act.argument)
            case "play":
                tone = pj.ToneDesc()
                tone.freq1, tone.on_msec, tone.off_msec = int(act.argument), 1000, 0
                call.tone = pj.ToneGenerator()
                call.tone.createToneGenerator(8000, 1)
                call.tone.play(pj.ToneDescVector([tone]), True)
                if call.audio is not None:
                    call.tone.startTransmit(call.audio)
            case "say":
                call.voice = pj.AudioMediaPlayer()
                call.voice.createPlayer(str(SPOKEN / f"{act.argument}.wav"), pj.PJMEDIA_FILE_NO_LOOP)
                if call.audio is not None:
                    call.voice.startTransmit(call.audio)
            case "info":
                info = pj.CallSendDtmfParam()
                info.method, info.digits = pj.PJSUA_DTMF_METHOD_SIP_INFO, act.argument
                call.sendDtmf(info)
            case "hold":
                call.setHold(parameters)
            case "resume":
                parameters = pj.CallOpParam(True)
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
            case "refuse":
                call.refuse = int(act.argument)
            case "refuse_once":
                call.refuse_once = int(act.argument)
            case "hangup":
                call.hangup(parameters)
            case "id" | "wait":
                pass
            case "silence":
                call.acts.clear()
            case _:
                raise ValueError(f"a programme knows no act called {act.name}")


def start_endpoint(port: int, codec_preferred: str = "PCMU") -> pj.Endpoint:
    """pjsua2 as a phone without a sound card, polled by our own loop."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.maxCalls = 4
    settings.logConfig.level = 2
    settings.logConfig.consoleLevel = 2
    settings.medConfig.clockRate = 8000
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port = port
    transport.boundAddress = "127.0.0.1"
    transport.publicAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 200 if codec.codecId.startswith(codec_preferred) else 0)
    return endpoint


def main() -> None:
    """Be the phone until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))

    endpoint = start_endpoint(arguments.port)
    phone = Phone(arguments.folder, json.loads((arguments.folder / "programmes.json").read_text()))
    account = PhoneAccount()
    account.phone = phone
    phone.account = account
    settings = pj.AccountConfig()
    settings.idUri = f"sip:phone@127.0.0.1:{arguments.port}"
    settings.mediaConfig.transportConfig.port = arguments.port + 2
    settings.mediaConfig.transportConfig.portRange = 16
    settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account.create(settings)
    phone.note("", "ready")
    while not stopping:
        endpoint.libHandleEvents(POLL_MS)
        phone.step(time.monotonic())
    phone.calls.clear()
    account.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
