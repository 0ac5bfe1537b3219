"""`suifang feed replay`: files of HL7 messages, kept and applied as if their senders had sent them, with progress."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedState
from interop.hl7.framing import Frame
from interop.hl7.message_files import frames_in
from interop.hl7.replaying import Replayed, replay
from runtime.content.library import Content
from runtime.settings import Settings
from suifang.feeds_process import feed_desk, receiving_rules


class ReplayCommandError(Exception):
    """A file cannot be replayed; the text says why and what to do."""


def run(units: UnitsOfWork, settings: Settings, files: Sequence[Path], console: Console) -> int:
    """Bring the files in, in their order; the exit status: 0 if nothing was refused or parked by it."""
    for file in files:
        if not file.is_file():
            raise ReplayCommandError(f"{file} is no file: name files of HL7 messages")
    content = Content(settings.content_dir)
    rules, desk = receiving_rules(settings, content), feed_desk(settings, content)
    before = _counts(units)
    total = Counter[str]()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
        console=console,
    ) as bar:
        for file in files:
            shown = bar.add_task(file.name, total=file.stat().st_size, told="")
            done = replay(
                units,
                _frames(file, settings.feeds_message_mb * 1_000_000, partial(_read_upto, bar, shown)),
                peer=f"file:{file.name}"[:64],
                rules=rules,
                desk=desk,
                progress=partial(_tell, bar, shown),
            )
            total.update(read=done.read, new=done.new, refused=done.refused)
    after = _counts(units)
    parked = max(0, after[FeedState.PARKED] - before[FeedState.PARKED])
    console.print(
        f"{total['read']} messages read, {total['read'] - total['new']} of them known already; "
        f"{total['refused']} refused, {parked} more are parked than before"
    )
    if after[FeedState.STORED]:
        console.print(f"{after[FeedState.STORED]} wait: `suifang feeds` is running, and applies them")
    if parked or total["refused"]:
        console.print("what was set aside, and why: GET /api/v1/feeds/messages?state=parked (or refused)")
    return 1 if parked or total["refused"] else 0


def _tell(bar: Progress, shown: TaskID, done: Replayed) -> None:
    bar.update(shown, told=f"{done.read} read, {done.looked_at} applied")


def _read_upto(bar: Progress, shown: TaskID, place: int) -> None:
    bar.update(shown, completed=place)


def _frames(file: Path, limit: int, upto: Callable[[int], None]) -> Iterator[Frame]:
    try:
        with file.open("rb") as opened:
            for frame in frames_in(opened, limit=limit):
                upto(opened.tell())
                yield frame
    except OSError as error:
        raise ReplayCommandError(f"{file} cannot be read: {error.strerror}") from error


def _counts(units: UnitsOfWork) -> dict[FeedState, int]:
    with units() as uow:
        return {state: uow.feeds.count(state) for state in (FeedState.STORED, FeedState.PARKED)}
