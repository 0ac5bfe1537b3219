"""Bad input, brought in where people bring it in: refused in words or parked with a reason, and the rest is done."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from care.consent import Purpose
from db.users import Role
from followup.plans import TaskState
from runtime.settings import REPOSITORY
from suifang.cli import app
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.scenario import scenario


@pytest.fixture
def content_folder(tmp_path: Path) -> Path:
    """The shipped content, to be spoiled; prompts stay where they are."""
    folder = tmp_path / "content"
    shutil.copytree(REPOSITORY / "content", folder, ignore=shutil.ignore_patterns("*.wav"))
    return folder


@pytest.fixture
def command(
    content_folder: Path, database_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CliRunner:
    """The command line of an installation with the spoiled content."""
    for name, value in {
        "CONTENT_DIR": str(content_folder),
        "DATABASE_URL": database_url,
        "BROKER_URL": broker_url,
        "STATE_DIR": str(tmp_path / "state"),
        "MODE": "demo",
        "JURISDICTION": "demo",
    }.items():
        monkeypatch.setenv(f"SUIFANG_{name}", value)
    return CliRunner()


def spoil(file: Path, before: str, after: str) -> None:
    written = file.read_text(encoding="utf-8")
    assert before in written
    file.write_text(written.replace(before, after, 1), encoding="utf-8")


def refused(result: Result, *words: str) -> None:
    said = result.output + (result.stderr if result.stderr_bytes is not None else "")
    assert result.exit_code == 1, said
    assert "Traceback" not in said
    for word in words:
        assert word in said, said


def test_a_template_whose_windows_overlap_is_refused_with_its_file_and_steps(
    command: CliRunner, content_folder: Path
) -> None:
    spoil(content_folder / "plans" / "anticoagulation.yaml", "earliest: 6 d,", "earliest: 3 d,")
    refused(command.invoke(app, ["plans", "check"]), "T13", "day-3", "day-7", "overlap")


def test_a_template_for_a_purpose_that_nobody_knows_is_refused(command: CliRunner, content_folder: Path) -> None:
    spoil(content_folder / "plans" / "anticoagulation.yaml", "purpose: care", "purpose: curiosity")
    refused(command.invoke(app, ["plans", "check"]), "anticoagulation.yaml", "purpose", "care")


def test_a_template_in_a_zone_that_does_not_exist_is_refused(command: CliRunner, content_folder: Path) -> None:
    file = content_folder / "plans" / "anticoagulation.yaml"
    spoil(file, "anchor: treatment_start", "anchor: treatment_start\nzone: Mars/Olympus")
    refused(command.invoke(app, ["plans", "check"]), "anticoagulation.yaml", "Mars/Olympus")


def test_a_flow_without_a_way_out_is_refused_with_the_step(command: CliRunner, content_folder: Path) -> None:
    flow = content_folder / "flows" / "recheck_reminder.yaml"
    spoil(flow, "    otherwise: unanswered\n", "    otherwise: matter\n")
    spoil(
        flow,
        'keys: {"1": confirmed, "2": cancelled, "3": rebook, "7": no_more_calls, "*": matter}',
        'keys: {"*": matter}',
    )
    refused(command.invoke(app, ["flow", "check", str(flow)]), "recheck_reminder", "matter")


def test_purposes_and_zones_that_do_not_exist_are_refused_and_one_bad_row_holds_up_nobody(
    database_url: str, broker_url: str, tmp_path: Path
) -> None:
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-23 09:30") as played:
        agent = played.ask(Role.AGENT)
        ask = {"record_number": "B-1", "name": "李四", "zone": "Mars/Olympus", "synthetic": True}
        answer = agent.post("/patients", ask)
        assert (answer.status_code, answer.json()["field"]) == (422, "zone")
        with played.rows() as uow:
            queue = a_queue(uow, name="care", purpose=Purpose.CARE)
            lost, well = a_patient(uow), a_patient(uow)
            tasks = [a_task(uow, patient, queue, state=TaskState.PLANNED) for patient in (lost, well)]
            nurse = an_agent(uow, queue)
        answer = agent.post(
            f"/patients/{well.id}/consents",
            {"purpose": "curiosity", "scope": "phone", "granted": True, "source": "form"},
        )
        assert (answer.status_code, answer.json()["field"]) == (422, "purpose")
        # A row that came in by another way, from a hospital's system or by hand.
        with played.rows() as uow:
            uow._session.execute(text("UPDATE patients SET zone = 'Mars/Olympus' WHERE id = :id"), {"id": lost.id})
        played.seat(nurse.id, "6001")
        played.turn()
        with played.units() as uow:
            parked, called = (uow.plans.task(task.id) for task in tasks)
            assert parked is not None
            assert called is not None
            assert (parked.state, parked.next_action) == (TaskState.DUE, "escalate")
            assert not uow.attempts.of_task(parked.id)
            assert len(uow.attempts.of_task(called.id)) == 1
        shown = agent.get(f"/tasks/{parked.id}/may-call")
        assert "unknown_zone" in shown.text
