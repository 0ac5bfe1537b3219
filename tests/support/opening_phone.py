"""A phone that plays a file to whoever calls: a pjsua2 process of its own, for judging what is heard of an answer.

The dialed user part says what is done: `answer.NAME` rings, picks up and plays NAME.wav; `early.NAME` plays it before
any answer (183) and then refuses with 480 when it is over; `gone.NAME` picks up, plays it and hangs up at its end; a
number alone is answered with the file of its digits.
"""

import argparse
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pjsua2 as pj

from tests.support.ports import free_udp_block
from tests.support.sip_patient import start_endpoint
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]
POLL_MS = 10
RING_SECONDS = 0.2
STAYS_SECONDS = 30.0
READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPhone:
    """Where it is reached."""

    port: int
    host: str = "127.0.0.1"


@contextmanager
def opening_phone(folder: Path, *, codec: str = "PCMA") -> Iterator[OpeningPhone]:
    """A running phone that plays the WAV files of `folder`; at most four calls at a time."""
    port = free_udp_block(20)
    ready = folder / READY
    ready.unlink(missing_ok=True)
    with (folder / "phone.txt").open("wb") as complaints:
        command = [sys.executable, "-m", "tests.support.opening_phone", "--folder", str(folder)]
        command += ["--port", str(port), "--codec", codec]
        child = subprocess.Popen(command, cwd=REPOSITORY, stdout=complaints, stderr=complaints)
        try:
            until(lambda: child.poll() is not None or ready.exists(), timeout=20, what="the playing phone starts")
            if child.poll() is not None:
                raise AssertionError(f"the playing phone died: {(folder / 'phone.txt').read_text()[-2000:]}")
            yield OpeningPhone(port=port)
        finally:
            child.terminate()
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class PlayingCall(pj.Call):  # type: ignore[misc]
    """One call: ring, play, end."""

    def __init__(self, account: "PhoneAccount", call_id: int, user: str, folder: Path) -> None:
        super().__init__(account, call_id)
        way, _, name = user.rpartition(".")
        self.way = way or "answer"
        name = name.removeprefix("+")
        self.file = folder / f"{name}.wav"
        with wave.open(str(self.file), "rb") as sound:
            self.seconds = sound.getnframes() / sound.getframerate()
        self.begun_at = time.monotonic()
        self.played_at: float | None = None
        self.picked_up = False
        self.audio: pj.AudioMedia | None = None
        self.player: pj.AudioMediaPlayer | None = None
        self.over = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802, ARG002
        state = self.getInfo().state
        self.over = state == pj.PJSIP_INV_STATE_DISCONNECTED
        if state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.picked_up = True

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802, ARG002
        try:
            self.audio = self.getAudioMedia(-1)
        except pj.Error:
            return
        if self.player is not None:
            self.player.startTransmit(self.audio)

    def step(self, now: float) -> None:
        """Do what is due."""
        if self.over:
            return
        if self.played_at is None:
            early = self.way == "early"
            if now - self.begun_at >= RING_SECONDS and not self.picked_up and self.audio is None:
                self.reply(pj.PJSIP_SC_PROGRESS if early else pj.PJSIP_SC_OK)
                self.begun_at = now
            if self.audio is not None and (early or self.picked_up):
                self.player = pj.AudioMediaPlayer()
                self.player.createPlayer(str(self.file), pj.PJMEDIA_FILE_NO_LOOP)
                self.player.startTransmit(self.audio)
                self.played_at = now
        elif now - self.played_at >= (STAYS_SECONDS if self.way == "answer" else self.seconds):
            if self.picked_up:
                self.hangup(pj.CallOpParam())
            else:
                self.reply(pj.PJSIP_SC_TEMPORARILY_UNAVAILABLE)
            self.played_at = now + STAYS_SECONDS

    def reply(self, status: int) -> None:
        """Answer the INVITE."""
        parameters = pj.CallOpParam()
        parameters.statusCode = status
        self.answer(parameters)


class PhoneAccount(pj.Account):  # type: ignore[misc]
    """Takes every call."""

    folder: Path
    calls: list[PlayingCall]

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        user = unquote(prm.rdata.wholeMsg.split(" ", 2)[1].removeprefix("sip:").partition("@")[0])
        call = PlayingCall(self, prm.callId, user, self.folder)
        self.calls.append(call)
        call.reply(pj.PJSIP_SC_RINGING)


def main() -> None:
    """Be the phone until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--codec", default="PCMA")
    arguments = parser.parse_args()
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    endpoint = start_endpoint(arguments.port, arguments.codec)
    account = PhoneAccount()
    account.folder, account.calls = arguments.folder, []
    settings = pj.AccountConfig()
    settings.idUri = f"sip:phone@127.0.0.1:{arguments.port}"
    settings.mediaConfig.transportConfig.port = arguments.port + 2
    settings.mediaConfig.transportConfig.portRange = 16
    settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account.create(settings)
    (arguments.folder / READY).touch()
    while not stopping:
        endpoint.libHandleEvents(POLL_MS)
        for call in list(account.calls):
            call.step(time.monotonic())
            if call.over:
                call.audio = call.player = None
                account.calls.remove(call)
    account.calls.clear()
    account.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
