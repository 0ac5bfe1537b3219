"""Killing a Celery worker with its children, so that no message is given to the dead.

A process that was killed lives on for a moment, longer on a busy machine. As long as the broker holds its connection
for open it gives it the next message of its queues, and nobody reads it: the next test would wait for ever.
"""

from contextlib import suppress

import psutil
import redis

from tests.support.waiting import until

_STANDS = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def kill_worker(process: psutil.Process, broker_url: str) -> None:
    """Kill a worker without a word of warning, and return when the broker counts on none of its connections."""
    with suppress(psutil.NoSuchProcess):
        # First it stands still: a child that it starts meanwhile would live on.
        process.suspend()
        until(lambda: process.status() in _STANDS, timeout=10, what="the worker stands still", every=0.001)
        its_own = addresses_of(process)
        for member in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        with redis.Redis.from_url(broker_url) as broker:
            until(lambda: not known(broker, its_own), timeout=30, what="the broker saw the worker's end", every=0.01)


def addresses_of(process: psutil.Process) -> set[str]:
    """The addresses from which this process is connected to others."""
    return {f"{each.laddr.ip}:{each.laddr.port}" for each in process.net_connections(kind="tcp")}


def known(broker: redis.Redis, addresses: set[str]) -> set[str]:
    """Those addresses that the broker holds for connected."""
    return addresses & {client["addr"] for client in broker.client_list()}
