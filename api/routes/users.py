"""Users and their roles, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.accounts import add_user, disable_user, set_departments
from api.edge import Route, Work
from api.fields import Answer, Ask, Id, Instant, Line
from api.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, hash_of
from api.permissions import AdminCommanding, AdminOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.users import Role

router = APIRouter(tags=["users"], route_class=Route)


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


class UsersAnswer(Answer):
    """Users in order of login."""

    users: list[UserAnswer]


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
    return UsersAnswer(users=[UserAnswer.model_validate(user) for user in uow.users.all()])


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
    if user.id == caller.user_id:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "user_id", "you cannot lock yourself out; another administrator can")
    disable_user(uow, user, by=caller.user_id)
    if uow.attempts.live_of_agent(user.id) is None:
        wiring_of(request).headsets.leave(user.id)
    return UserAnswer.model_validate(user)
