"""How large a request's body may be, whether it says its length or not."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.failures import problem_of

LARGEST_BODY = 1_048_576
LARGEST_LIST = 32 * LARGEST_BODY
LISTS = "/api/v1/imports"
"""Whole files come in here; everything else is small."""


class BodyLimit:
    """ASGI middleware: a body that says it is too large is not read, one that turns out to be is not read on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the body is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest = LARGEST_LIST if scope["path"].startswith(LISTS) else LARGEST_BODY
        announced = Request(scope).headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > largest:
            await problem_of(_too_large()).answer()(scope, receive, send)
            return
        read = 0

        async def receive_so_much() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > largest:
                raise _too_large()
            return message

        await self._app(scope, receive_so_much, send)


def _too_large() -> HTTPException:
    return HTTPException(413)
