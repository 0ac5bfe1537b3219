"""A voice program: a child that says what it can, then answers one JSON line for each text. No text is ever logged."""

import json
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

PACKAGE_ROOT = Path(__file__).parents[2]
HELLO_SECONDS = 20.0
RENDER_SECONDS = 30.0  # a program that takes longer for one text hangs
NICE = 5  # calls go first


class VoiceProgramError(Exception):
    """A program that cannot be used any more; it has been put down."""


@dataclass(slots=True, kw_only=True)
class VoiceProgram:
    """The program while it lives, and what it said it can.

    It says `{"languages": […], "version": "…"}` first; then for each line `{"text", "language", "file"}` it leaves a
    mono 8 kHz WAV at `file`, whole from the moment it is there, and answers `{}`, or `{"reason": "…"}` when it cannot.
    """

    child: subprocess.Popen[bytes] = field(repr=False)
    languages: frozenset[str] = frozenset()
    version: str = ""

    @classmethod
    def start(cls, command: tuple[str, ...]) -> "VoiceProgram":
        """Start it, with files that only we may read."""
        try:
            child = subprocess.Popen(
                ["/usr/bin/env", "nice", "-n", str(NICE), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                umask=0o077,
                cwd=PACKAGE_ROOT,
            )
        except OSError as error:
            raise VoiceProgramError(f"it cannot be started: {error.strerror}") from error
        program = cls(child=child)
        hello = program._exchange(None, HELLO_SECONDS)
        languages = hello.get("languages")
        if not isinstance(languages, list) or not languages:
            program.put_down()
            raise VoiceProgramError("its first line names no languages")
        program.languages = frozenset(str(language) for language in languages)
        program.version = str(hello.get("version", ""))
        return program

    def speak(self, text: str, language: str, file: Path) -> str:
        """Let it leave the sound at `file`; why it did not, in its words."""
        answer = self._exchange({"text": text, "language": language, "file": str(file)}, RENDER_SECONDS)
        reason = str(answer.get("reason", ""))
        return reason if reason or file.is_file() else "the program of the voice left no file"

    def put_down(self) -> None:
        """End it."""
        self.child.kill()
        self.child.wait()

    def _exchange(self, line: Mapping[str, str] | None, seconds: float) -> dict[str, object]:
        watchdog = threading.Timer(seconds, self.child.kill)  # a killed child's pipe ends, and so does our reading
        watchdog.daemon = True
        watchdog.start()
        try:
            if self.child.stdin is None or self.child.stdout is None:
                raise VoiceProgramError("it has no pipes")
            if line is not None:
                self.child.stdin.write(json.dumps(line).encode() + b"\n")
                self.child.stdin.flush()
            answer = json.loads(self.child.stdout.readline() or b"null")
        except (OSError, ValueError) as error:
            self.put_down()
            raise VoiceProgramError("what it says is not one JSON object on a line") from error
        finally:
            watchdog.cancel()
        if not isinstance(answer, dict):
            self.put_down()
            raise VoiceProgramError("it ended, or was ended because it hung")
        return answer
