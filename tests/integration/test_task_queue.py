"""Deliveries on a real broker: a killed worker's task comes back soon, a living worker's long one never doubles."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import redis

from runtime.task_queue import make_task_queue
from tests.support.killed_workers import addresses_of, kill_worker, known
from tests.support.waiting import until


@contextmanager
def worker(broker_url: str, visibility: float) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-m", "tests.support.slow_worker", broker_url, str(visibility)])
    try:
        yield started
    finally:
        if started.poll() is None:
            kill_worker(psutil.Process(started.pid), broker_url)
            started.wait()


def test_a_killed_workers_task_is_run_by_the_next_one_within_the_visibility_time(broker_url: str) -> None:
    queue = make_task_queue(broker_url)
    broker = redis.Redis.from_url(broker_url)
    queue.send_task("tests.linger", args=["killed"])
    with worker(broker_url, visibility=4) as first:
        until(lambda: broker.get("killed") == b"1", timeout=30, what="the first worker began")
        kill_worker(psutil.Process(first.pid), broker_url)
        first.wait()
    broker.set("killed:go", 1)
    with worker(broker_url, visibility=4):
        until(lambda: broker.get("killed") == b"2", timeout=30, what="the second worker ran the task again")
        until(lambda: broker.hlen("unacked") == 0, timeout=10, what="the task was acknowledged")


def test_a_task_longer_than_the_visibility_time_is_run_once_while_its_worker_lives(broker_url: str) -> None:
    queue = make_task_queue(broker_url)
    broker = redis.Redis.from_url(broker_url)
    queue.send_task("tests.linger", args=["long"])
    with worker(broker_url, visibility=3), worker(broker_url, visibility=3):
        until(lambda: broker.get("long") == b"1", timeout=30, what="one worker began")
        seconds_before = float(broker.time()[0])
        until(
            lambda: float(broker.time()[0]) - seconds_before > 8,
            timeout=20,
            what="more than twice the visibility time passed",
            every=0.2,
        )
        assert broker.get("long") == b"1"
        broker.set("long:go", 1)
        until(lambda: broker.hlen("unacked") == 0, timeout=10, what="the task was acknowledged")
    assert broker.get("long") == b"1"


def test_a_child_in_anothers_place_keeps_none_of_its_parents_connections(broker_url: str) -> None:
    queue = make_task_queue(broker_url)
    broker = redis.Redis.from_url(broker_url)
    queue.send_task("tests.linger", args=["before"])
    with worker(broker_url, visibility=4) as started:
        parent = psutil.Process(started.pid)
        until(lambda: broker.get("before") == b"1", timeout=30, what="a first child began")
        first = parent.children()
        for child in first:
            child.kill()
        until(lambda: int(broker.get("before") or 0) > 1, timeout=30, what="another child began it again")
        later = until(lambda: in_their_place(parent, first), timeout=10, what="others are in their place")
        for child in later:
            until(
                lambda child=child: not known(broker, addresses_of(parent) & addresses_of(child)),  # type: ignore[misc]
                timeout=10,
                what="what the parent has opened is the parent's alone",
            )
        assert known(broker, addresses_of(parent))
        queue.send_task("tests.linger", args=["after"])
        until(lambda: broker.get("after") == b"1", timeout=10, what="the parent still hears")
        broker.mset({"before:go": 1, "after:go": 1})
        until(lambda: broker.hlen("unacked") == 0, timeout=10, what="both tasks were acknowledged")


def in_their_place(parent: psutil.Process, first: list[psutil.Process]) -> list[psutil.Process]:
    """The children that replaced all of the first, none as long as one is missing."""
    children = parent.children()
    return children if len(children) == len(first) and not set(children) & set(first) else []
