"""A Celery worker for the tests of the task queue: `python -m tests.support.slow_worker BROKER_URL`, one task.

`tests.linger(key)` counts its runs under `key` and lasts until `key:go` exists. Two tasks run at once, so that a worker
with one of them in hand waits for the next.
"""

import sys
import time
from datetime import timedelta

import redis

from runtime import task_queue


def main() -> None:
    """Run with deadlines short enough for a test."""
    broker_url, visibility = sys.argv[1], float(sys.argv[2])
    task_queue.VISIBILITY = timedelta(seconds=visibility)
    task_queue.HOLD_INTERVAL = timedelta(seconds=visibility / 4)
    task_queue.SWEEP_INTERVAL = timedelta(seconds=0.5)
    app = task_queue.make_task_queue(broker_url)

    @app.task(name="tests.linger")  # type: ignore[untyped-decorator]
    def linger(key: str) -> None:
        broker = redis.Redis.from_url(broker_url)
        broker.incr(key)
        while not broker.exists(f"{key}:go"):
            time.sleep(0.05)  # the test's own program: it stands for work

    app.worker_main(
        ["worker", "--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle", "-l", "INFO"]
    )


if __name__ == "__main__":
    main()
