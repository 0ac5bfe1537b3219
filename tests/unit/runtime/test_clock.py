"""A worker's clock against a system clock that is set while it runs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runtime.clock import WorkerClock, now


@dataclass
class Machine:
    wall: datetime = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    uptime: float = 500.0

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.uptime += seconds


def clock_of(machine: Machine) -> WorkerClock:
    return WorkerClock(wall=lambda: machine.wall, monotonic=lambda: machine.uptime)


def test_readings_follow_monotonic_time_when_the_system_clock_is_set_back() -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.passes(10)
    before = clock.now()
    machine.wall -= timedelta(hours=1)
    machine.passes(1)
    assert clock.now() - before == timedelta(seconds=1)
    assert clock.jump() == timedelta(hours=-1)


def test_slow_drift_below_two_seconds_is_no_jump() -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.wall += timedelta(seconds=2)
    assert clock.jump() is None
    machine.wall += timedelta(milliseconds=1)
    assert clock.jump() == timedelta(seconds=2, milliseconds=1)


def test_now_is_aware_utc() -> None:
    assert now().utcoffset() == timedelta(0)
