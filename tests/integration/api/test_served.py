"""The API behind its real server: sound by range, the live stream, TLS, and a start that is refused."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.auth import begin_log_in
from db.users import Role
from runtime.live_events import STREAM, LiveStream
from suifang.tls import make_internal_certificate
from tests.integration.api.house import House, Person, open_house
from tests.integration.api.test_recordings import SOUND, a_stored_recording
from tests.support.engines import temporary_settings
from tests.support.served_house import served
from tests.support.waiting import until

START = "from runtime.settings import load_settings; from suifang.api_process import run; run(load_settings())"


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[House]:
    """As elsewhere, with pings that a test can wait for."""
    with open_house(database_url, broker_url, tmp_path, ping_seconds=0.3) as opened:
        yield opened


@pytest.fixture
def address(house: House) -> Iterator[str]:
    """Host and port of the house's app behind uvicorn, as the process runs it."""
    with served(house) as url:
        yield url.removeprefix("http://")


@contextmanager
def listening(address: str, person: Person | None, after: str = "", **headers: str) -> Iterator[ClientConnection]:
    """A console's WebSocket."""
    if person is not None:
        headers["Authorization"] = f"Bearer {person.token}"
    with connect(f"ws://{address}/api/v1/live{after}", additional_headers=headers, proxy=None) as console:
        yield console


def heard(console: ClientConnection, *, pings: bool = False) -> dict[str, Any]:
    """The next message, passing over pings."""
    while True:
        message: dict[str, Any] = json.loads(console.recv(timeout=10))
        if pings or message["kind"] != "ping":
            return message


def closed_with(console: ClientConnection) -> int:
    """The code with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        heard_to_the_end(console)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def heard_to_the_end(console: ClientConnection) -> NoReturn:
    """Read on until the connection is closed."""
    for _ in range(50):
        console.recv(timeout=10)
    raise AssertionError("the server goes on talking and does not close")


def test_sound_is_served_by_range(house: House, address: str) -> None:
    recording = a_stored_recording(house)
    headers = {"Authorization": f"Bearer {house.person(Role.AGENT).token}"}
    url = f"http://{address}/api/v1/recordings/{recording.id}/audio"
    whole = httpx.get(url, headers=headers)
    assert (whole.status_code, whole.content) == (200, SOUND)
    part = httpx.get(url, headers={**headers, "Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, SOUND[1000:2000])
    assert httpx.get(url, headers={**headers, "Range": "bytes=999999-"}).status_code == 416
    assert "server" not in whole.headers


def test_what_is_for_overseers_is_told_to_nobody_else(house: House, address: str, broker_url: str) -> None:
    with (
        LiveStream(broker_url) as stream,
        listening(address, house.person(Role.AGENT)) as desk,
        listening(address, house.person(Role.SUPERVISOR)) as overseer,
    ):
        assert {heard(desk)["kind"], heard(overseer)["kind"]} == {"hello"}
        stream.publish("supervision_changed", {"subject": "supervision-1", "call": "call-1"})
        stream.publish("call_changed", {"subject": "call-2"})
        assert heard(desk)["ids"] == {"subject": "call-2"}
        assert heard(overseer)["kind"] == "supervision_changed"


def test_captions_are_told_to_their_agent_and_to_overseers_alone(house: House, address: str, broker_url: str) -> None:
    mine, other = house.person(Role.AGENT), house.person(Role.AGENT)
    with (
        LiveStream(broker_url) as stream,
        listening(address, mine) as desk,
        listening(address, other) as next_desk,
        listening(address, house.person(Role.SUPERVISOR)) as overseer,
    ):
        assert {heard(desk)["kind"], heard(next_desk)["kind"], heard(overseer)["kind"]} == {"hello"}
        stream.publish("captions_changed", {"subject": "call-1", "agent": mine.user_id})
        stream.publish("captions_changed", {"subject": "call-2"})
        stream.publish("call_changed", {"subject": "call-3"})
        assert [heard(desk)["ids"]["subject"] for _ in range(2)] == ["call-1", "call-3"]
        assert heard(next_desk)["ids"]["subject"] == "call-3"
        assert [heard(overseer)["ids"]["subject"] for _ in range(3)] == ["call-1", "call-2", "call-3"]


def test_a_console_hears_what_changes_and_goes_on_where_it_was(house: House, address: str, broker_url: str) -> None:
    person = house.person(Role.AGENT)
    with LiveStream(broker_url) as stream:
        with listening(address, person) as console:
            assert heard(console)["kind"] == "hello"
            stream.publish("call_changed", {"subject": "call-1", "state": "ringing"})
            first = heard(console)
            assert (first["kind"], first["ids"]) == ("call_changed", {"subject": "call-1", "state": "ringing"})
        stream.publish("call_changed", {"subject": "call-1", "state": "answered"})
        stream.publish("call_changed", {"subject": "call-1", "state": "bridged"})
        with listening(address, person, f"?after={first['id']}") as console:
            assert heard(console) == {"kind": "hello", "id": first["id"]}
            assert [heard(console)["ids"]["state"] for _ in range(2)] == ["answered", "bridged"]
            stream.publish("call_changed", {"subject": "call-1", "state": "ended"})
            assert heard(console)["ids"]["state"] == "ended"


def test_a_console_that_missed_too_much_is_told_to_load_anew(house: House, address: str, broker_url: str) -> None:
    with LiveStream(broker_url) as stream, redis.Redis.from_url(broker_url) as broker:
        old = stream.publish("agent_changed", {"subject": "a"})
        for _ in range(3):
            newest = stream.publish("agent_changed", {"subject": "b"})
        broker.xtrim(STREAM, maxlen=1, approximate=False)
        with listening(address, house.person(Role.SUPERVISOR), f"?after={old}") as console:
            assert heard(console) == {"kind": "missed", "id": newest}


def test_a_quiet_stream_is_pinged(house: House, address: str) -> None:
    with listening(address, house.person(Role.ADMIN)) as console:
        assert [heard(console, pings=True)["kind"] for _ in range(3)] == ["hello", "ping", "ping"]


def test_nobody_listens_without_a_living_log_in(house: House, address: str) -> None:
    with listening(address, None) as console:
        assert closed_with(console) == 4401
    person = house.person(Role.AGENT)
    with house.rows() as uow:
        uow.users.end_log_ins(person.user_id, uow.now, "test")
    with listening(address, person) as console:
        assert closed_with(console) == 4401


def test_a_log_in_that_is_taken_over_ends_the_older_console(house: House, address: str) -> None:
    person = house.person(Role.AGENT)
    with listening(address, person) as console:
        assert heard(console)["kind"] == "hello"
        with house.rows() as uow:
            user = uow.users.get(person.user_id)
            assert user is not None
            begin_log_in(uow, user)
        assert closed_with(console) == 4401


def test_pages_of_other_sites_and_nonsense_positions_are_turned_away(house: House, address: str) -> None:
    person = house.person(Role.AGENT)
    with listening(address, person, Origin="http://elsewhere.example") as console:
        assert closed_with(console) == 4403
    with listening(address, person, Origin=f"http://{address}") as console:
        assert heard(console)["kind"] == "hello"
    with listening(address, person, "?after=yesterday") as console:
        assert closed_with(console) == 4400


def test_the_cookie_opens_the_stream_too(house: House, address: str) -> None:
    token = house.person(Role.AGENT).token
    with listening(address, None, Cookie=f"suifang_log_in={token}") as console:
        assert heard(console)["kind"] == "hello"


def process_environment(**settings: object) -> dict[str, str]:
    return os.environ | {f"SUIFANG_{name.upper()}": str(value) for name, value in settings.items()}


def test_a_database_of_another_version_is_refused_in_words(
    empty_database_url: str, broker_url: str, tmp_path: Path
) -> None:
    environment = process_environment(
        state_dir=tmp_path / "state", database_url=empty_database_url, broker_url=broker_url
    )
    refused = subprocess.run(
        [sys.executable, "-c", START], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode != 0
    assert "suifang migrate" in refused.stderr


def test_the_process_serves_over_tls_and_stops_when_told(database_url: str, broker_url: str) -> None:
    with temporary_settings(database_url=database_url, broker_url=broker_url) as settings:
        files = make_internal_certificate(settings, ["127.0.0.1"], datetime.now(UTC))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environment = process_environment(
            state_dir=settings.state_dir,
            database_url=database_url,
            broker_url=broker_url,
            mode="demo",
            jurisdiction="demo",
            trunk_host="127.0.0.1",
            api_port=port,
            tls_certificate=files.certificate,
            tls_key=files.key,
        )
        with subprocess.Popen([sys.executable, "-c", START], env=environment, stderr=subprocess.PIPE) as process:
            try:
                trusted = ssl.create_default_context(cafile=str(files.authority))
                url = f"https://127.0.0.1:{port}/readyz"

                def ready() -> httpx.Response | None:
                    assert process.poll() is None, process.stderr and process.stderr.read().decode()
                    try:
                        return httpx.get(url, verify=trusted)
                    except httpx.ConnectError:
                        return None

                answer = until(ready, timeout=60, every=0.2, what="the process to answer")
                assert answer.json() == {"state": "ready"}
                assert "max-age" in answer.headers["strict-transport-security"]
            finally:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            assert process.returncode in (0, -signal.SIGTERM)
