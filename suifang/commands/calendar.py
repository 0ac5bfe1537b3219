"""`suifang calendar`: working days and public holidays."""

from typing import Annotated

import typer

from runtime import clock
from suifang.commands.frame import in_words, quiet_settings, units_of_work
from suifang.process_entry import loaded

app = typer.Typer(no_args_is_help=True, help="Working days and public holidays.")


Region = Annotated[str | None, typer.Option(help="A country (CN) or a part of one (GB-SCT); by default ours.")]


@app.command(name="show")
@in_words
def show_calendar(
    year: Annotated[int | None, typer.Argument(help="The present year if not given.")] = None,
    region: Region = None,
) -> None:
    """Print the days that are not as their weekday says."""
    wanted = region or quiet_settings().calendar_region
    with units_of_work() as units:
        typer.echo(loaded("suifang.calendar_command").shown(units, wanted, year or clock.now().year))


@app.command(name="load")
@in_words
def load_calendar(
    first: Annotated[int | None, typer.Option(help="First year.")] = None,
    last: Annotated[int | None, typer.Option(help="Last year.")] = None,
    region: Region = None,
) -> None:
    """Take what the installed packages know; what an administrator entered stays."""
    wanted = region or quiet_settings().calendar_region
    with units_of_work() as units:
        typer.echo(loaded("suifang.calendar_command").load(units, wanted, first=first, last=last))
