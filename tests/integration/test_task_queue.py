"""Deliveries on a real broker: a killed worker's task comes back soon, a living worker's long one never doubles."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import redis

from runtime.task_queue import make_task_queue
from tests.support.killed_workers import kill_worker
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


def test_a_child_that_outlives_its_worker_swallows_no_message(broker_url: str) -> None:
    queue = make_task_queue(broker_url)
    broker = redis.Redis.from_url(broker_url)
    queue.send_task("tests.linger", args=["before"])
    with worker(broker_url, visibility=4) as first:
        main = psutil.Process(first.pid)
        until(lambda: broker.get("before") == b"1", timeout=30, what="the first child began")
        first_children = main.children()
        for child in first_children:
            child.kill()
        until(lambda: broker.get("before") == b"2", timeout=30, what="a child in their place began")
        until(lambda: listens(broker), timeout=10, what="the worker waits for the next message")
        later_children = main.children()
        assert not set(first_children) & set(later_children)
        main.kill()
        first.wait()
    try:
        until(lambda: not listens(broker), timeout=10, what="the broker knows that nobody waits for messages")
        assert any(child.is_running() for child in later_children), "one goes on with what it does"
        queue.send_task("tests.linger", args=["after"])
        broker.mset({"before:go": 1, "after:go": 1})
        with worker(broker_url, visibility=4):
            until(lambda: broker.get("after") == b"1", timeout=30, what="the next worker ran what was sent")
    finally:
        for child in later_children:
            with suppress(psutil.NoSuchProcess):
                child.kill()


def listens(broker: redis.Redis) -> bool:
    """True if the broker has somebody to give the next message to."""
    return any("b" in client["flags"] for client in broker.client_list())
