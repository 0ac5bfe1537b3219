"""What tasks work with is put in by the process's wiring and asked for by class."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from runtime.worker_context import MissingPartError, forget_parts, provide, provided


@dataclass(frozen=True)
class Lamp:
    watts: int


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    forget_parts()
    yield
    forget_parts()


def test_a_part_is_found_by_its_class_and_a_later_one_takes_its_place() -> None:
    provide(Lamp(40))
    provide(Lamp(60))
    assert provided(Lamp).watts == 60


def test_a_process_without_the_part_says_which_command_has_it() -> None:
    with pytest.raises(MissingPartError, match=r"was given no .*Lamp: start it with `suifang worker`"):
        provided(Lamp)
