"""Waiting for a condition with a deadline: the tests' only way to let time pass."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(predicate: Callable[[], T | None], *, timeout: float, what: str, every: float = 0.02) -> T:
    """Return the predicate's first truthy value, or fail after `timeout` seconds saying `what` did not happen."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what} (last value: {value!r})")
        pause.wait(every)
