"""What the database itself refuses: a row that contradicts another one, a lock not given in time, no connection."""

from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import IntegrityError as RowRefusedError
from sqlalchemy.exc import OperationalError as DatabaseUnavailableError

__all__ = ["DatabaseUnavailableError", "RowRefusedError", "broken_rule", "gave_up_waiting"]


def broken_rule(error: RowRefusedError) -> str:
    """The name of the constraint or index that refused the row; empty where the database names none."""
    diagnostics = getattr(error.orig, "diag", None)
    return str(getattr(diagnostics, "constraint_name", None) or "")


def gave_up_waiting(error: DatabaseUnavailableError) -> bool:
    """True if another transaction held what this one needed for longer than the lock limit."""
    return isinstance(error.orig, LockNotAvailable)
