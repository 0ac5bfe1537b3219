"""The node's end of one call worker's socket: commands out, answers matched to them, events in."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from pathlib import Path

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from telephony.call_control import UnreachableError
from telephony.sip.wire import Ack, Answer, Command, Event, Hello, LineBuffer, Request, decode_from_worker, encode

READ_SIZE = 65536
SEND_PATIENCE_SECONDS = 2.0  # a worker that reads nothing for so long is taken for hung


def connect(path: Path, *, patience_seconds: float, alive: Callable[[], bool]) -> socket.socket:
    """A connection to the worker listening at `path`; OSError when it does not listen in time or is dead."""

    def once() -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            raise
        line.settimeout(SEND_PATIENCE_SECONDS)
        return line

    patient = Retrying(
        retry=retry_if_exception(lambda fault: isinstance(fault, OSError) and alive()),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(patience_seconds),
        reraise=True,
    )
    return patient(once)


class WorkerLink:
    """One connection. `ask` and `acknowledge` may be called by any thread, `read` by one only."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._buffer = LineBuffer()
        self._numbers = count(1)
        self._asked: dict[int, Future[Answer]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def fileno(self) -> int:
        """For a selector."""
        return self._line.fileno()

    def ask(self, request: Request) -> Future[Answer]:
        """Send a command; its answer fills the future, which fails with UnreachableError when the link ends first."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._closed:
                answer.set_exception(UnreachableError("the call worker has gone away"))
                return answer
            number = next(self._numbers)
            self._asked[number] = answer
            try:
                self._line.sendall(encode(Command(seq=number, request=request)))
            except OSError as fault:
                del self._asked[number]
                # Part of the line may have left, and the worker may act on what the system still holds.
                answer.set_exception(UnreachableError(f"the call worker does not listen: {fault}", anything_sent=True))
        return answer

    def acknowledge(self, number: int) -> None:
        """Tell the worker that every event up to this number is stored; a dead one is told by its journal."""
        with self._lock:
            if not self._closed:
                self._line.sendall(encode(Ack(ack=number)))

    def read(self) -> list[Hello | Event] | None:
        """What has come, answers already given to their askers; None when the connection has ended."""
        try:
            chunk = self._line.recv(READ_SIZE)
        except OSError:
            return None
        if not chunk:
            return None
        heard: list[Hello | Event] = []
        for line in self._buffer.feed(chunk):
            message = decode_from_worker(line)
            if isinstance(message, Answer):
                self._answered(message)
            else:
                heard.append(message)
        return heard

    def close(self) -> None:
        """End the connection; whoever still waits for an answer hears that none will come."""
        with self._lock:
            self._closed = True
            waiting = list(self._asked.values())
            self._asked.clear()
            self._line.close()
        for answer in waiting:
            answer.set_exception(UnreachableError("the call worker went away before it answered"))

    def _answered(self, answer: Answer) -> None:
        with self._lock:
            waiting = self._asked.pop(answer.answer, None)
        if waiting is not None:
            waiting.set_result(answer)
