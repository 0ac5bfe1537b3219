"""`suifang user`: local users."""

import sys
from typing import Annotated

import typer

from db.users import Role
from suifang import user_command
from suifang.commands.frame import in_words, units_of_work

app = typer.Typer(no_args_is_help=True, help="Local users.")


@app.command(name="create")
@in_words
def create_user(
    login: Annotated[str, typer.Argument(help="What the user types to log in.")],
    name: Annotated[str, typer.Option(help="The name that others see.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    language: Annotated[list[str] | None, typer.Option(help="Spoken with patients; zh by default.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="A queue's name that the user works in.")] = None,
) -> None:
    """Add a user; the password is asked for, or read from standard input."""
    with units_of_work() as units:
        password = user_command.read_password(sys.stdin)
        languages = tuple(language or ("zh",))
        typer.echo(
            user_command.create(
                units,
                login=login,
                display_name=name,
                password=password,
                roles=role,
                languages=languages,
                queues=tuple(queue or ()),
            )
        )


@app.command(name="password")
@in_words
def change_password(login: Annotated[str, typer.Argument(help="Whose password.")]) -> None:
    """Give a user another password and log him out everywhere."""
    with units_of_work() as units:
        user_command.change_password(units, login=login, password=user_command.read_password(sys.stdin))
    typer.echo(f"{login} has a new password and is logged out")


@app.command(name="disable")
@in_words
def disable_user(login: Annotated[str, typer.Argument(help="Who.")]) -> None:
    """Lock a user out at once; what he did stays."""
    with units_of_work() as units:
        user_command.disable(units, login=login)
    typer.echo(f"{login} is locked out")
