"""Users and their roles, for administrators."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.accounts import (
    add_user,
    change_user,
    disable_user,
    enable_user,
    end_log_in,
    set_departments,
    set_password,
)
from api.auth import Caller, typed_login_hash
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, hash_of
from api.permissions import AdminCommanding, AdminOnly, Overseers
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.queues import AgentState

router = APIRouter(tags=["users"], route_class=Route)

_FAILURES_SHOWN = timedelta(days=1)


Departments = Annotated[
    tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)], ...],
    Field(max_length=50),
]


class DepartmentsAsk(Ask):
    """Whose alerts and requests are the user's."""

    departments: Departments


class UserAsk(Ask):
    """A new user. One with the role agent gets a desk: languages he speaks and queues he serves."""

    login: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{1,63}$")]
    display_name: Line
    password: Annotated[str, StringConstraints(min_length=MINIMUM_LENGTH, max_length=MAXIMUM_LENGTH)]
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    languages: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], ...] = ("zh",)
    queues: tuple[Id, ...] = ()
    departments: Departments = ()


class UserAnswer(Answer):
    """A user."""

    id: str
    login: str
    display_name: str
    roles: list[Role]
    departments: list[str]
    disabled: bool
    created_at: Instant
    overseen_queues: list[str]


class UserRow(UserAnswer):
    """A user as the list of them shows him: since when he is logged in, how often it failed today."""

    logged_in_since: Instant | None
    last_seen_at: Instant | None
    failed_log_ins: int


class UsersAnswer(Answer):
    """Users in order of login."""

    users: list[UserRow]


class UserChange(Ask):
    """A user's name and roles."""

    display_name: Line
    roles: Annotated[frozenset[Role], Field(min_length=1)]


class PasswordAsk(Ask):
    """A new password, told to the user by another way; he changes it himself afterwards."""

    password: Annotated[str, StringConstraints(min_length=MINIMUM_LENGTH, max_length=MAXIMUM_LENGTH)]


class AbilitiesRow(Answer):
    """An agent's languages, dialects, skills and queues."""

    agent_id: str
    login: str
    display_name: str
    disabled: bool
    languages: list[str]
    dialects: list[str]
    skills: list[str]
    queues: list[str]


class AbilityRowsAnswer(Answer):
    """Every agent, in order of login."""

    agents: list[AbilitiesRow]


@router.post("/users", status_code=201, responses=problems(Kind.TAKEN, Kind.UNKNOWN_QUEUE))
def create_user(ask: UserAsk, caller: AdminCommanding, request: Request, uow: Work) -> UserAnswer:
    """Add a user."""
    for place, queue_id in enumerate(ask.queues):
        found.queue(uow, queue_id, f"queues[{place}]")
    user = add_user(
        uow,
        login=ask.login,
        display_name=ask.display_name,
        password_hash=hash_of(wiring_of(request).hasher, ask.password),
        roles=ask.roles,
        languages=ask.languages,
        queues=ask.queues,
        by=caller.user_id,
        departments=ask.departments,
    )
    return UserAnswer.model_validate(user)


@router.get("/users")
def list_users(caller: AdminOnly, uow: Work) -> UsersAnswer:  # noqa: ARG001
    """Every user."""
    living = uow.users.living_ones(uow.now)
    failed = uow.users.failure_counts(uow.now - _FAILURES_SHOWN)
    rows = []
    for user in uow.users.all():
        log_in = living.get(user.id)
        rows.append(
            UserRow(
                **UserAnswer.model_validate(user).model_dump(),
                logged_in_since=log_in.created_at if log_in else None,
                last_seen_at=log_in.last_seen_at if log_in else None,
                failed_log_ins=failed.get(typed_login_hash(user.login), 0),
            )
        )
    return UsersAnswer(users=rows)


@router.get("/abilities")
def list_abilities(caller: Overseers, uow: Work) -> AbilityRowsAnswer:  # noqa: ARG001
    """What every agent speaks and can do, and the queues she serves."""
    agents = {agent.id: agent for agent in uow.queues.agents()}
    return AbilityRowsAnswer(
        agents=[
            AbilitiesRow(
                agent_id=user.id,
                login=user.login,
                display_name=user.display_name,
                disabled=user.disabled,
                languages=agents[user.id].languages,
                dialects=agents[user.id].dialects,
                skills=agents[user.id].skills,
                queues=agents[user.id].queues,
            )
            for user in uow.users.all()
            if user.id in agents and Role.AGENT in user.roles
        ]
    )


@router.put("/users/{user_id}", responses=problems(Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW))
def change(user_id: Id, ask: UserChange, caller: AdminOnly, uow: Work) -> UserAnswer:
    """Give a user another name or other roles; they count from his next request on."""
    user = found.user(uow, user_id)
    if Role.ADMIN not in ask.roles:
        _require_administrator(uow, caller)
    if user.id == caller.user_id and Role.ADMIN not in ask.roles:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "roles", "you cannot take your own role admin; another administrator can"
        )
    if Role.AGENT in user.roles and Role.AGENT not in ask.roles:
        agent = uow.queues.agent(user.id)
        if uow.attempts.live_of_agent(user.id) is not None or (agent and agent.state is not AgentState.OFFLINE):
            raise Problem.of(
                Kind.NOT_POSSIBLE_NOW, "roles", "the agent is at work; let her go offline before she stops being one"
            )
    change_user(uow, user, display_name=ask.display_name, roles=ask.roles, by=caller.user_id)
    return UserAnswer.model_validate(user)


@router.post("/users/{user_id}/password", status_code=204, responses=problems(Kind.UNKNOWN_USER))
def give_password(user_id: Id, ask: PasswordAsk, caller: AdminCommanding, request: Request, uow: Work) -> None:
    """Give a user another password; whoever is logged in with the old one is logged out."""
    user = found.user(uow, user_id)
    set_password(uow, user, hash_of(wiring_of(request).hasher, ask.password), by=caller.user_id)
    uow.users.forget_log_in_failures(typed_login_hash(user.login), uow.now)


@router.post("/users/{user_id}/end-log-in", status_code=204, responses=problems(Kind.UNKNOWN_USER))
def end_log_in_of(user_id: Id, caller: AdminCommanding, uow: Work) -> None:
    """Log a user out from wherever he is."""
    end_log_in(uow, found.user(uow, user_id), by=caller.user_id)


@router.post("/users/{user_id}/enable", responses=problems(Kind.UNKNOWN_USER))
def enable(user_id: Id, caller: AdminCommanding, uow: Work) -> UserAnswer:
    """Let a user who was locked out in again."""
    user = found.user(uow, user_id)
    enable_user(uow, user, by=caller.user_id)
    return UserAnswer.model_validate(user)


@router.post("/users/{user_id}/departments", responses=problems(Kind.UNKNOWN_USER))
def give_departments(user_id: Id, ask: DepartmentsAsk, caller: AdminCommanding, uow: Work) -> UserAnswer:
    """Say whose alerts and requests are a user's."""
    user = found.user(uow, user_id)
    set_departments(uow, user, ask.departments, by=caller.user_id)
    return UserAnswer.model_validate(user)


@router.post("/users/{user_id}/disable", responses=problems(Kind.UNKNOWN_USER, Kind.NOT_POSSIBLE_NOW))
def disable(user_id: Id, caller: AdminCommanding, request: Request, uow: Work) -> UserAnswer:
    """Lock a user out at once; what he did stays."""
    user = found.user(uow, user_id)
    _require_administrator(uow, caller)
    if user.id == caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "user_id", "you cannot lock yourself out; another administrator can")
    disable_user(uow, user, by=caller.user_id)
    if uow.attempts.live_of_agent(user.id) is None:
        wiring_of(request).headsets.leave(user.id)
    return UserAnswer.model_validate(user)


def _require_administrator(uow: UnitOfWork, caller: Caller) -> None:
    """Two administrators could lock each other out at one moment: who comes second is none any more."""
    if caller.user_id not in uow.users.lock_administrators():
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW,
            "user_id",
            "another administrator has just taken this role from you, or locked you out",
        )
