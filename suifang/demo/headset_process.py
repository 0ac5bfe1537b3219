"""The scripted people's telephones as the demo sees them: a process of phones, told what to say on its stdin."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger(__name__)


class HeadsetProcess:
    """Starts the phones and lets agents speak; what they tell goes to a log file."""

    def __init__(self, agents: Sequence[str], *, port: int, log_file: Path) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._log = log_file.open("ab")
        # Its sound beside its signalling: the ports further up belong to the call workers.
        self._command = [
            sys.executable,
            "-m",
            "suifang.demo.headset",
            "--port",
            str(port),
            "--rtp-base",
            str(port + 10),
        ]
        for agent in agents:
            self._command += ["--agent", agent]
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )

    def revive(self) -> list[str]:
        """Start the phones again if they have died; the node rings them anew."""
        with self._lock:
            if self._process.poll() is None:
                return []
            log.error("headsets_died", status=self._process.returncode)
            self._process = self._start()
            return ["headsets"]

    def address(self, agent: str) -> str:
        """The SIP address at which the agent's headset rings."""
        return f"sip:{agent}@127.0.0.1:{self._port}"

    def say(self, agent: str, files: Sequence[str]) -> None:
        """Let the agent say these files, hearing the patient out in between."""
        if files:
            self._tell(f"say {agent} {' '.join(files)}")

    def hush(self, agent: str) -> None:
        """Stop speaking."""
        self._tell(f"hush {agent}")

    def close(self) -> None:
        """End the phones."""
        try:
            self._tell("quit")
            self._process.wait(timeout=5)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _tell(self, line: str) -> None:
        stream: IO[bytes] | None = self._process.stdin
        if stream is None or self._process.poll() is not None:
            log.error("headsets_gone", status=self._process.returncode)
            return
        with self._lock:
            stream.write(line.encode() + b"\n")
            stream.flush()
