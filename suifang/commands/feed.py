"""`suifang feed`: messages of the hospital's systems that come as files."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from runtime.log import configure_logging
from suifang.commands.frame import in_words, quiet_settings, units_of_work
from suifang.process_entry import loaded

app = typer.Typer(no_args_is_help=True, help="Messages of the hospital's systems that come as files.")


@app.callback()
def feed() -> None:
    """Messages of the hospital's systems that come as files."""


@app.command(name="replay")
@in_words
def replay_files(files: Annotated[list[Path], typer.Argument(help="Files of HL7 messages, in their order.")]) -> None:
    """Keep and apply files of HL7 messages; exit status 1 when some were refused or parked."""
    command = loaded("suifang.replay_command")
    with units_of_work() as units:
        try:
            settings = quiet_settings()
            # What is set aside is counted and kept with its reason: a line for each would tear the progress bar apart.
            configure_logging(settings.model_copy(update={"log_level": "ERROR"}), "suifang")
            sys.exit(command.run(units, settings, files, Console()))
        except command.ReplayCommandError as refusal:
            typer.echo(str(refusal), err=True)
            raise typer.Exit(1) from None
