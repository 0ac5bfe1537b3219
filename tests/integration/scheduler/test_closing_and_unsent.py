"""What the clock does beside the calls: windows about to close are told of, messages whose time has come are sent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta

import pytest
import redis
from celery import Celery

from care.consent import ConsentScope
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calling_hours import CallingHours, OwnHours
from followup.events import EventKind
from followup.messages import Channel, Message, MessageState, MessageTrigger
from followup.plans import Task
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.task_queue import QUEUE, make_task_queue
from scheduler import closing_windows
from scheduler.closing_windows import raise_closing_tasks
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from scheduler.unsent_messages import LOST_AFTER, send_waiting_messages
from tests.support.builders import a_patient, a_queue, a_task


@pytest.fixture
def repairs(units: UnitsOfWork, content: Content, broker_url: str) -> Iterator[Repairs]:
    """What the repairs work with, open at all hours."""
    task_queue: Celery = make_task_queue(broker_url)
    with LiveStream(broker_url) as live:
        yield Repairs(
            units_of_work=units,
            task_queue=task_queue,
            live=live,
            policies=AttemptPolicies(by_id=content.policies),
            profile=content.jurisdictions["demo"],
            ring=timedelta(seconds=30),
        )
    task_queue.close()


def a_closing_task(uow: UnitOfWork, *, left: timedelta, policy: str = "default") -> Task:
    return a_task(uow, a_patient(uow), a_queue(uow, policy=policy), latest_at=uow.now + left)


def told_of(units: UnitsOfWork) -> list[str]:
    with units() as uow:
        return [row.subject for row in uow.outbox.unpublished() if row.kind == EventKind.TASK_ESCALATED]


def test_a_person_is_told_once_while_a_call_is_still_possible(repairs: Repairs) -> None:
    units = repairs.units_of_work
    with units() as uow:
        soon = a_closing_task(uow, left=timedelta(hours=3))
        a_closing_task(uow, left=timedelta(hours=6))
        a_closing_task(uow, left=timedelta(hours=3), policy="demo")
        uow.commit()
    assert raise_closing_tasks(repairs) == 1
    assert raise_closing_tasks(repairs) == 0
    assert told_of(units) == [soon.id]
    with units() as uow:
        task = uow.plans.task(soon.id)
        assert task is not None
        # It is still anybody's to call: telling takes it from nobody.
        assert (task.state, task.next_attempt_at, task.next_action) == (soon.state, soon.next_attempt_at, None)


def test_a_night_before_the_end_counts_as_no_time_for_a_call(repairs: Repairs, content: Content) -> None:
    units = repairs.units_of_work
    closed = replace(repairs, profile=replace(content.jurisdictions["cn"], hours=()))
    with units() as uow:
        task = a_closing_task(uow, left=timedelta(hours=40))
        uow.commit()
    assert raise_closing_tasks(repairs) == 0
    assert raise_closing_tasks(closed) == 1
    assert told_of(units) == [task.id]


def test_a_patient_whose_own_hours_end_before_the_window_is_told_of_in_time(repairs: Repairs) -> None:
    units = repairs.units_of_work
    with units() as uow:
        task = a_closing_task(uow, left=timedelta(hours=30))
        elsewhen = CallingHours(start=time(4), end=time(5), weekdays=frozenset({(uow.now.isoweekday() + 3) % 7 + 1}))
        uow.objections.put_own_hours(task.patient_id, OwnHours(spans=(elsewhen,)), source="test", by=None, now=uow.now)
        uow.commit()
    assert raise_closing_tasks(repairs) == 1
    assert told_of(units) == [task.id]


def test_a_queue_that_wants_no_warning_does_not_stand_before_the_others(
    repairs: Repairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing_windows, "LOOKED_AT_ONCE", 2)
    units = repairs.units_of_work
    with units() as uow:
        silent, patient = a_queue(uow, policy="demo"), a_patient(uow)
        for _ in range(5):
            a_task(uow, patient, silent, latest_at=uow.now + timedelta(hours=1))
        told = a_closing_task(uow, left=timedelta(hours=3))
        uow.commit()
    assert raise_closing_tasks(repairs) == 1
    assert told_of(units) == [told.id]


def test_without_hours_no_window_is_watched(repairs: Repairs) -> None:
    with repairs.units_of_work() as uow:
        a_closing_task(uow, left=timedelta(hours=1))
        uow.commit()
    assert raise_closing_tasks(replace(repairs, profile=None)) == 0


def a_message(uow: UnitOfWork, **values: object) -> Message:
    patient = a_patient(uow, scopes=(ConsentScope.SMS,))
    message = Message(
        **{
            "id": new_id(),
            "patient_id": patient.id,
            "channel": Channel.SMS,
            "address": patient.contact_points[0].number,
            "language": "zh",
            "text_key": "missed_call",
            "text": "您好。",
            "planned_at": uow.now,
            "send_at": uow.now,
            **values,
        }  # type: ignore[arg-type]
    )
    uow.messages.plan(message)
    return message


def test_messages_whose_time_has_come_are_handed_to_the_workers_once(repairs: Repairs, broker_url: str) -> None:
    with repairs.units_of_work() as uow:
        due = a_message(uow)
        a_message(uow, send_at=uow.now + timedelta(hours=1))
        uow.commit()
    send_waiting_messages(repairs)
    send_waiting_messages(repairs)
    with redis.Redis.from_url(broker_url) as broker:
        assert broker.llen(QUEUE) == 1
    assert ("interop.send_message", due.id) in repairs.sent_again


def test_what_a_lost_worker_had_in_its_hand_is_parked_and_not_sent_again(repairs: Repairs) -> None:
    with repairs.units_of_work() as uow:
        message = a_message(uow)
        message.taken_at = uow.now - LOST_AFTER - timedelta(seconds=1)
        uow.messages.move(message, MessageTrigger.TAKE, at=uow.now)
        fresh = a_message(uow)
        fresh.taken_at = uow.now
        uow.messages.move(fresh, MessageTrigger.TAKE, at=uow.now)
        uow.commit()
    assert send_waiting_messages(repairs) == 1
    with repairs.units_of_work() as uow:
        parked, sending = uow.messages.get(message.id), uow.messages.get(fresh.id)
        assert parked is not None
        assert sending is not None
        assert (parked.state, sending.state) == (MessageState.PARKED, MessageState.SENDING)
        assert "not known whether" in parked.reason
