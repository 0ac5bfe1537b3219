"""`suifang edge`: what an administrator sees."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from suifang.cli import app


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SUIFANG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SUIFANG_TRUNK_HOST", "127.0.0.1")
    monkeypatch.setenv("SUIFANG_TRUNK_PORT", "5090")
    monkeypatch.setenv("SUIFANG_SIP_PORT_BASE", "15060")
    return tmp_path


def test_it_prints_a_configuration_with_the_address_the_trunk_and_the_front_worker(installation: Path) -> None:
    told = CliRunner().invoke(app, ["edge", "--address", "127.0.0.1:5060"])
    assert told.exit_code == 0, told.output
    assert "listen=udp:127.0.0.1:5060" in told.output
    assert '$si == "127.0.0.1" && $sp == 5090' in told.output
    assert '$du = "sip:127.0.0.1:15059";' in told.output
    assert not list(installation.glob("*.cfg"))


def test_callers_go_from_one_front_worker_to_the_next(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIFANG_TAKE_CALLS", "true")
    monkeypatch.setenv("SUIFANG_FRONT_WORKERS", "3")
    told = CliRunner().invoke(app, ["edge", "--address", "127.0.0.1:5060"])
    order = [line.strip() for line in told.output.splitlines() if '$du = "sip:' in line]
    assert order == [f'$du = "sip:127.0.0.1:{port}";' for port in (15059, 15058, 15057)]
    assert "$sp >= 15057" in told.output


def test_it_writes_files_that_only_their_owner_reads(installation: Path) -> None:
    config = installation / "edge.cfg"
    files = {name: installation / f"{name}.pem" for name in ("certificate", "key", "ca")}
    options = ["--certificate", str(files["certificate"]), "--key", str(files["key"]), "--ca-file", str(files["ca"])]
    options += ["--tls-trunk", "trunk", "--config", str(config)]
    told = CliRunner().invoke(app, ["edge", "--address", "127.0.0.1:5060", *options])
    assert told.exit_code == 0, told.output
    beside = installation / "edge-tls.cfg"
    assert f"private_key = {files['key']}" in beside.read_text()
    assert str(beside) in config.read_text()
    assert {file.stat().st_mode & 0o077 for file in (config, beside)} == {0}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--address", "5060"], "is no address"),
        (["--address", "127.0.0.1:15061"], "belongs to a call worker"),
        (["--address", "127.0.0.1:5060", "--tls-trunk", "nobody"], "none of the trunks"),
        (["--address", "127.0.0.1:5060", "--tls-trunk", "trunk"], "--certificate"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(installation: Path, options: list[str], says: str) -> None:
    told = CliRunner().invoke(app, ["edge", *options])
    assert told.exit_code == 1
    assert says in told.output
    assert "Traceback" not in told.output
    assert not list(installation.glob("*.cfg"))
