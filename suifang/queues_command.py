"""`suifang queues`: what waits for the workers, and the tasks that failed for good."""

from collections.abc import Mapping, Sequence

import redis
from rich.table import Table

from db.task_parking import NotParkedError, settle
from db.unit_of_work import UnitsOfWork
from followup.parked_tasks import ParkedTask, ParkedTaskState
from runtime.task_queue import OPENINGS_QUEUE, QUEUE, SPEECH_QUEUE


class QueuesCommandError(Exception):
    """The command was not carried out; the text says why and what to do instead."""


def waiting(broker_url: str) -> dict[str, int]:
    """Messages that no worker has taken yet, by queue."""
    with redis.Redis.from_url(broker_url, socket_timeout=5) as broker:
        return {name: int(broker.llen(name)) for name in (QUEUE, OPENINGS_QUEUE, SPEECH_QUEUE)}


def as_table(counts: Mapping[str, int], unpublished: int, changed: int) -> Table:
    """Queues and how much waits in each."""
    table = Table("queue", "waiting")
    for name, count in counts.items():
        table.add_row(name, str(count))
    table.add_row("outbox (not yet sent)", str(unpublished))
    table.add_row("changed records (not yet looked at)", str(changed))
    return table


def parked_table(parked: Sequence[ParkedTask]) -> Table:
    """What failed for good, the newest first."""
    table = Table("id", "task", "subject", "times", "last failed", "why")
    for each in parked:
        table.add_row(each.id, each.name, each.subject, str(each.times), f"{each.parked_at:%F %T} UTC", each.reason)
    return table


def settle_parked(units: UnitsOfWork, parked_id: str, *, state: ParkedTaskState, because: str) -> None:
    """Send a parked task again, or let it go."""
    with units() as uow:
        try:
            settle(uow, parked_id, state=state, by=None, because=because)
        except (NotParkedError, ValueError) as error:
            raise QueuesCommandError(f"{error}; `suifang queues parked` lists those that are") from error
        uow.commit()
