"""A language model's endpoint on loopback, in the published shape of chat completions; it says what a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(kw_only=True)
class LanguageModelServer:
    """What it answers next, and everything it was asked."""

    url: str = ""
    status: int = 200
    content: str = '{"sentences": []}'
    body: bytes | None = None  # instead of a completion
    released: threading.Event = field(default_factory=threading.Event)  # unset: it thinks on
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def says(self, *sentences: tuple[str, list[int]]) -> None:
        """Answer with these sentences and the turns they name."""
        self.content = json.dumps({"sentences": [{"text": text, "turns": turns} for text, turns in sentences]})


@contextmanager
def language_model() -> Iterator[LanguageModelServer]:
    """The server, as long as the test lasts."""
    told = LanguageModelServer()
    told.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions"
            assert {"model", "messages"} <= set(request)
            assert all({"role", "content"} == set(message) for message in request["messages"])
            assert request["response_format"]["type"] == "json_schema"
            assert {"name", "schema", "strict"} <= set(request["response_format"]["json_schema"])
            told.asked.append(request)
            told.keys.append(self.headers.get("Authorization", ""))
            told.released.wait(30)
            completion = {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": request["model"],
                "choices": [
                    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": told.content}}
                ],
            }
            body = told.body if told.body is not None else json.dumps(completion).encode()
            try:
                self.send_response(told.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                return  # whoever asked has given up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: the test says what it saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
