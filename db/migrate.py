"""Bringing a database to this version's tables, under a lock so that two starters do not meet."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

_LOCK = 7_319_241  # any number, the same in every version


def _config(connection: object | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def upgrade(database_url: str, to: str = "head") -> None:
    """Migrate to the newest version, or to an earlier one; harmless when it is there already."""
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            command.upgrade(_config(connection), to)
    finally:
        engine.dispose()


def pending(database_url: str) -> str | None:
    """None when the database is at this version, else a sentence saying what it is at."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    if current == head:
        return None
    return f"the database is at migration {current or 'none'}, this version needs {head}: run `suifang migrate`"
