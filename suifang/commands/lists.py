"""`suifang import`: lists that other systems wrote."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from followup.imports import ListKind
from suifang.commands.frame import in_words, quiet_settings, units_of_work
from suifang.process_entry import loaded


@in_words
def import_list(
    file: Annotated[Path | None, typer.Argument(help="CSV, xls or xlsx.")] = None,
    kind: Annotated[ListKind, typer.Option(help="What each row tells.")] = ListKind.DISCHARGE,
    source: Annotated[str, typer.Option(help="Where the list comes from; its mapping is remembered by this.")] = "",
    template: Annotated[str | None, typer.Option(help="The plan that every visit gets.")] = None,
    mapping: Annotated[list[str] | None, typer.Option(help="field=header, such as phone=联系电话.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    undo: Annotated[str | None, typer.Option(help="Take back the import of this id instead.")] = None,
) -> None:
    """Bring in a list of discharges, appointments, numbers, exams or medicines; exit status 1 when rows were parked."""
    with units_of_work() as units:
        sys.exit(
            loaded("suifang.import_command").run(
                units,
                quiet_settings(),
                file,
                kind,
                source=source,
                template=template,
                mapping=mapping or (),
                dry_run=dry_run,
                undo=undo,
                agreed=lambda: yes or typer.confirm("Write the rows without errors?"),
                console=Console(),
            )
        )
