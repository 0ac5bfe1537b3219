"""`suifang plans`: plan templates and the plans that follow them."""

import typer

from runtime.content.library import Content
from suifang import plans_command
from suifang.commands.frame import in_words, quiet_settings, units_of_work

app = typer.Typer(no_args_is_help=True, help="Plan templates and the plans that follow them.")


@app.command(name="check")
@in_words
def check_plans() -> None:
    """Say whether every template can be used here; exit status 1 when one cannot."""
    with units_of_work() as units:
        faults = plans_command.check(units, Content(quiet_settings().content_dir))
    typer.echo("\n".join(faults) or "every template can be used")
    raise typer.Exit(1 if faults else 0)


@app.command(name="queues")
@in_words
def make_plan_queues() -> None:
    """Make the queues of content/queues.yaml that are not there yet."""
    with units_of_work() as units:
        made = plans_command.make_queues(units, Content(quiet_settings().content_dir))
    typer.echo(f"made: {', '.join(made)}" if made else "every queue is there")


@app.command(name="outdated")
@in_words
def list_outdated_plans() -> None:
    """List unfinished plans that follow an older version of their template; none changes by itself."""
    with units_of_work() as units:
        lines = plans_command.outdated(units, Content(quiet_settings().content_dir))
    typer.echo("\n".join(lines) or "every unfinished plan follows the newest version of its template")
