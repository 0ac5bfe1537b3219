"""`suifang recordings`: what failed and is tried again, which calls lack one, how long they are kept."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from db.recording_repairs import NothingToRetryError, try_again
from db.unit_of_work import UnitOfWork
from followup.recording_gaps import GapState
from suifang.commands.frame import in_words, units_of_work

app = typer.Typer(no_args_is_help=True, help="What failed, which calls lack a recording, how long they are kept.")

_SHOWN = 500
_MEBIBYTE = 2**20


@app.command()
@in_words
def failed() -> None:
    """List recordings that failed, and those that wait because the store takes nothing."""
    table = Table("recording", "state", "in the vault", "why")
    with units_of_work() as units, units() as uow:
        for each in uow.recordings.failed(limit=_SHOWN):
            table.add_row(each.id, each.state.value, "yes" if each.uri else "no", each.reason)
    Console().print(table)


@app.command()
@in_words
def retry(
    recording_id: Annotated[list[str] | None, typer.Argument(help="From `suifang recordings failed`.")] = None,
    because: Annotated[str, typer.Option(help="What was mended; kept in the audit log.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every one of which something is left.")] = False,
) -> None:
    """Send failed recordings to the vault, or to the speech engine, once more."""
    if bool(recording_id) is every or len(because) < len("why"):
        typer.echo("name recordings or give --all, and say with --because what was mended", err=True)
        raise typer.Exit(2)
    sent = refused = 0
    with units_of_work() as units, units() as uow:
        wanted = [each.id for each in uow.recordings.failed(limit=_SHOWN)] if every else recording_id or []
        for each in wanted:
            said = _sent_on(uow, each, because)
            if said:
                refused += 1
                typer.echo(f"{each}: {said}", err=True)
            else:
                sent += 1
        uow.commit()
    typer.echo(f"{sent} sent on, {refused} not")
    raise typer.Exit(1 if refused and not every else 0)


def _sent_on(uow: UnitOfWork, recording_id: str, because: str) -> str:
    """Nothing where it was sent, else why not."""
    found = uow.recordings.get(recording_id)
    if found is None:
        return "there is no such recording"
    try:
        try_again(uow, found, by=None, because=because)
    except NothingToRetryError as refusal:
        return str(refusal)
    return ""


@app.command()
@in_words
def gaps() -> None:
    """List answered calls without a whole recording that wait for a word."""
    table = Table("call", "what", "found", "why")
    with units_of_work() as units, units() as uow:
        for each in uow.recording_gaps.page(state=GapState.OPEN, kind=None, since=None, limit=_SHOWN):
            table.add_row(each.call_id, each.kind.value, f"{each.found_at:%Y-%m-%d %H:%M}", each.detail)
    Console().print(table)


@app.command()
@in_words
def outlook(
    days: Annotated[int, typer.Option(min=0, max=3660, help="As it will be so many days from now.")] = 0,
) -> None:
    """Dry run: what would be destroyed, by rule. Nothing is destroyed by asking."""
    table = Table("rule", "kept", "MiB", "held", "due", "due MiB", "wait for a word")
    with units_of_work() as units, units() as uow:
        for each in uow.retention.outlook(now=uow.now, at=uow.now + timedelta(days=days)):
            table.add_row(
                f"{each.rule or 'none: for ever'} ({each.edition})",
                str(each.recordings),
                str(each.bytes // _MEBIBYTE),
                str(each.held),
                str(each.due),
                str(each.due_bytes // _MEBIBYTE),
                str(each.would_be_shorter),
            )
        unsettled = uow.retention.count_unsettled()
    Console().print(table)
    typer.echo(f"{unsettled} recordings have no rule yet: their calls are not wrapped up")
