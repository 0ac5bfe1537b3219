"""A speech server on loopback, in the published shape of OpenAI's audio/transcriptions; it says what a test wants."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import soundfile

_FIELDS = {"file", "model", "language", "response_format", "temperature", "timestamp_granularities[]", "prompt"}


@dataclass(kw_only=True)
class SpeechServer:
    """What it answers, and everything it was asked."""

    url: str = ""
    status: int = 200
    body: bytes | None = None  # instead of `answer`
    answer: dict[str, Any] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)  # unset: it thinks on
    ended: threading.Event = field(default_factory=threading.Event)
    drips: bool = False  # byte by byte, for ever
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    heard_seconds: list[float] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@contextmanager
def speech_server() -> Iterator[SpeechServer]:
    """The server, as long as the test lasts."""
    told = SpeechServer()
    told.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/audio/transcriptions"
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            message = BytesParser(policy=HTTP).parsebytes(head + self.rfile.read(int(self.headers["Content-Length"])))
            fields: dict[str, list[str]] = {}
            for part in message.iter_parts():
                name = str(part.get_param("name", header="content-disposition"))
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                if name == "file":
                    sound, rate = soundfile.read(io.BytesIO(content))
                    assert (sound.ndim, rate) == (1, 16_000)
                    told.heard_seconds.append(sound.size / rate)
                else:
                    fields.setdefault(name, []).append(content.decode())
            assert set(fields) <= _FIELDS
            assert fields["response_format"] == ["verbose_json"]  # the only one that may ask for times of words
            told.asked.append(fields)
            told.keys.append(self.headers.get("Authorization", ""))
            told.released.wait(30)
            body = told.body if told.body is not None else json.dumps(told.answer).encode()
            try:
                self.send_response(told.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body) + (10**6 if told.drips else 0)))
                self.end_headers()
                self.wfile.write(body)
                while told.drips and not told.ended.wait(0.02):
                    self.wfile.write(b" ")
            except (BrokenPipeError, ConnectionResetError):
                return  # whoever asked has given up

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield told
    finally:
        told.released.set()
        told.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
