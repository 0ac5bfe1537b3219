"""What the tasks of one worker process work with: put in when the process starts, asked for by each task.

Celery calls a task by its name with ids only, so nobody can hand it a database or a model. Each component names what
its tasks need in one frozen dataclass (`RecordingParts`, `SchedulerParts`, …); the process's wiring fills it in.
"""

from typing import TypeVar

Part = TypeVar("Part")

_provided: dict[type[object], object] = {}


class MissingPartError(LookupError):
    """A task ran in a process that was not given what the task works with."""

    def __init__(self, kind: type[object]) -> None:
        super().__init__(
            f"this process was given no {kind.__module__}.{kind.__name__}: start it with `suifang worker`, "
            "whose wiring provides it"
        )


def provide(part: object) -> None:
    """Keep `part` for the tasks of this process, under its own class; a later one of that class takes its place."""
    _provided[type(part)] = part


def provided(kind: type[Part]) -> Part:
    """The part of this class, or MissingPartError."""
    part = _provided.get(kind)
    if not isinstance(part, kind):
        raise MissingPartError(kind)
    return part


def forget_parts() -> None:
    """Let go of everything, at the end of the process or of a test."""
    _provided.clear()
