"""`suifang recordings`: what failed, another try, gaps, the dry run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.events import EventKind
from followup.recordings import RecordingState
from followup.retention import Keeping, Settled
from runtime.settings import Settings
from suifang.cli import app
from suifang.findings import Verdict
from suifang.keeping_checks import check_keeping
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.engines import temporary_settings


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch, database_url: str, broker_url: str) -> Iterator[UnitsOfWork]:
    with temporary_settings() as made:
        monkeypatch.setenv("SUIFANG_STATE_DIR", str(made.state_dir))
        monkeypatch.setenv("SUIFANG_BROKER_URL", broker_url)
        monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
        monkeypatch.setenv("COLUMNS", "200")
        engine = make_engine(database_url)
        yield UnitsOfWork(engine)
        engine.dispose()


def typed(*words: str) -> tuple[int, str]:
    finished = CliRunner().invoke(app, ["recordings", *words])
    if finished.exception and not isinstance(finished.exception, SystemExit):
        raise finished.exception
    return finished.exit_code, finished.output


def test_failed_recordings_are_listed_and_sent_on_with_a_reason_and_the_dry_run_destroys_nothing(
    units: UnitsOfWork, tmp_path: Path
) -> None:
    with units() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        attempt = an_attempt(uow, task, state=AttemptState.CLOSED, closed_at=uow.now)
        recording = a_recording(uow, a_call(uow, attempt), tmp_path, state=RecordingState.FAILED, reason="garbage")
        over = Settled(holds=Keeping(rule="conversation", until=uow.now))
        uow.retention.save(recording.id, over, edition="test/1", now=uow.now)
        uow.commit()
    status, output = typed("failed")
    assert status == 0
    assert recording.id in output
    assert "garbage" in output
    assert typed("retry", recording.id)[0] == 2
    assert typed("retry", "--because", "mended the header")[0] == 2
    status, output = typed("retry", recording.id, "--because", "mended the header")
    assert (status, output) == (0, "1 sent on, 0 not\n")
    with units() as uow:
        sent = [event.subject for event in uow.outbox.unpublished() if event.kind == EventKind.RECORDING_CAPTURED]
        assert sent == [recording.id]
        (line,) = uow.audit.of_subject("recording", recording.id)
    assert (line.action, line.detail["because"]) == ("recording_tried_again", "mended the header")
    status, output = typed("outlook")
    assert status == 0
    assert "conversation (test/1)" in output
    assert typed("gaps")[0] == 0
    (told,) = check_keeping(Settings(), units)
    assert (told.verdict, told.subject) == (Verdict.NOTE, "retention")
    assert told.seen.startswith("the time of 1 recordings is over")
    with units() as uow:
        kept = uow.recordings.get(recording.id)
    assert kept is not None
    assert kept.state is RecordingState.FAILED
