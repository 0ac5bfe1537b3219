"""`suifang flow`: automated calls."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from suifang import flow_command
from suifang.commands.frame import in_words, quiet_settings

app = typer.Typer(no_args_is_help=True, help="Automated calls.")


@app.command(name="check")
@in_words
def check_flows(
    file: Annotated[
        Path | None, typer.Argument(help="A flow's YAML file; all of the content folder if not given.")
    ] = None,
) -> None:
    """Say what is wrong with the flows of automated calls; exit status 1 when something is."""
    sys.exit(flow_command.check(flow_command.FlowDesk(quiet_settings()), file, sys.stdout))


@app.command(name="try")
@in_words
def try_flow(
    flow: Annotated[str, typer.Argument(help="The flow's id.")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    variable: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as appointment_at=2026-11-25T09:30.")] = None,
    slow: Annotated[bool, typer.Option(help="As for somebody who needs time.")] = False,
) -> None:
    """Have an automated call in the terminal: read what is said, type keys, see what would be written."""
    flow_command.try_out(
        flow_command.FlowDesk(quiet_settings()),
        flow,
        language=language,
        variables=variable or [],
        slow=slow,
        keys=lambda: sys.stdin.readline() or None,
        out=sys.stdout,
    )
