"""`suifang index`: the search over what was said."""

from typing import Annotated

import typer

from runtime.content.library import Content
from suifang.commands.frame import in_words, quiet_settings, units_of_work
from suifang.process_entry import loaded


@in_words
def index_turns(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Put in everything anew, not only what lacks.")] = False,
) -> None:
    """Bring the search over transcripts up to date: what is missing, or was cut by another dictionary."""
    settings = quiet_settings()
    with units_of_work() as units:
        done = loaded("suifang.index_command").run(units, Content(settings.content_dir), settings, anew=rebuild)
    typer.echo(f"{done} recordings were put into the index")
