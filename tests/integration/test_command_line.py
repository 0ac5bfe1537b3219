"""The commands as typed: what they print, what they refuse in words, and with which exit status they end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.migrate import pending
from runtime.settings import Settings
from suifang.cli import app
from tests.support.engines import temporary_settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, broker_url: str) -> Iterator[Settings]:
    with temporary_settings() as made:
        monkeypatch.setenv("SUIFANG_STATE_DIR", str(made.state_dir))
        monkeypatch.setenv("SUIFANG_BROKER_URL", broker_url)
        yield made


def typed(*words: str, typing: str = "") -> tuple[int, str]:
    finished = CliRunner().invoke(app, list(words), input=typing)
    if finished.exception and not isinstance(finished.exception, SystemExit):
        raise finished.exception
    return finished.exit_code, finished.output


def test_migrate_brings_an_empty_database_to_this_version_and_again_does_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", empty_database_url)
    assert pending(empty_database_url) is not None
    for _ in range(2):
        assert typed("migrate") == (0, "the database is at this version\n")
    assert pending(empty_database_url) is None


def test_a_faulty_setting_is_told_without_a_traceback(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIFANG_MODE", "toy")
    status, output = typed("migrate")
    assert status == 1
    assert output.startswith("SUIFANG_MODE:")


def test_backup_and_restore_go_by_their_commands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str, empty_database_url: str
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
    status, output = typed("backup")
    made, keys = (Path(line) for line in output.splitlines()[:2])
    assert (status, made.parent, keys.name) == (0, settings.backups_dir, f"{made.stem}.keys.tar")
    assert "Keep the two apart" in output
    assert typed("restore", "--check-only", str(made))[0] == 0
    monkeypatch.setenv("SUIFANG_DATABASE_URL", empty_database_url)
    status, output = typed("restore", str(made))
    assert status == 0, output
    assert "may be called again" in output
    assert pending(empty_database_url) is None
    made.write_bytes(made.read_bytes()[:5000])
    status, output = typed("restore", "--check-only", str(made))
    assert (status, "use another copy" in output.lower()) == (1, True)


def test_the_vault_is_told_of_rotated_and_proven_by_its_commands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
    status, output = typed("vault", "rotate")
    assert (status, "it is made with the first recording" in output) == (1, True)
    status, output = typed("vault", "status")
    assert (status, "the ledger has 0 lines" in output) == (0, True)
    status, output = typed("vault", "manifest", str(tmp_path / "out"))
    assert (status, "0 lines of the ledger" in output) == (0, True)
    status, output = typed("verify", "--manifest", str(tmp_path / "out"))
    assert (status, "is whole; compare its key" in output) == (0, True)
    status, output = typed("verify", "--manifest", str(tmp_path / "elsewhere"))
    assert (status, "does not hold a manifest" in output) == (1, True)


def test_tls_prints_the_settings_to_make_and_leaves_the_guide(settings: Settings) -> None:
    status, output = typed("tls", "--name", "followup.hospital.lan")
    assert status == 0
    certificate = settings.keys_dir / "tls" / "server.pem"
    assert f"SUIFANG_TLS_CERTIFICATE={certificate}" in output
    assert certificate.exists()
    assert "certutil" in (settings.keys_dir / "tls" / "client-guide.md").read_text()
    assert typed("tls", "--key", "/x")[0] == 1


def test_a_user_is_made_given_another_password_and_locked_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
    create = ("user", "create", "li", "--name", "李护士", "--role", "agent", "--role", "supervisor")
    status, output = typed(*create, typing="a long enough password\n")
    assert status == 0, output
    for words, typing, expected in (
        (create, "a long enough password\n", "there is a user li already"),
        (("user", "create", "wu", "--name", "Wu", "--role", "agent"), "short\n", "password"),
        (
            ("user", "create", "wu", "--name", "Wu", "--role", "agent", "--queue", "none"),
            "a long password!\n",
            "no queue",
        ),
        (("user", "password", "nobody"), "a long enough password\n", "no user nobody"),
    ):
        status, output = typed(*words, typing=typing)
        assert (status, expected in output) == (1, True), output
    assert typed("user", "password", "li", typing="another long password\n")[0] == 0
    assert typed("user", "disable", "li")[0] == 0


@pytest.mark.parametrize("name", ["scheduler", "telephony", "worker", "api"])
def test_a_process_refuses_a_database_of_another_version_in_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, empty_database_url: str, name: str
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", empty_database_url)
    ended = subprocess.run(
        [sys.executable, "-m", "suifang.process_entry", name], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "suifang migrate" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_api_process_loads_neither_the_sip_stack_nor_the_speech_engine() -> None:
    program = (
        "import sys\n"
        "from suifang.process_entry import loaded\n"
        "loaded('suifang.api_process')\n"
        "print([name for name in ('pjsua2', 'telephony.sip.endpoint', 'ctranslate2', 'faster_whisper') "
        "if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == "[]\n"


def test_the_calendar_is_loaded_and_shown_and_an_unknown_country_refused_in_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
    status, output = typed("calendar", "load", "--first", "2026", "--last", "2026")
    assert (status, output) == (0, "CN: 2026 changed\n")
    assert "2026-10-10  worked" in typed("calendar", "show", "2026")[1]
    status, output = typed("calendar", "load", "--region", "XX")
    assert status == 1
    assert "such as CN or US" in output


def test_the_plans_queues_are_made_and_then_every_template_can_be_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
    assert typed("plans", "check")[0] == 1
    assert typed("plans", "queues")[1].startswith("made: discharge")
    assert typed("plans", "check") == (0, "every template can be used\n")
    assert "newest version" in typed("plans", "outdated")[1]
