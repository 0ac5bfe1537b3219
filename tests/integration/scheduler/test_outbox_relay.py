"""The relay loses nothing and keeps the order, with the broker there, away, or back again."""

import json
import threading
from collections.abc import Iterator

import pytest
import redis
from celery import Celery

from db.task_parking import park, settle
from db.unit_of_work import UnitsOfWork
from followup.events import DomainEvent, EventKind
from followup.parked_tasks import ParkedTaskState
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.routing import tasks_for
from runtime.task_queue import QUEUE, make_task_queue
from scheduler.outbox_relay import BATCH, ENOUGH_TO_DO, BrokerAwayError, OutboxRelay
from tests.support.ports import free_udp_block


@pytest.fixture
def task_queue(broker_url: str) -> Iterator[Celery]:
    """Celery on the run's Valkey."""
    app = make_task_queue(broker_url)
    yield app
    app.close()


def emit(units: UnitsOfWork, kind: EventKind, *subjects: str, **ids: str) -> None:
    """Events of one transaction."""
    with units() as uow:
        for subject in subjects:
            uow.emit(DomainEvent(kind=kind, subject=subject, ids=ids))
        uow.commit()


def tasks_after(kind: EventKind, *subjects: str) -> list[tuple[str, str]]:
    """What the table of routes sends for these events."""
    return [(name, subject) for subject in subjects for name in tasks_for(kind)]


def waiting(units: UnitsOfWork) -> int:
    """Rows not yet published."""
    with units() as uow:
        return len(uow.outbox.unpublished())


def sent(broker_url: str) -> list[tuple[str, str]]:
    """Task names with their argument, oldest first, as they lie in the broker."""
    with redis.Redis.from_url(broker_url) as broker:
        messages = [json.loads(raw) for raw in reversed(broker.lrange(QUEUE, 0, -1))]
    return [(m["headers"]["task"], json.loads(m["headers"]["argsrepr"].replace("'", '"'))[0]) for m in messages]


def test_events_go_out_in_order_to_their_tasks_and_to_the_live_stream(
    units: UnitsOfWork, task_queue: Celery, broker_url: str
) -> None:
    attempts = [new_id() for _ in range(3)]
    emit(units, EventKind.ATTEMPT_CLOSED, *attempts, queue="q-1")
    emit(units, EventKind.AGENT_CHANGED, "agent-1")
    with LiveStream(broker_url) as live:
        relay = OutboxRelay(units, task_queue, live)
        assert relay.publish_waiting(threading.Event()) == 4
        assert waiting(units) == 0
        assert sent(broker_url) == tasks_after(EventKind.ATTEMPT_CLOSED, *attempts)
        shown = live.read("0-0")
        assert [(event.kind, event.ids["subject"]) for event in shown] == [
            *(("attempt_closed", attempt) for attempt in attempts),
            ("agent_changed", "agent-1"),
        ]
        assert shown[0].ids["queue"] == "q-1"
        assert relay.publish_waiting(threading.Event()) == 0


def test_a_replayed_task_is_sent_once_as_it_was_when_it_was_parked(
    units: UnitsOfWork, task_queue: Celery, broker_url: str
) -> None:
    recording = new_id()
    with units() as uow:
        parked = park(uow, name="recordings.ingest", subject=recording, reason="OSError: no room")
        uow.commit()
    with LiveStream(broker_url) as live:
        relay = OutboxRelay(units, task_queue, live)
        relay.publish_waiting(threading.Event())
        assert sent(broker_url) == []
        with units() as uow:
            settle(uow, parked.id, state=ParkedTaskState.REPLAYED, by=None, because="the disk has room")
            uow.commit()
        relay.publish_waiting(threading.Event())
        assert sent(broker_url) == [("recordings.ingest", recording)]
        assert [event.kind for event in live.read("0-0")] == ["task_parked", "task_replayed"]


def test_while_the_broker_is_away_rows_wait_and_go_out_when_it_is_back(
    units: UnitsOfWork, broker_url: str, task_queue: Celery
) -> None:
    away = f"redis://127.0.0.1:{free_udp_block(2)}/0"
    attempts = [new_id() for _ in range(2)]
    emit(units, EventKind.ATTEMPT_CLOSED, *attempts)
    lost_app = make_task_queue(away)
    with LiveStream(away) as nowhere, pytest.raises(BrokerAwayError):
        OutboxRelay(units, lost_app, nowhere).publish_batch()
    lost_app.close()
    assert waiting(units) == 2
    with LiveStream(broker_url) as live:
        OutboxRelay(units, task_queue, live).publish_batch()
    assert sent(broker_url) == tasks_after(EventKind.ATTEMPT_CLOSED, *attempts)


def test_waiting_for_the_broker_ends_with_the_lead(units: UnitsOfWork) -> None:
    away = f"redis://127.0.0.1:{free_udp_block(2)}/0"
    emit(units, EventKind.ATTEMPT_CLOSED, new_id())
    app, stopping = make_task_queue(away), threading.Event()
    with LiveStream(away) as nowhere:
        thread = threading.Thread(target=OutboxRelay(units, app, nowhere).publish_waiting, args=(stopping,))
        thread.start()
        stopping.set()
        thread.join(timeout=10)
    app.close()
    assert not thread.is_alive()
    assert waiting(units) == 1


def test_what_the_broker_took_before_it_went_away_is_not_sent_again(
    units: UnitsOfWork, task_queue: Celery, broker_url: str
) -> None:
    first, second = new_id(), new_id()
    emit(units, EventKind.ATTEMPT_CLOSED, first)
    emit(units, EventKind.RECORDING_STORED, second)
    with redis.Redis.from_url(broker_url) as broker, LiveStream(broker_url) as live:
        broker.set("suifang.speech", "not a list")  # this queue alone refuses
        relay = OutboxRelay(units, task_queue, live)
        with pytest.raises(BrokerAwayError):
            relay.publish_batch()
        assert waiting(units) == 1
        broker.delete("suifang.speech")
        relay.publish_batch()
        assert sent(broker_url) == tasks_after(EventKind.ATTEMPT_CLOSED, first)
        assert broker.llen("suifang.speech") == 1


def test_an_event_that_says_more_than_ids_is_not_shown_and_holds_up_nothing(
    units: UnitsOfWork, task_queue: Celery, broker_url: str
) -> None:
    emit(units, EventKind.AGENT_CHANGED, "agent-1", said="my chest hurts")
    emit(units, EventKind.AGENT_CHANGED, "agent-2")
    with LiveStream(broker_url) as live:
        OutboxRelay(units, task_queue, live).publish_batch()
        assert [event.ids["subject"] for event in live.read("0-0")] == ["agent-2"]
    assert waiting(units) == 0


def test_more_than_one_batch_goes_out_in_one_turn(units: UnitsOfWork, task_queue: Celery, broker_url: str) -> None:
    emit(units, EventKind.AGENT_CHANGED, *(f"agent-{n}" for n in range(BATCH + 5)))
    with LiveStream(broker_url) as live:
        assert OutboxRelay(units, task_queue, live).publish_waiting(threading.Event()) == BATCH + 5


def test_many_changes_of_a_record_are_looked_at_once(units: UnitsOfWork, task_queue: Celery, broker_url: str) -> None:
    one, two = new_id(), new_id()
    for _ in range(4):
        emit(units, EventKind.RECORD_CHANGED, one, two)
    with LiveStream(broker_url) as live:
        relay = OutboxRelay(units, task_queue, live)
        assert relay.publish_waiting(threading.Event()) == 8
        assert sorted(sent(broker_url)) == sorted(tasks_after(EventKind.RECORD_CHANGED, one, two))
        emit(units, EventKind.RECORD_CHANGED, one)
        relay.publish_waiting(threading.Event())
        assert len(sent(broker_url)) == 3 * len(tasks_for(EventKind.RECORD_CHANGED))


def test_changed_records_wait_while_the_workers_have_enough_to_do_and_other_events_go_out(
    units: UnitsOfWork, task_queue: Celery, broker_url: str
) -> None:
    attempts = [new_id() for _ in range(ENOUGH_TO_DO)]
    patients = [new_id() for _ in range(30)]
    emit(units, EventKind.ATTEMPT_CLOSED, *attempts)
    with LiveStream(broker_url) as live, redis.Redis.from_url(broker_url) as broker:
        relay = OutboxRelay(units, task_queue, live)
        for _ in range(3):
            emit(units, EventKind.RECORD_CHANGED, *patients)
            relay.publish_waiting(threading.Event())
        assert sent(broker_url) == tasks_after(EventKind.ATTEMPT_CLOSED, *attempts)
        with units() as uow:
            assert uow.outbox.count_changed() == len(patients)

        # What cannot wait goes out in front of them.
        emit(units, EventKind.RECORDING_STORED, "r-1")
        relay.publish_waiting(threading.Event())
        broker.delete(QUEUE)
        assert relay.publish_waiting(threading.Event()) == 0
        assert sent(broker_url) == tasks_after(EventKind.RECORD_CHANGED, *sorted(patients))
        with units() as uow:
            assert uow.outbox.count_changed() == 0


def test_changed_records_stay_noted_while_the_broker_is_away(
    units: UnitsOfWork, task_queue: Celery, broker_url: str
) -> None:
    patient = new_id()
    with units() as uow:
        uow.outbox.note_changed([patient], uow.now)
        uow.commit()
    away = f"redis://127.0.0.1:{free_udp_block(2)}/0"
    lost_app = make_task_queue(away)
    with LiveStream(away) as nowhere, pytest.raises(BrokerAwayError):
        OutboxRelay(units, lost_app, nowhere).follow_changes()
    lost_app.close()
    with LiveStream(broker_url) as live:
        assert OutboxRelay(units, task_queue, live).follow_changes() == 1
    assert sent(broker_url) == tasks_after(EventKind.RECORD_CHANGED, patient)
