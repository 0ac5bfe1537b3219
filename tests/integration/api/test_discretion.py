"""What the API keeps to itself: names and numbers stay out of logs and addresses, heavy parts out of its process."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.wiring import CONCURRENT_UNITS
from db.users import Role
from tests.integration.api.house import Asking, House, open_house
from tests.support.builders import a_patient
from tests.support.waiting import until


def test_no_name_number_or_password_stands_in_a_log_line(
    house: House, agent: Asking, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = {"record_number": "A10293", "name": "李小伟", "contact_points": [{"number": "13800000001"}]}
    made = agent.post("/patients", secret).json()
    agent.post("/patients", secret)
    agent.post("/patients", {**secret, "born": "李小伟"})
    agent.post("/patients/search", {"containing": "李小伟"}, key=None)
    agent.get(f"/patients/{made['id']}")
    house.stranger().post("/log-ins", {"login": "li.xiaowei", "password": "geheim-geheim"}, key=None)
    out, err = capfd.readouterr()
    logged = out + err
    assert "request_answered" in logged
    assert "problem_answered" in logged
    for kept in ("李小伟", "13800000001", "A10293", "geheim-geheim", "li.xiaowei", made["id"]):
        assert kept not in logged


def test_no_address_takes_a_name_or_number() -> None:
    # Free words that name a list, a sender, a department, a purpose or a laboratory's code, and instants, which may be
    # written as counted seconds; everything else is an id, a day, a count or a closed set.
    words_of_no_person = {"code", "department", "file_name", "purpose", "sender", "source", "template"}
    instants = {"at", "before", "since", "until", "starts_at", "ends_at"}
    for router in ROUTERS:
        for route in (each for each in router.routes if isinstance(each, APIRoute)):
            for field in route.dependant.query_params:
                for words in ("李小伟", "13800000001"):
                    _, refused = field.validate(words, {}, loc=("query", field.name))
                    assert refused or field.name in words_of_no_person | instants, (route.path, field.name)


def test_the_api_loads_neither_the_sip_stack_nor_a_speech_engine() -> None:
    heavy = ("pjsua2", "faster_whisper", "whisper", "ctranslate2", "torch", "onnxruntime")
    program = f"import sys; import suifang.api_process; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert loaded.stdout.strip() == "[]"


def test_more_requests_than_connections_wait_their_turn(house: House) -> None:
    agent = house.caller(Role.AGENT)
    with house.rows() as uow:
        patient = a_patient(uow)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(agent.get(f"/patients/{patient.id}").status_code), daemon=True)
        for _ in range(10 * CONCURRENT_UNITS)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(statuses) == len(threads), timeout=60, what="every request to be answered")
    assert set(statuses) == {200}


def test_without_a_database_the_process_lives_but_is_not_ready(broker_url: str, tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://nobody:nothing@127.0.0.1:1/nowhere"
    with open_house(nowhere, broker_url, tmp_path) as house:
        assert house.client.get("/healthz").status_code == 200
        ready = house.client.get("/readyz")
        assert (ready.status_code, ready.json()["code"], ready.json()["field"]) == (503, "unavailable", "database")
        assert ready.headers["retry-after"] == "2"
        assert "nobody" not in ready.text
