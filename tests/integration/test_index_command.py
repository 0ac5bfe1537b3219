"""`suifang index`: puts into the search what lacks, or everything anew, and says how many recordings it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.recordings import Channel, RecordingState, Transcript, Turn
from followup.searches import Lexeme, Term, TurnFilter, TurnQuery
from runtime.identifiers import new_id
from suifang.cli import app
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.engines import temporary_settings


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch, broker_url: str, database_url: str) -> Iterator[UnitsOfWork]:
    """A house with one recording that was heard and is not in the index."""
    with temporary_settings() as made:
        monkeypatch.setenv("SUIFANG_STATE_DIR", str(made.state_dir))
        monkeypatch.setenv("SUIFANG_BROKER_URL", broker_url)
        monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
        engine = make_engine(database_url)
        with UnitsOfWork(engine)() as uow:
            call = a_call(uow, an_attempt(uow, a_task(uow, a_patient(uow), a_queue(uow))))
            recording = a_recording(uow, call, Path("nowhere"), state=RecordingState.TRANSCRIBED)
            turn = Turn(channel=Channel.PATIENT, start=2.0, end=4.0, text="膝盖还有点肿", confidence=0.9)
            uow.recordings.add_transcript(
                Transcript(
                    id=new_id(),
                    recording_id=recording.id,
                    language="zh",
                    engine="test",
                    model="test",
                    parameters={},
                    turns=[turn],
                    created_at=uow.now,
                )
            )
            uow.commit()
        yield UnitsOfWork(engine)
        engine.dispose()


def typed(*words: str) -> str:
    finished = CliRunner().invoke(app, list(words))
    assert finished.exit_code == 0, finished.output
    return finished.stdout


def test_what_lacks_is_put_in_once_and_everything_when_asked(units: UnitsOfWork) -> None:
    assert typed("index") == "1 recordings were put into the index\n"
    with units() as uow:
        wanted = TurnQuery(readings=((Term(any_of=((Lexeme(text="膝盖"),),)),),))
        (hit,) = uow.turn_search.find(wanted, TurnFilter(), now=uow.now, limit=5)
    assert (hit.start, hit.text) == (2.0, "膝盖还有点肿")
    assert typed("index") == "0 recordings were put into the index\n"
    assert typed("index", "--rebuild") == "1 recordings were put into the index\n"
