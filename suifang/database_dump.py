"""A whole database into a file and back, by PostgreSQL's own programs from the wheel."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from runtime.postgres_server import installed_programs, libpq_url

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


class DumpError(Exception):
    """PostgreSQL's program failed; the text is what it said."""


def dump(database_url: str, into: Path) -> None:
    """Everything as of one moment, compressed, in pg_dump's own format."""
    _run(database_url, "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={into}"])


def load(database_url: str, dumped: Path, folder: Path) -> None:
    """Replace all that the database holds by the dump, in one transaction: all of it, or nothing changes."""
    script = folder / "restore.sql"
    _run(database_url, "pg_restore", ["--no-owner", "--no-privileges", f"--file={script}", str(dumped)])
    anew = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null"]
    _run(database_url, "psql", [*options, f"--command={anew}", f"--file={script}"])
    script.unlink()


def tables_with_rows(database_url: str) -> list[str]:
    """The tables that hold anything; the note of the migration alone is nothing."""
    with psycopg.connect(libpq_url(database_url)) as connection:
        named = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "AND table_schema NOT IN ('pg_catalog', 'information_schema') "
            "AND table_name <> 'alembic_version' ORDER BY 2"
        ).fetchall()
        return [
            table
            for schema, table in named
            if connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(schema, table))).fetchone()
            is not None
        ]


def others_connected(database_url: str) -> int:
    """How many other programs hold connections to this database."""
    with psycopg.connect(libpq_url(database_url)) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        ).fetchone()
        return int(counted[0]) if counted else 0


def _run(database_url: str, program: str, options: Sequence[str]) -> None:
    # The environment and not the command line: that one can be read by everybody.
    known = conninfo_to_dict(libpq_url(database_url))
    environment = {variable: str(known[name]) for name, variable in _VARIABLES.items() if known.get(name)}
    finished = subprocess.run(
        [str(installed_programs() / program), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if finished.returncode != 0:
        raise DumpError(f"{program} failed with status {finished.returncode}: {finished.stderr.strip()[-2000:]}")
