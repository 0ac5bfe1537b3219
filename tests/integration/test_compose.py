"""The compose file: valid by its schema, and the same processes as one machine supervises (no engine runs here)."""

import os
import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from runtime.settings import PREFIX, REPOSITORY, Settings
from suifang.supervision import own_programs

COMPOSE = REPOSITORY / "docker-compose.yml"


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def test_the_file_fits_the_compose_schema() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed (apt-get install docker-compose): the schema was not checked")
    checked = subprocess.run(
        [program, "--file", str(COMPOSE), "config", "--quiet"],
        env={**os.environ, "POSTGRES_PASSWORD": "for-the-check", "VALKEY_PASSWORD": "for-the-check"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_a_missing_password_is_refused_by_name() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed (apt-get install docker-compose): the refusal was not seen")
    environment = {key: value for key, value in os.environ.items() if key != "POSTGRES_PASSWORD"}
    refused = subprocess.run(
        [program, "--file", str(COMPOSE), "config", "--quiet"],
        env={**environment, "VALKEY_PASSWORD": "for-the-check"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "set POSTGRES_PASSWORD" in refused.stderr


def test_every_process_of_one_machine_is_a_service() -> None:
    supervised = {(program.name, program.command[-1]) for program in own_programs(captions=True)}
    composed = {
        (name, service["command"][0]) for name, service in services().items() if name not in ("postgres", "valkey")
    }
    assert composed == supervised | {("migrate", "migrate")}


def test_every_variable_is_a_setting() -> None:
    fields = {PREFIX + name.upper() for name in Settings.model_fields}
    used = {
        variable
        for service in services().values()
        for variable in service.get("environment", {})
        if variable.startswith(PREFIX)
    }
    assert used <= fields, f"no settings: {sorted(used - fields)}"


def test_whoever_hears_can_be_told_all_about_speech_and_who_serves_knows_the_models() -> None:
    composed = services()
    speech = {PREFIX + name.upper() for name in Settings.model_fields if name.startswith("speech_")}
    assert speech - composed["speech"]["environment"].keys() == set()
    assert "SUIFANG_SPEECH_MODELS" in composed["api"]["environment"]  # PATCH /queues/{id} offers them


def test_the_image_holds_every_package() -> None:
    packages = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    wanted = {pattern.rstrip("*") for pattern in packages["packages"]["find"]["include"]} | {"content"}
    copied = set(re.findall(r"^COPY (\w+) \1$", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    assert wanted - copied == set()
