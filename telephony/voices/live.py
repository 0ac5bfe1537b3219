"""A live voice: texts spoken while a call is up, by a program of its own that the node never waits for."""

import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from followup.ports import VoiceBusyError
from runtime.private_files import write_private
from telephony.spoken_text import refusal_file
from telephony.voices.spoken_files import SpokenFiles
from telephony.voices.voice_program import VoiceProgram, VoiceProgramError

log = structlog.get_logger(__name__)

WAITING_AT_MOST = 16
REST_SECONDS = 30.0  # between two starts of the program


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A text to be spoken into a file."""

    file: Path
    text: str
    language: str
    given_up_at: float


class LiveVoice:
    """A TextVoice. `speak` only orders; a thread hands one order after another to the program."""

    def __init__(
        self,
        command: tuple[str, ...],
        files: SpokenFiles,
        *,
        patience_seconds: float,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._command = command
        self._files = files
        self._patience = patience_seconds
        self._rest = rest_seconds
        self._orders: queue.Queue[Order | None] = queue.Queue(WAITING_AT_MOST)
        self._ordered: set[Path] = set()
        self._lock = threading.Lock()
        self._program: VoiceProgram | None = None
        self._closing = False
        self._can: frozenset[str] = frozenset()
        self._version = ""
        self._no_start_before = 0.0
        self._thread = threading.Thread(target=self._work, name="live-voice", daemon=True)

    def start(self) -> None:
        """Start the program; until it has said what it can, every text is refused."""
        self._files.prepare()
        self._thread.start()

    def close(self) -> None:
        """Let the program go; what is still ordered is not spoken."""
        with suppress(queue.Full):
            self._orders.put_nowait(None)
        with self._lock:
            self._closing = True
            if self._program is not None:
                self._program.put_down()

    @property
    def languages(self) -> frozenset[str]:
        """What it can speak."""
        return self._can

    def speak(self, text: str, language: str) -> Path:
        """Where the sound of the text is, or will be in a moment."""
        if language not in self._can:
            can = ", ".join(sorted(self._can)) or "nothing yet: its program has not said what it can"
            raise LookupError(f"the live voice speaks {can}")
        with self._lock:
            file = self._files.place(self._version, language, text)
            if file in self._ordered or self._files.touch(file):
                return file
            refusal_file(file).unlink(missing_ok=True)
            given_up_at = time.monotonic() + self._patience
            try:
                self._orders.put_nowait(Order(file=file, text=text, language=language, given_up_at=given_up_at))
            except queue.Full:
                raise VoiceBusyError(f"{WAITING_AT_MOST} texts wait to be spoken already; ask again") from None
            self._ordered.add(file)
        return file

    # --- the thread of its own ---

    def _work(self) -> None:
        self._bring_up()
        while True:
            try:
                order = self._orders.get(timeout=self._rest)
            except queue.Empty:
                self._bring_up()
                continue
            if order is None or self._closing:
                return
            began = time.monotonic()
            reason = self._spoken(order)
            with self._lock:
                if reason:
                    write_private(refusal_file(order.file), reason)
                self._ordered.discard(order.file)
            log.info(
                "text_spoken",
                file=order.file.stem,
                language=order.language,
                characters=len(order.text),
                seconds=round(time.monotonic() - began, 3),
                refused=reason or None,
            )
            self._files.tidy()

    def _spoken(self, order: Order) -> str:
        """Have it spoken; the reason why it is not."""
        if time.monotonic() > order.given_up_at:
            return "too many texts were to be spoken before this one"
        self._bring_up()
        if self._program is None:
            return "the program of the live voice has ended and is started again soon"
        try:
            return self._program.speak(order.text, order.language, order.file)
        except VoiceProgramError as fault:
            self._program = None
            if not self._closing:
                log.warning("live_voice_lost", reason=str(fault))
            return f"the program of the live voice cannot be used: {fault}"

    def _bring_up(self) -> None:
        """Start the program unless it lives or was started a moment ago."""
        if self._program is not None or time.monotonic() < self._no_start_before:
            return
        self._no_start_before = time.monotonic() + self._rest
        try:
            program = VoiceProgram.start(self._command)
        except VoiceProgramError as fault:
            log.warning("live_voice_missing", reason=str(fault))
            return
        with self._lock:
            self._can, self._version = program.languages, program.version
            self._program = program
            if self._closing:
                program.put_down()
        log.info("live_voice_started", pid=program.child.pid, languages=sorted(program.languages))
