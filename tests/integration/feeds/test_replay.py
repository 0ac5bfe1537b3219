"""`suifang feed replay`: files of messages come in by the door of connections, whatever stands between them."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedState
from interop.hl7.framing import framed
from interop.hl7.message_files import frames_in
from runtime.settings import Settings
from suifang.replay_command import ReplayCommandError, run
from tests.support.feeds import adt, ago, oru
from tests.support.hospital_years import messages_of, numbers_of_results, write_messages

PEOPLE = range(10, 14)


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    """A hospital of its own for each test: what waits is counted."""
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def replayed(units: UnitsOfWork, *files: Path) -> tuple[int, str]:
    """Exit status, and what was said."""
    said = io.StringIO()
    status = run(units, Settings(), files, Console(file=said, width=200))
    return status, said.getvalue()


def test_a_file_is_brought_in_and_once_more_changes_nothing(units: UnitsOfWork, tmp_path: Path) -> None:
    file = tmp_path / "his.hl7"
    count = write_messages(file, PEOPLE)
    placed, waiting = numbers_of_results(PEOPLE)
    for known in (0, count):
        status, said = replayed(units, file)
        assert status == 0
        assert f"{count} messages read, {known} of them known already; 0 refused, 0 more are parked" in said
        with units() as uow:
            assert uow.feeds.count(FeedState.APPLIED) == count
            assert uow.unmapped_results.count_waiting() == waiting
            patients = uow.patients.page(after=None, limit=100)
            assert sum(sum(uow.observations.codes_of(each.id).values()) for each in patients) == placed


def test_what_was_refused_or_parked_is_said_and_the_rest_applied(units: UnitsOfWork, tmp_path: Path) -> None:
    file = tmp_path / "mixed.hl7"
    unknown = oru("X1", "OBX|1|NM|718-7^^LN||132|g/L|||||F", at=ago(days=3))
    file.write_bytes("\n".join(["nothing that is a message", unknown, *messages_of(range(20, 21))]).encode())
    status, said = replayed(units, file)
    assert status == 1
    assert "1 refused, 1 more are parked than before" in said
    with units() as uow:
        assert uow.feeds.count(FeedState.APPLIED) == 13


def test_a_file_that_is_not_there_is_said_in_words(units: UnitsOfWork, tmp_path: Path) -> None:
    with pytest.raises(ReplayCommandError, match="is no file"):
        run(units, Settings(), [tmp_path / "none.hl7"], Console(file=io.StringIO()))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("between", ["", "\r\n", "BTS|1\rFTS|1\rFHS|^~\\&\rBHS|^~\\&\r"])
def test_messages_are_told_apart_however_their_lines_end(end: str, between: str) -> None:
    told = [adt("A04", f"Z{n}", at=ago(days=n)) for n in range(3)]
    content = between.join(each.replace("\r", end) for each in told).encode("gb18030")
    assert [frame.content.decode("gb18030") for frame in frames_in(io.BytesIO(content), limit=10_000)] == told


def test_frames_of_a_recorded_connection_are_read_too() -> None:
    told = [adt("A04", f"Z{n}", at=ago(days=n)).encode() for n in range(3)]
    assert [frame.content for frame in frames_in(io.BytesIO(b"".join(map(framed, told))), limit=10_000)] == told


def test_a_message_that_is_too_long_is_cut_and_the_next_one_is_whole() -> None:
    long, short = adt("A04", "L1", at=ago(days=1)) + "NTE|1||" + "x" * 50_000 + "\r", adt("A04", "L2", at=ago(days=1))
    first, second = frames_in(io.BytesIO((long + short).encode()), limit=10_000)
    assert first.too_long
    assert len(first.content) <= 10_000
    assert second.content.decode() == short
