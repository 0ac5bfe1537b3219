"""A small client of our own HTTP API, for the demo's scripted people."""

from collections.abc import Mapping
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from runtime.identifiers import new_id

PATIENCE_SECONDS = 90


class RefusedByApiError(Exception):
    """The API answered with a problem document; `problem` is the document."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{method} {path}: {status} {problem.get('title', '')} {problem.get('detail', '')}".strip())
        self.status = status
        self.problem = problem


class ApiClient:
    """Speaks for one user. While the API is away (it may be killed in a demo) a request is sent again; the
    idempotency key makes that harmless.
    """

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=f"{base_url}/api/v1", timeout=20.0)

    def log_in(self, login: str, password: str) -> None:
        """Log in, ending an older log-in of this user."""
        answer = self.post("/log-ins", {"login": login, "password": password, "take_over": True})
        self._http.headers["Authorization"] = f"Bearer {answer['token']}"

    def get(self, path: str) -> Any:
        """The JSON answer of a GET."""
        return self._ask("GET", path, None, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:
        """The JSON answer of a POST; `key` makes it the same request in a later run too."""
        return self._ask("POST", path, body or {}, key or new_id())

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of a PUT."""
        return self._ask("PUT", path, body, None)

    def delete(self, path: str) -> Any:
        """The JSON answer of a DELETE."""
        return self._ask("DELETE", path, None, None)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, key: str | None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}

        def once() -> httpx.Response:
            return self._http.request(method, path, json=body, headers=headers)

        response = Retrying(
            retry=retry_if_exception_type(httpx.TransportError),
            wait=wait_exponential(multiplier=0.1, max=1.0),
            stop=stop_after_delay(PATIENCE_SECONDS),
            reraise=True,
        )(once)
        if response.is_error:
            try:
                problem = response.json()
            except ValueError:
                problem = {"title": response.reason_phrase}
            raise RefusedByApiError(method, path, response.status_code, problem)
        return response.json() if response.content else None
