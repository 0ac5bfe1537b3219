"""Every route says who may call it, and nobody else can."""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from api.app import PREFIX, ROUTERS
from api.auth import begin_log_in
from api.edge import Declaration, Route, UndeclaredRouteError
from api.permissions import Allowed, Everybody
from api.routes import health
from db.users import Role
from tests.integration.api.house import Asking, House, Person, operations_of
from tests.support.builders import a_user


def routes() -> Iterator[tuple[str, str, Declaration]]:
    for prefix, router in [*((PREFIX, each) for each in ROUTERS), ("", health.router)]:
        for route in router.routes:
            if isinstance(route, APIRoute):
                assert isinstance(route, Route), f"{route.path} is not under the edge"
                for method in sorted(route.methods or ()):
                    yield method, prefix + route.path, route.declaration


ALL = list(routes())
GUARDED = [(method, path, declared) for method, path, declared in ALL if isinstance(declared, Allowed)]


def call(house: House, method: str, path: str, token: str | None) -> int:
    headers = {"Idempotency-Key": str(uuid.uuid4())} | ({"Authorization": f"Bearer {token}"} if token else {})
    house.client.cookies.clear()
    address = re.sub(r"\{[^}]+\}", lambda _: str(uuid.uuid4()), path)
    return house.client.request(method, address, headers=headers, json={}).status_code


def test_the_routes_are_all_in_the_contract(house: House) -> None:
    described = operations_of(house.app)
    for method, path, declared in ALL:
        operation = described[path][method.lower()]
        assert operation["x-roles"] == list(declared.who)
    assert len(GUARDED) > 45


def test_open_routes_are_these_and_no_others() -> None:
    opened = {path for _, path, declared in ALL if not isinstance(declared, Allowed)}
    assert opened == {"/healthz", "/readyz", f"{PREFIX}/log-ins", f"{PREFIX}/openapi.json"}


def test_every_route_lets_in_exactly_the_roles_it_declares(house: House) -> None:
    tokens = {role: house.person(role).token for role in Role}
    # Logging out comes last: it ends the token.
    for method, path, declared in sorted(GUARDED, key=lambda route: route[1].endswith("/log-out")):
        for role in Role:
            status = call(house, method, path, tokens[role])
            if role in declared.roles:
                assert status not in (401, 403), f"{method} {path} shuts out {role.value}: {status}"
                assert status < 500, f"{method} {path} fails for {role.value}: {status}"
            else:
                assert status == 403, f"{method} {path} lets in {role.value}: {status}"


def test_every_guarded_route_refuses_strangers_and_expired_ended_or_disabled_log_ins(house: House) -> None:
    everything = house.person(*Role)
    with house.rows() as uow:
        expired = uow.users.living_log_in(everything.user_id, uow.now)
        assert expired is not None
        expired.expires_at = uow.now - timedelta(seconds=1)
        locked_out = a_user(uow, roles=[role.value for role in Role], disabled=True)
        locked_token, _ = begin_log_in(uow, locked_out)
        ended_user = a_user(uow, roles=[role.value for role in Role])
        ended_token, _ = begin_log_in(uow, ended_user)
        uow.users.end_log_ins(ended_user.id, uow.now, "test")
    for method, path, _ in GUARDED:
        for token in (None, "nonsense", everything.token, locked_token, ended_token):
            assert call(house, method, path, token) == 401, f"{method} {path}"


def test_a_route_that_says_nothing_cannot_be_made() -> None:
    router = APIRouter(route_class=Route)
    with pytest.raises(UndeclaredRouteError, match="who may call it"):

        @router.get("/secret")
        def secret() -> dict[str, str]:
            return {}


def test_a_post_without_key_or_excuse_cannot_be_made() -> None:
    router = APIRouter(route_class=Route)
    with pytest.raises(UndeclaredRouteError, match="Idempotency-Key"):

        @router.post("/do-something")
        def do_something(caller: Everybody) -> dict[str, str]:
            return {}


def test_a_cookie_is_as_good_as_a_bearer(house: House) -> None:
    person: Person = house.person(Role.AGENT)
    house.client.cookies.set("suifang_log_in", person.token)
    assert house.client.get(f"{PREFIX}/me").json()["user_id"] == person.user_id


def test_the_problem_of_a_missing_role_names_the_role(house: House, agent: Asking) -> None:
    problem = agent.get("/users").json()
    assert (problem["status"], problem["field"]) == (403, "role")
    assert "admin" in problem["reason"]
