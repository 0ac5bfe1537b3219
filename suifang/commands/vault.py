"""`suifang vault`: the keys, the ledger and the signed manifests of recordings."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from suifang.commands.frame import in_words, quiet_settings, units_of_work
from suifang.process_entry import loaded

app = typer.Typer(no_args_is_help=True, help="The keys, the ledger and the signed manifests of recordings.")


@app.command(name="status")
@in_words
def show_status() -> None:
    """Which keys hold what, and how far the ledger is signed."""
    with units_of_work() as units:
        sys.exit(loaded("suifang.vault_command").status(quiet_settings(), units, out=sys.stdout))


@app.command(name="new-key")
@in_words
def new_key() -> None:
    """Make a further wrapping key; needed by nobody yet, so that its file can be copied to every machine first."""
    sys.exit(loaded("suifang.vault_command").add_key(quiet_settings(), out=sys.stdout))


@app.command()
@in_words
def rotate() -> None:
    """Let the newest key (or SUIFANG_VAULT_KEY) wrap every recording's key; no recording is touched."""
    with units_of_work() as units:
        sys.exit(loaded("suifang.vault_command").rotate(quiet_settings(), units, out=sys.stdout))


@app.command(name="drop-key")
@in_words
def drop_key(name: Annotated[str, typer.Argument(help="The key, as `suifang vault status` shows it.")]) -> None:
    """Take out a wrapping key that no recording needs."""
    with units_of_work() as units:
        sys.exit(loaded("suifang.vault_command").drop_key(quiet_settings(), units, name, out=sys.stdout))


@app.command()
@in_words
def seal() -> None:
    """Seal the recordings that still lie in clear; the workers do it in passing too."""
    with units_of_work() as units:
        sys.exit(loaded("suifang.vault_command").seal(quiet_settings(), units, out=sys.stdout))


@app.command()
@in_words
def manifest(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    recording: Annotated[
        list[str] | None, typer.Option(help="Only this recording (may be given more than once).")
    ] = None,
    sound: Annotated[bool, typer.Option(help="Also write the recordings, in clear.")] = False,
) -> None:
    """Write a signed manifest that anybody can check without this system: suifang verify --manifest FOLDER."""
    with units_of_work() as units:
        sys.exit(
            loaded("suifang.vault_command").manifest(
                quiet_settings(), units, folder, recordings=recording or [], with_sound=sound, out=sys.stdout
            )
        )
