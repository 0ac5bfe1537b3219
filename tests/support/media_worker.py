"""A real worker process for the tests of recordings and speech: `python -m tests.support.media_worker`.

It is `suifang worker` with the settings of the environment, and with waits short enough for a test. With
MEDIA_WORKER_INGEST=dies every try to ingest takes its process down, as a broken native library would; with `hangs` it
never ends.
"""

import os
import signal
from datetime import timedelta
from typing import Any, cast

import recordings.tasks
from runtime import task_queue
from runtime.settings import load_settings
from suifang import worker_process


def main() -> None:
    """Run until told to stop."""
    task_queue.VISIBILITY = timedelta(seconds=4)
    task_queue.HOLD_INTERVAL = timedelta(seconds=1)
    task_queue.SWEEP_INTERVAL = timedelta(seconds=0.5)
    cast("dict[str, Any]", task_queue.TRIED_AGAIN).update(retry_backoff=False, default_retry_delay=0.2)
    sabotage = os.environ.get("MEDIA_WORKER_INGEST")
    if sabotage == "dies":
        vars(recordings.tasks)["ingest"] = _die
    elif sabotage == "hangs":
        cast("dict[str, Any]", task_queue.TRIED_AGAIN).update(time_limit=2)
        vars(recordings.tasks)["ingest"] = _hang
    worker_process.run(load_settings())


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(*_: object) -> None:
    signal.pause()


if __name__ == "__main__":
    main()
