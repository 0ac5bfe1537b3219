"""The pulse of a call worker: silence counts only as far as the worker is to blame for it."""

import subprocess
import sys
import time

import psutil

from telephony.sip.pulse import starved_seconds
from tests.support.waiting import until

SPIN = "import os; os.sched_setaffinity(0, {0})\nwhile True: pass"


def test_the_time_a_process_waits_for_a_processor_is_known() -> None:
    rivals = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(2)]
    try:
        began = time.monotonic()
        until(
            lambda: all(starved_seconds(rival.pid) > 0.2 for rival in rivals),
            timeout=10,
            what="two processes on one processor wait for each other",
        )
        assert starved_seconds(rivals[0].pid) <= time.monotonic() - began + 0.1
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
    assert starved_seconds(rivals[0].pid) == 0.0


def test_a_process_that_does_nothing_is_not_starved() -> None:
    idle = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        until(lambda: psutil.Process(idle.pid).status() == psutil.STATUS_SLEEPING, timeout=60, what="it waits")
        before = starved_seconds(idle.pid)
        assert starved_seconds(idle.pid) - before < 1
    finally:
        idle.kill()
        idle.wait()
