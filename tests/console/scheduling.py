"""The scheduler's part of a day, beside a served house: tasks are given away, and what comes next is decided."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from db.gate import Gate
from followup.dialing_rules import Mode
from scheduler.dialer import match_and_reserve
from scheduler.outcomes import AttemptPolicies, decide_next_for
from tests.integration.api.house import CONTENT, House

GATE = Gate(mode=Mode.DEMO, profile=CONTENT.jurisdictions["demo"], trunk_is_loopback=True, allow_list=frozenset())
POLICIES = AttemptPolicies(by_id=CONTENT.policies)


@contextmanager
def scheduled(house: House) -> Iterator[None]:
    """The scheduler gives tasks away and decides after attempts, as often as it can."""
    stop = threading.Event()

    def turn() -> None:
        while not stop.wait(0.1):
            with house.rows() as uow:
                match_and_reserve(uow, gate=GATE, now=uow.now)
            with house.units() as uow:
                undecided = list(uow.attempts.undecided(uow.now))
            for attempt_id in undecided:
                with house.rows() as uow:
                    decide_next_for(uow, attempt_id, gate=GATE, policies=POLICIES)

    thread = threading.Thread(target=turn, name="scheduler")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
