"""`suifang queues`: what waits for the workers, and what failed for good."""

from typing import Annotated

import typer
from rich.console import Console

from followup.parked_tasks import ParkedTaskState
from runtime.embedded import ensure_engines
from suifang import queues_command
from suifang.commands.frame import in_words, quiet_settings, units_of_work

app = typer.Typer(no_args_is_help=True, help="What waits for the workers, and what failed for good.")


@app.command(name="show")
@in_words
def show_queues() -> None:
    """Print how much waits in each queue, and how many tasks are parked."""
    with units_of_work() as units, units() as uow:
        broker_url = ensure_engines(quiet_settings()).broker_url
        outbox = uow.outbox
        waiting = queues_command.waiting(broker_url)
        Console().print(queues_command.as_table(waiting, outbox.count_unpublished(), outbox.count_changed()))
        typer.echo(f"{uow.parked.count_open()} tasks failed for good and are parked: `suifang queues parked`")


@app.command(name="parked")
@in_words
def show_parked(
    state: Annotated[ParkedTaskState, typer.Option(help="Those that wait, or those that were settled.")] = (
        ParkedTaskState.PARKED
    ),
) -> None:
    """List tasks that failed for good, with why."""
    with units_of_work() as units, units() as uow:
        Console().print(queues_command.parked_table(uow.parked.page(state=state, limit=500)))


Because = Annotated[str, typer.Option(help="What was mended, or why it need not be done; kept in the audit log.")]


@app.command(name="replay")
@in_words
def replay_parked(
    parked_id: Annotated[str, typer.Argument(help="From `suifang queues parked`.")], because: Because
) -> None:
    """Send a parked task once more, after its cause was mended."""
    with units_of_work() as units:
        queues_command.settle_parked(units, parked_id, state=ParkedTaskState.REPLAYED, because=because)
    typer.echo(f"{parked_id} is sent again")


@app.command(name="dismiss")
@in_words
def dismiss_parked(
    parked_id: Annotated[str, typer.Argument(help="From `suifang queues parked`.")], because: Because
) -> None:
    """Let a parked task go: it need not be done."""
    with units_of_work() as units:
        queues_command.settle_parked(units, parked_id, state=ParkedTaskState.DISMISSED, because=because)
    typer.echo(f"{parked_id} is dismissed")
