"""A machine with far too much to do: call workers that get no processor are left alone, one that hangs is put down."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from followup.calls import LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, OutboundLeg, Trunk
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pulse import starved_seconds
from tests.support.call_control_bench import pool_settings
from tests.support.sip_patient import sip_patient
from tests.support.waiting import until

HOGS = 16
HOGGED_SECONDS = 12.0
HUNG_SECONDS = 5.0  # what holds in service
LEG = LegId("patient")


@contextmanager
def hogs(*, on: set[int]) -> Iterator[None]:
    """Processes that take all they can get."""
    # Each in a session of its own, or the kernel would give all of them together no more than the one worker.
    children = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(HOGS)
    ]
    for child in children:
        os.sched_setaffinity(child.pid, on)
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


@pytest.mark.soak
@pytest.mark.parametrize("least_of_all", [False, True], ids=["among equals", "below all others"])
def test_a_worker_without_a_processor_keeps_its_call_and_one_that_hangs_does_not(
    tmp_path: Path, least_of_all: bool
) -> None:
    events: list[LegEvent] = []

    def take(event: LegEvent) -> None:
        events.append(event)
        pool.acknowledge(event)

    def told(kind: LegEventKind) -> list[LegEvent]:
        return [event for event in events if (event.leg_id, event.kind) == (LEG, kind)]

    pool = WorkerPool(replace(pool_settings(tmp_path, workers_max=2), hung_seconds=HUNG_SECONDS), take)
    control = SipCallControl(pool)
    user = "id-hogs.ring.answer.play-440"
    with sip_patient(tmp_path / "phone", {}) as phone:
        trunk = Trunk(name="phone", host=phone.host, port=phone.port, loopback_only=True)
        pool.start()
        try:
            leg = OutboundLeg(leg_id=LEG, attempt_id=LEG, role=LegRole.PATIENT, number=user)
            control.originate(leg, trunk)
            until(lambda: told(LegEventKind.ANSWERED), timeout=15, what="the call is up")
            pid = next(worker.pid for worker in pool.workers() if LEG in worker.legs)
            if least_of_all:
                os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
                os.sched_setaffinity(pid, {0})
                Path(f"/proc/{pid}/autogroup").write_text("19")
            before, began = starved_seconds(pid), time.monotonic()
            with hogs(on={0} if least_of_all else os.sched_getaffinity(0)):
                until(lambda: time.monotonic() - began > HOGGED_SECONDS, timeout=HOGGED_SECONDS + 10, what="time")
            print(f"waited {starved_seconds(pid) - before:.1f} s of {HOGGED_SECONDS} for a processor")
            assert [worker.pid for worker in pool.workers() if LEG in worker.legs] == [pid]
            assert told(LegEventKind.ENDED) == []
            until(lambda: control.status()[0].packets_received > 0, timeout=10, what="it answers")
            os.kill(pid, signal.SIGSTOP)
            until(lambda: told(LegEventKind.ENDED), timeout=25, what="the call of the one that hangs ends")
            assert [event.values["end_reason"] for event in told(LegEventKind.ENDED)] == ["worker_lost"]
            assert phone.wait_for("disconnected", user, timeout=5)
        finally:
            pool.close(quit_idle=True)
