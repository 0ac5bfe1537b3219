"""Delivery of events: in order, offered again, and acknowledged without gaps."""

import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from followup.calls import LegId
from telephony.call_control import LegEvent, LegEventKind
from telephony.sip.event_delivery import AckLedger, EventDelivery
from tests.support.waiting import until


def event(number: int) -> LegEvent:
    return LegEvent(
        event_id=f"w:{number}",
        leg_id=LegId("leg"),
        kind=LegEventKind.RINGING,
        occurred_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


def test_only_what_has_no_gap_before_it_is_acknowledged() -> None:
    ledger = AckLedger()
    assert all(ledger.hand_on(number) for number in (4, 5, 6))
    assert [ledger.store(number) for number in (6, 4, 5)] == [None, 4, 6]


def test_an_event_is_handed_on_once() -> None:
    ledger = AckLedger()
    assert [ledger.hand_on(number) for number in (1, 2, 2, 1, 3)] == [True, True, False, False, True]


def test_what_was_never_handed_on_can_not_be_stored() -> None:
    ledger = AckLedger()
    ledger.hand_on(1)
    assert ledger.store(7) is None
    assert ledger.store(1) == 1


@given(st.permutations(range(1, 9)), st.integers(0, 8))
def test_whatever_the_order_of_storing_nothing_unstored_is_ever_acknowledged(order: list[int], stored: int) -> None:
    ledger = AckLedger()
    for number in range(1, 9):
        ledger.hand_on(number)
    for number in order[:stored]:
        ledger.store(number)
    assert ledger.floor is not None
    assert set(range(1, ledger.floor + 1)) <= set(order[:stored])
    assert ledger.floor + 1 not in order[:stored]


def test_events_come_in_order_and_one_that_is_refused_for_good_does_not_stop_the_rest() -> None:
    taken: list[str] = []

    def sink(offered: LegEvent) -> None:
        if offered.event_id == "w:2":
            raise ValueError("never")
        taken.append(offered.event_id)

    delivery = EventDelivery(sink, patience_seconds=0.3)
    delivery.start()
    for number in (1, 2, 3):
        delivery.put(event(number))
    until(lambda: taken == ["w:1", "w:3"], timeout=5, what="the others are taken")
    delivery.close()


def test_closing_does_not_wait_for_a_store_that_is_away() -> None:
    offered = threading.Event()

    def sink(_: LegEvent) -> None:
        offered.set()
        raise ConnectionError

    delivery = EventDelivery(sink)
    delivery.start()
    delivery.put(event(1))
    assert offered.wait(5)
    closing = threading.Thread(target=delivery.close)
    closing.start()
    closing.join(timeout=3)
    assert not closing.is_alive()


def test_the_listener_may_close_from_within() -> None:
    seen = threading.Event()
    deliveries: list[EventDelivery] = []

    def sink(_: LegEvent) -> None:
        deliveries[0].close()
        seen.set()

    deliveries.append(EventDelivery(sink))
    deliveries[0].start()
    deliveries[0].put(event(1))
    assert seen.wait(5)
