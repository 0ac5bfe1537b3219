"""A stranger at the far end: baresip, which picks up by itself, speaks a tone and keeps what it hears."""

import shutil
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support.ports import free_udp_block
from tests.support.waiting import until

MODULES = Path("/usr/lib/baresip/modules")
TONE_HERTZ = 440

needs_baresip = pytest.mark.skipif(
    shutil.which("baresip") is None or not MODULES.is_dir(),
    reason="baresip is not installed (Debian: apt-get install baresip)",
)


@dataclass
class Baresip:
    """A running baresip."""

    port: int
    folder: Path

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "screen.txt").read_text(errors="replace")


@contextmanager
def baresip(folder: Path) -> Iterator[Baresip]:
    """baresip on loopback, without a sound card."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_udp_block(12)
    tone = 8000 * np.sin(2 * np.pi * TONE_HERTZ * np.arange(30 * 8000) / 8000)
    with wave.open(str(folder / "tone.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(tone.astype("<i2").tobytes())
    settings = [
        f"sip_listen 127.0.0.1:{port}",
        f"rtp_ports {port + 2}-{port + 11}",
        "net_interface 127.0.0.1",
        f"module_path {MODULES}",
        *(f"module {name}.so" for name in ("g711", "aufile")),
        *(f"module_app {name}.so" for name in ("account", "menu")),
        f"audio_source aufile,{folder}/tone.wav",
        f"audio_player aufile,{folder}/heard.wav",
        "audio_alert aufile,/dev/null",
        *(f"{side}_{what}" for side in ("ausrc", "auplay") for what in ("srate 8000", "channels 1")),
    ]
    (folder / "config").write_text("\n".join([*settings, ""]))
    (folder / "accounts").write_text("<sip:baresip@127.0.0.1>;regint=0;answermode=auto;audio_codecs=pcma\n")
    (folder / "contacts").write_text("")
    running = Baresip(port, folder)
    with (folder / "screen.txt").open("wb") as screen:
        child = subprocess.Popen(
            ["baresip", "-f", str(folder)], stdin=subprocess.DEVNULL, stdout=screen, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: "is ready" in running.log() or child.poll() is not None, timeout=10, what="baresip starts")
        yield running
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
