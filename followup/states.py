"""What every state machine here shares: a table of transitions, one function, one refusal."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)
Trigger = TypeVar("Trigger", bound=StrEnum)


class IllegalTransitionError(ValueError):
    """A command asked for a change that the machine does not allow; the sentence says which and where it stands."""

    def __init__(self, machine: str, state: StrEnum, trigger: StrEnum) -> None:
        super().__init__(f"{machine} is {state.value}: {trigger.value} is not possible there")
        self.machine = machine
        self.state = state
        self.trigger = trigger


def follow(
    machine: str,
    transitions: Mapping[tuple[State, Trigger], State],
    state: State,
    trigger: Trigger,
) -> State:
    """The state after `trigger`, or IllegalTransitionError."""
    try:
        return transitions[(state, trigger)]
    except KeyError:
        raise IllegalTransitionError(machine, state, trigger) from None
