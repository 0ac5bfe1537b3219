"""A hospital for the API's tests: the real app on a real database, and callers who keep the API to its contract."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.accounts import add_user
from api.app import create_app
from api.auth import begin_log_in
from api.wiring import CONCURRENT_UNITS, Wiring
from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.users import Role
from followup.dialing_rules import Mode
from recordings.object_store import ObjectStore
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.live_events import AsyncLiveStream
from runtime.settings import REPOSITORY
from telephony.headsets.door import GatewayDoor
from telephony.headsets.ice_servers import IceSettings
from transcription.search_language import SearchLanguage

PREFIX = "/api/v1"
PASSWORD = "correct horse battery"
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
CONTENT = Content(REPOSITORY / "content")
NO_ICE = IceSettings()
SEARCH = SearchLanguage(CONTENT, Path(tempfile.gettempdir()) / f"suifang-dictionary-{os.getuid()}")
REPORT_KEYS = ("a-key-of-thirty-two-letters-or-more",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user and the token he holds."""

    user_id: str
    login: str
    token: str


class House:
    """The app, its database and store."""

    def __init__(self, app: FastAPI, client: TestClient, units: UnitsOfWork, store: ObjectStore) -> None:
        self.app = app
        self.client = client
        self.units = units
        self.store = store

    @contextmanager
    def rows(self) -> Iterator[UnitOfWork]:
        """A unit of work that is committed at the end."""
        with self.units() as uow:
            yield uow
            uow.commit()

    def person(self, *roles: Role) -> Person:
        """A new user with these roles, logged in."""
        login = f"u{new_id()[:8]}"
        with self.rows() as uow:
            user = add_user(
                uow,
                login=login,
                display_name="王敏",
                password_hash=QUICK_HASHER.hash(PASSWORD),
                roles=roles,
                languages=["zh"],
                queues=[],
                by=None,
            )
            token, _ = begin_log_in(uow, user)
        return Person(user_id=user.id, login=login, token=token)

    def caller(self, *roles: Role) -> "Asking":
        """Requests of a new user with these roles."""
        return Asking(self, self.person(*roles))

    def stranger(self) -> "Asking":
        """Requests of nobody."""
        return Asking(self, None)


class Asking:
    """Requests of one person. Each answer is held against the contract: a problem is typed and was announced."""

    def __init__(self, house: House, person: Person | None) -> None:
        self._house = house
        self._operations = operations_of(house.app)
        self.person = person

    @property
    def user_id(self) -> str:
        """Who asks."""
        assert self.person is not None
        return self.person.user_id

    def get(self, path: str, **more: Any) -> Any:
        """A GET under /api/v1."""
        return self.ask("GET", path, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Any:
        """A PUT under /api/v1."""
        return self.ask("PUT", path, json=body, **more)

    def delete(self, path: str, **more: Any) -> Any:
        """A DELETE under /api/v1."""
        return self.ask("DELETE", path, **more)

    def post(self, path: str, body: Any = None, *, key: str | None = "new", **more: Any) -> Any:
        """A POST under /api/v1; `key` None sends no Idempotency-Key."""
        headers = {**more.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = new_id() if key == "new" else key
        return self.ask("POST", path, json=body, headers=headers, **more)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Any request under /api/v1."""
        headers = dict(more.pop("headers", {}))
        if self.person is not None:
            headers.setdefault("Authorization", f"Bearer {self.person.token}")
        self._house.client.cookies.clear()
        response = self._house.client.request(method, PREFIX + path, headers=headers, **more)
        if response.status_code >= 400:
            self._check(method, PREFIX + path, response)
        return response

    def _check(self, method: str, path: str, response: Any) -> None:
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["field"]
        assert problem["reason"]
        assert problem["errors"][0] == {"field": problem["field"], "reason": problem["reason"]}
        assert "Traceback" not in response.text
        operation = self._operation(method, path)
        if operation is not None:
            announced = str(operation["responses"].get(str(response.status_code), {}))
            name = "".join(part.capitalize() for part in problem["code"].split("_")) + "Problem"
            assert f"/{name}'" in announced, f"{method} {path} does not announce {problem['code']}: {problem}"

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for template, operations in self._operations.items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if re.fullmatch(pattern, path.split("?")[0]) and method.lower() in operations:
                # A fixed path such as /agents/me wins over a template; none of ours overlap otherwise.
                found: dict[str, Any] = operations[method.lower()]
                return found
        return None


_operations: dict[str, Any] = {}


def operations_of(app: FastAPI) -> dict[str, Any]:
    """The contract's paths; they are the same in every test and take a second to make."""
    if not _operations:
        _operations.update(app.openapi()["paths"])
    return _operations


@contextmanager
def open_house(
    database_url: str,
    broker_url: str,
    folder: Path,
    *,
    mode: Mode = Mode.DEMO,
    ping_seconds: float = 15.0,
    gateway_socket: Path | None = None,
    ice: IceSettings = NO_ICE,
    gate: Gate | None = None,
    clock: Callable[[datetime], datetime] | None = None,
    hospital_name: str = "",
    call_back_number: str = "",
    console_dir: Path = REPOSITORY / "console" / "dist",
) -> Iterator[House]:
    """The whole API on this database and broker."""
    engine = make_engine(database_url, pool_size=CONCURRENT_UNITS)
    units = UnitsOfWork(engine, clock=clock) if clock else UnitsOfWork(engine)
    store = ObjectStore(folder / "store")
    app = create_app(
        Wiring(
            speech_models=("gpu",),
            console_dir=console_dir,
            units=units,
            content=CONTENT,
            store=store,
            live=AsyncLiveStream(broker_url),
            gate=gate
            or Gate(mode=mode, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset()),
            zone=ZoneInfo("Asia/Shanghai"),
            https=False,
            hasher=QUICK_HASHER,
            ping_seconds=ping_seconds,
            report_keys=REPORT_KEYS,
            hospital_name=hospital_name,
            call_back_number=call_back_number,
            headsets=GatewayDoor(socket=gateway_socket or folder / "no-gateway.sock", node="node-1"),
            ice=ice,
            search=SEARCH,
        )
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield House(app, client, units, store)
    engine.dispose()
