"""The edge of a request: its one unit of work, committed before the answer leaves, and the stored answer in it."""

import json
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from api.problems import Kind, Problem, documented
from api.wiring import Wiring, wiring_of
from db.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

_ALWAYS = (Kind.INVALID_REQUEST, Kind.INTERNAL_ERROR, Kind.UNAVAILABLE)


class UndeclaredRouteError(Exception):
    """A route says nothing about who may call it, or a commanding one takes no Idempotency-Key."""


class ReplayedAnswer(Exception):  # noqa: N818 not an error: the work was done before
    """The request was answered before under its Idempotency-Key; the same answer is given again."""

    def __init__(self, status: int, body: dict[str, object] | None) -> None:
        super().__init__()
        self.status = status
        self.body = body


class Declaration:
    """A dependency that says who may call a route; every route has exactly one."""

    who: tuple[str, ...] = ()  # roles; empty is everyone, logged in or not
    problems: tuple[Kind, ...] = ()
    takes_key = False
    repeatable = ""  # why a POST needs no Idempotency-Key


class Edge:
    """One request's transaction, opened by whoever first needs it."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._uow: UnitOfWork | None = None
        self.answer_key: tuple[str, str] | None = None  # user and Idempotency-Key, once claimed

    async def unit(self) -> UnitOfWork:
        """The request's unit of work."""
        if self._uow is None:
            await self._wiring.slots.acquire()
            uow = self._wiring.units()
            try:
                await run_in_threadpool(uow.__enter__)
            except BaseException:
                self._wiring.slots.release()
                raise
            self._uow = uow
        return self._uow

    async def commit(self, response: Response | None = None) -> None:
        """Store the answer under its key, if it has one, and make everything so."""
        if self._uow is not None:
            await run_in_threadpool(self._commit, self._uow, response)

    async def close(self) -> None:
        """Roll back what was not committed and give the connection back."""
        if self._uow is not None:
            try:
                await run_in_threadpool(self._uow.__exit__, None, None, None)
            finally:
                self._uow = None
                self._wiring.slots.release()

    def _commit(self, uow: UnitOfWork, response: Response | None) -> None:
        if response is not None and self.answer_key is not None:
            user_id, key = self.answer_key
            body = json.loads(bytes(response.body)) if response.body else None
            uow.users.keep_answer(user_id, key, response.status_code, body, patient_ids=uow.care_team.opened)
        uow.commit()


def edge_of(request: Request) -> Edge:
    """The edge of this request."""
    edge: Edge = request.state.edge
    return edge


async def unit_of_work(request: Request) -> UnitOfWork:
    """The request's unit of work; the edge commits it, nobody else."""
    return await edge_of(request).unit()


Work = Annotated[UnitOfWork, Depends(unit_of_work)]


class Route(APIRoute):
    """A route whose whole work is one transaction: committed on success, rolled back on any problem."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.declaration = self._declared()
        self.openapi_extra = {**(self.openapi_extra or {}), "x-roles": list(self.declaration.who)}
        of_body = (Kind.MALFORMED_JSON, Kind.BODY_TOO_LARGE) if self.body_field else ()
        self.responses = documented(self.responses, (*_ALWAYS, *of_body, *self.declaration.problems))

    def _declared(self) -> Declaration:
        calls: list[object] = [part.call for part in self.dependant.dependencies]
        found = [call for call in calls if isinstance(call, Declaration)]
        if len(found) != 1:
            raise UndeclaredRouteError(f"{self.path}: it must say once who may call it, and says so {len(found)} times")
        declaration = found[0]
        if "POST" in (self.methods or ()) and not declaration.takes_key and not declaration.repeatable:
            raise UndeclaredRouteError(f"{self.path}: a POST takes an Idempotency-Key, or says why it may be repeated")
        return declaration

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler inside its transaction."""
        answer = super().get_route_handler()

        async def answer_in_one_transaction(request: Request) -> Response:
            started = time.monotonic()
            edge = request.state.edge = Edge(wiring_of(request))
            try:
                if self.include_in_schema:  # pages for people answer an address that is none in their own words
                    _require_storable(request)
                response = await answer(request)
                if response.status_code < 400:
                    await edge.commit(response)
            except ReplayedAnswer as replayed:
                response = _again(replayed)
            except Problem as problem:
                if problem.keeps_work:
                    await edge.commit()
                raise
            finally:
                await edge.close()
            # The template of the path, never the path: no id of a person need stand in a log.
            log.info(
                "request_answered",
                method=request.method,
                route=self.path,
                status=response.status_code,
                took_ms=round((time.monotonic() - started) * 1000),
            )
            return response

        return answer_in_one_transaction


def _require_storable(request: Request) -> None:
    """A NUL in an address is refused here as one in a body is by its fields: no text of the database can hold it."""
    for name, value in (*request.query_params.multi_items(), *request.path_params.items()):
        if "\0" in name or "\0" in str(value):
            raise Problem.of(
                Kind.INVALID_REQUEST,
                name.replace("\0", "") or "path",
                "holds a NUL character, which no text of ours can; take it out",
            )


def _again(replayed: ReplayedAnswer) -> Response:
    headers = {"Idempotency-Replayed": "true"}
    if replayed.body is None:
        return Response(status_code=replayed.status, headers=headers)
    return JSONResponse(replayed.body, replayed.status, headers=headers)
