"""Killing processes of a running round at random moments, without a word of warning."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import psutil

from tests.support.demo_round import DemoRound
from tests.support.waiting import until

ROUND_IN_FULL_SWING = (3.0, 45.0)
FREE_WITHIN = 5.0


def _call_worker(running: DemoRound) -> int | None:
    workers = running.call_workers()
    return workers[0] if workers else None


def _program(name: str) -> Callable[[DemoRound], int | None]:
    return lambda running: running.pid_of(name)


def _celery_child(program: str) -> Callable[[DemoRound], int | None]:
    def find(running: DemoRound) -> int | None:
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(running.pid_of(program)).children()
            return children[0].pid if children else running.pid_of(program)
        return None

    return find


VICTIMS: dict[str, Callable[[DemoRound], int | None]] = {
    "call worker": _call_worker,
    "front worker": DemoRound.front_worker,
    "telephony node": _program("telephony"),
    "celery worker": _program("worker"),
    "speech worker's child": _celery_child("speech"),
    "scheduler": _program("scheduler"),
}


def kill_on_the_way(
    running: DemoRound, victims: dict[str, Callable[[DemoRound], int | None]], dice: random.Random
) -> list[str]:
    """Kill each victim once, at its own random moment of the round; what was killed and when, in words."""
    began = time.monotonic()
    moments = sorted((dice.uniform(*ROUND_IN_FULL_SWING), name) for name in victims)
    killed = []
    pause = threading.Event()
    for moment, name in moments:
        pause.wait(max(0.0, began + moment - time.monotonic()))
        if running.process.poll() is not None:
            break
        pid = until(lambda name=name: victims[name](running), timeout=30, what=f"there is a {name} to kill")  # type: ignore[misc]
        before = open_calls(running) if name == "call worker" else set()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        killed.append(f"{name} ({pid}) after {moment:.1f} s at {datetime.now(UTC):%H:%M:%S.%f}")
        print(f"killed {killed[-1]}")
        if before:
            assert_phones_are_freed(running, before)
    return killed


def open_calls(running: DemoRound) -> set[str]:
    """Calls that a phone of the town has up or ringing now."""
    live: set[str] = set()
    for line in running.town():
        if line["event"] == "invite":
            live.add(line["call_id"])
        elif line["event"] in ("bye", "cancel", "refused"):
            live.discard(line["call_id"])
    return live


def assert_phones_are_freed(running: DemoRound, before: set[str]) -> None:
    """At least the dead worker's call is over within FREE_WITHIN; other workers' calls may go on."""
    until(
        lambda: open_calls(running) != before,
        timeout=FREE_WITHIN + 1,
        what="the dead worker's phone is free",
        every=0.1,
    )
