"""The vault's own Celery task: the shell around `recordings.tending`."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from celery import Celery

from db.unit_of_work import UnitsOfWork
from recordings.signing import SigningKey
from recordings.tending import tend
from recordings.vault import Vault
from runtime.worker_context import provided

log = structlog.get_logger(__name__)

TEND = "recordings.tend_vault"
_SECONDS = 30.0
"""Whoever waits behind it in the common queue decides calls: it is asked for again rather than going on for long."""
_LONGEST_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultParts:
    """What the task works with."""

    units_of_work: UnitsOfWork
    vault: Vault
    signing_key: Callable[[], SigningKey]


def register(app: Celery) -> None:
    """Make the task known to a worker's application; what is not done is asked for again by the clock."""
    app.task(tend_vault, name=TEND, lazy=False, time_limit=_LONGEST_SECONDS)


def tend_vault(_subject: str) -> None:
    """Seal, take away and sign what waits, for half a minute; the rest is asked for again."""
    parts = provided(VaultParts)
    done = tend(parts.units_of_work, parts.vault, parts.signing_key, seconds=_SECONDS)
    log.info(
        "vault_tended",
        sealed=done.sealed,
        taken_away=done.taken_away,
        signed=done.signed,
        left_in_clear=len(done.left_in_clear),
    )
