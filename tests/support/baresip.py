"""A stranger as patient or headset: baresip, which picks up by itself, speaks a tone and needs no sound card."""

import json
import re
import shutil
import socket
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.ports import free_udp_block
from tests.support.sipp import listens
from tests.support.waiting import until

TONE_HERTZ = 440
PORTS = 40  # SIP, and the RTP of a few calls
COMMANDS_OFFSET, RTP_OFFSET = 4, 10

needs_baresip = pytest.mark.skipif(
    shutil.which("baresip") is None, reason="baresip is not installed (Debian: apt-get install baresip-core)"
)


@dataclass(frozen=True, slots=True)
class Baresip:
    """A running baresip."""

    port: int
    folder: Path

    def hang_up(self) -> None:
        """Let it end the call it is in."""
        self.command("hangup")

    def command(self, name: str, params: str = "") -> None:
        """Do one of its commands: hangup, hold, resume, dial (whom), sndcode (a key), …"""
        request = json.dumps({"command": name, "params": params}).encode()
        with socket.create_connection(("127.0.0.1", self.port + COMMANDS_OFFSET), timeout=5) as line:
            line.sendall(b"%d:%s," % (len(request), request))
            line.recv(4096)

    def heard(self) -> Path:
        """Where it keeps what it hears in its newest call; only with `keeps_sound`."""
        return max(self.folder.glob("dump-*-dec.wav"), key=lambda file: file.stat().st_mtime_ns)

    def log(self) -> str:
        """What it wrote about its calls, without the colors."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self.folder / "output.txt").read_text(errors="replace"))


@contextmanager
def baresip(
    folder: Path,
    *,
    user: str = "baresip",
    hertz: int = TONE_HERTZ,
    port: int | None = None,
    encryption: str = "",
    keeps_sound: bool = False,
    says: NDArray[np.float64] | None = None,
) -> Iterator[Baresip]:
    """baresip as `user`, speaking a tone of half a minute into each call; it takes PORTS from `port` on.

    `encryption` is its own word for what it asks of the sound: srtp, srtp-mand. With `keeps_sound` it writes down what
    it hears. What it `says` takes the tone's place: 8 kHz, between -1 and 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_udp_block(PORTS)
    if says is None:
        says = 8000 / 32768 * np.sin(2 * np.pi * hertz * np.arange(30 * 8000) / 8000)
    with wave.open(str(folder / "says.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes((32767 * says).astype("<i2").tobytes())
    settings = [
        f"sip_listen 127.0.0.1:{port}",
        "net_interface 127.0.0.1",  # by its name, lo counts as no network
        f"rtp_ports {port + RTP_OFFSET}-{port + PORTS - 1}",
        f"audio_source aufile,{folder}/says.wav",
        # Half an audio bridge is a sound card that nobody listens to.
        "audio_player aubridge,nobody",
        "audio_alert aubridge,nobody",
        *("ausrc_srate 8000", "auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1"),
        "call_hold_other_calls no",
        f"module_path {_modules()}",
        *(f"module {name}.so" for name in ("g711", "aufile", "aubridge", "ctrl_tcp", "srtp")),
        *(("module sndfile.so", f"snd_path {folder}") if keeps_sound else ()),
        *(f"module_app {name}.so" for name in ("account", "menu")),
        f"ctrl_tcp_listen 127.0.0.1:{port + COMMANDS_OFFSET}",
    ]
    (folder / "config").write_text("\n".join(settings) + "\n")
    account = f"<sip:{user}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs=PCMA,PCMU"
    if encryption:
        account += f";mediaenc={encryption}"
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").touch()
    with (folder / "output.txt").open("wb") as output:
        child = subprocess.Popen(
            ["baresip", "-4", "-f", str(folder)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    running = Baresip(port, folder)
    try:
        until(
            lambda: child.poll() is not None or (listens(port) and "baresip is ready" in running.log()),
            timeout=10,
            what="baresip listens",
        )
        assert child.poll() is None, f"baresip ended with {child.returncode}: {running.log()[-2000:]}"
        yield running
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _modules() -> Path:
    program = shutil.which("baresip")
    assert program is not None
    prefix = Path(program).resolve().parent.parent
    return next(folder.parent for folder in sorted(prefix.glob("lib*/**/baresip/modules/g711.so")))
