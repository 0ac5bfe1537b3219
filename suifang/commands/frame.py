"""What every command shares: its settings, its database, and that a refusal is a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import typer

from api.passwords import PasswordRefusedError
from db.engine import make_engine
from db.migrate import pending
from db.unit_of_work import UnitsOfWork
from followup.calendars import UnknownRegionError
from runtime.content.documents import ContentError
from runtime.embedded import EngineError, ensure_engines
from runtime.log import configure_logging
from runtime.settings import Settings, SettingsError, load_settings
from suifang.backup import BackupError
from suifang.flow_command import FlowCommandError
from suifang.queues_command import QueuesCommandError
from suifang.start import WrongStartError
from suifang.supervision import SupervisionError
from suifang.tls import TlsError
from suifang.user_command import UserCommandError
from suifang.vault_refusal import VaultCommandError
from telephony.edge.configuration import EdgeError

REFUSALS = (
    SettingsError,
    EngineError,
    WrongStartError,
    SupervisionError,
    BackupError,
    TlsError,
    EdgeError,
    ContentError,
    UserCommandError,
    QueuesCommandError,
    FlowCommandError,
    UnknownRegionError,
    VaultCommandError,
)

P = ParamSpec("P")
R = TypeVar("R")


def in_words(command: Callable[P, R]) -> Callable[P, R]:
    """A refusal is a sentence and exit status 1; only a fault of the program itself shows a traceback."""

    @wraps(command)
    def worded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except PasswordRefusedError as refusal:
            typer.echo(f"the password {refusal}", err=True)
            raise typer.Exit(1) from None
        except REFUSALS as refusal:
            typer.echo(str(refusal), err=True)
            raise typer.Exit(1) from None

    return worded


@contextmanager
def units_of_work() -> Iterator[UnitsOfWork]:
    with ensure_engines(quiet_settings()) as engines:
        behind = pending(engines.database_url)
        if behind is not None:
            raise WrongStartError(behind)
        engine = make_engine(engines.database_url, application="suifang-cli")
        try:
            yield UnitsOfWork(engine)
        finally:
            engine.dispose()


def quiet_settings() -> Settings:
    settings = load_settings()
    configure_logging(settings.model_copy(update={"log_level": "WARNING"}), "suifang")
    return settings
