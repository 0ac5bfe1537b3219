"""Logging in and out."""

import math
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import StringConstraints

from api.auth import COOKIE, SHIFT, Caller, begin_log_in, typed_login_hash
from api.desks import detach_headset
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Limit
from api.passwords import MAXIMUM_LENGTH, is_right
from api.permissions import ANYONE, AdminOnly, Allowed, Everybody
from api.problems import Kind, Problem, problems
from api.visits import end_visit
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role, User
from followup.closing import move_agent
from followup.queues import AgentState, AgentTrigger, HeadsetKind

WRONG_LIMIT = 5
WRONG_SPAN = timedelta(minutes=5)

router = APIRouter(tags=["log-in"], route_class=Route)


class LogInAsk(Ask):
    """Who wants in. `take_over` ends the log-in that this user has elsewhere."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=MAXIMUM_LENGTH)]
    take_over: bool = False


class LogInAnswer(Answer):
    """The token comes as an HttpOnly cookie too; programs send it as `Authorization: Bearer`."""

    token: str
    expires_at: Instant
    user_id: str
    display_name: str
    roles: list[Role]


class MeAnswer(Answer):
    """The caller."""

    user_id: str
    login: str
    display_name: str
    roles: list[Role]


class LogInRow(Answer):
    """One log-in of the past or the present; `ended_because` is empty while it lives, or ran out by itself."""

    id: str
    user_id: str
    login: str
    display_name: str
    created_at: Instant
    last_seen_at: Instant
    expires_at: Instant
    ended_at: Instant | None
    ended_because: str
    living: bool


class LogInsAnswer(Answer):
    """The newest first, and from where the older ones follow."""

    log_ins: list[LogInRow]
    older: Instant | None


@router.get("/log-ins")
def list_log_ins(
    caller: AdminOnly,  # noqa: ARG001
    uow: Work,
    living: bool = False,
    before: Instant | None = None,
    user_id: Id | None = None,
    limit: Limit = 100,
) -> LogInsAnswer:
    """Who is logged in, and who was."""
    page = uow.users.log_ins_page(now=uow.now, living=living, before=before, user_id=user_id, limit=limit + 1)
    names = uow.users.many({row.user_id for row in page})
    return LogInsAnswer(
        log_ins=[
            LogInRow(
                id=row.id,
                user_id=row.user_id,
                login=names[row.user_id].login,
                display_name=names[row.user_id].display_name,
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                expires_at=row.expires_at,
                ended_at=row.ended_at,
                ended_because=row.ended_because,
                living=row.ended_at is None and row.expires_at > uow.now,
            )
            for row in page[:limit]
        ],
        older=page[limit - 1].created_at if len(page) > limit else None,
    )


@router.post(
    "/log-ins",
    status_code=201,
    dependencies=[ANYONE],
    responses=problems(Kind.WRONG_LOG_IN, Kind.ALREADY_LOGGED_IN, Kind.TOO_MANY_LOG_INS),
)
def log_in(ask: LogInAsk, request: Request, response: Response, uow: Work) -> LogInAnswer:
    """Begin a log-in. A user has one at a time."""
    wiring = wiring_of(request)
    typed = typed_login_hash(ask.login)
    not_too_often(uow, typed)
    user = uow.users.by_login(ask.login)
    stored = user.password_hash if user else request.app.state.hash_of_nobody
    # The check comes first and always, so that time does not tell which logins exist.
    right = is_right(wiring.hasher, stored, ask.password)
    # Locked and read again: while the old password was checked, an administrator may have given another.
    if user is None or not right or uow.users.lock(user).disabled or user.password_hash != stored:
        uow.users.add_log_in_failure(typed, uow.now)
        raise Problem.of(
            Kind.WRONG_LOG_IN, "login", "login or password is wrong; both are case-sensitive", keeps_work=True
        )
    if uow.users.living_log_in(user.id, uow.now) is not None and not ask.take_over:
        raise Problem.of(
            Kind.ALREADY_LOGGED_IN,
            "take_over",
            "this user is logged in elsewhere; log out there, or send take_over: true to end that log-in",
        )
    token, begun = begin_log_in(uow, user)
    uow.users.forget_log_in_failures(typed, uow.now)
    uow.audit.note(
        user_id=user.id,
        action="logged_in",
        subject_kind="user",
        subject=user.id,
        detail={"log_in": begun.id, "took_over": ask.take_over},
    )
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SHIFT.total_seconds()),
        path="/",
        secure=wiring.https,
        httponly=True,
        samesite="strict",
    )
    return LogInAnswer(
        token=token,
        expires_at=begun.expires_at,
        user_id=user.id,
        display_name=user.display_name,
        roles=_roles(user),
    )


@router.post("/log-out", status_code=204, responses=problems(Kind.NOT_POSSIBLE_NOW))
def log_out(
    caller: Annotated[Caller, Depends(Allowed(*Role, repeatable="ending it twice is the same"))],
    request: Request,
    response: Response,
    uow: Work,
) -> None:
    """End the caller's log-in: an agent goes offline, a supervisor leaves her call. Not in a call or wrap-up."""
    agent = uow.queues.agent_for_update(caller.user_id)
    if agent is not None and agent.state is not AgentState.OFFLINE:
        if uow.attempts.live_of_agent(agent.id) is not None:
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW, "agent", "a call or wrap-up of yours is open; finish it, then log out"
            )
        uow.emit(move_agent(agent, AgentTrigger.GO_OFFLINE, now=uow.now, reason="logged out"))
    if agent is not None:
        detach_headset(uow, agent)
    end_visit(uow, caller.user_id)
    if Role.SUPERVISOR in caller.roles or (agent is not None and agent.headset_kind is HeadsetKind.BROWSER):
        wiring_of(request).headsets.leave(caller.user_id)
    uow.users.end_log_ins(caller.user_id, uow.now, "logged out")
    uow.audit.note(user_id=caller.user_id, action="logged_out", subject_kind="user", subject=caller.user_id)
    response.delete_cookie(COOKIE, path="/")


@router.get("/me", responses=problems(Kind.UNKNOWN_USER))
def me(caller: Everybody, uow: Work) -> MeAnswer:
    """Who the caller is."""
    user = uow.users.get(caller.user_id)
    if user is None:
        raise Problem.of(Kind.UNKNOWN_USER, "user", "the user is gone")
    return MeAnswer(user_id=user.id, login=user.login, display_name=user.display_name, roles=_roles(user))


def not_too_often(uow: UnitOfWork, typed: str) -> None:
    """A problem while too many wrong passwords were tried under this name."""
    if not uow.lead(f"log-in:{typed}"):
        raise Problem.of(
            Kind.TOO_MANY_LOG_INS,
            "login",
            "a log-in under this name is being checked; try again in a second",
            headers={"Retry-After": "1"},
        )
    failures = uow.users.log_in_failures(typed, uow.now - WRONG_SPAN)
    if len(failures) >= WRONG_LIMIT:
        seconds = math.ceil((failures[-WRONG_LIMIT] + WRONG_SPAN - uow.now).total_seconds())
        raise Problem.of(
            Kind.TOO_MANY_LOG_INS,
            "login",
            f"{WRONG_LIMIT} log-ins under this name were wrong; try again in {seconds} seconds",
            headers={"Retry-After": str(seconds)},
        )


def _roles(user: User) -> list[Role]:
    return [Role(role) for role in user.roles]
