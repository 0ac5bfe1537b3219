"""One scheduler leads: it dials the moment somebody is due, and a spare takes over when it stops or is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from db.leadership import Leadership, LeadLostError
from db.outbox import OUTBOX_CHANNEL
from db.unit_of_work import UnitsOfWork
from followup.attempts import Attempt
from followup.dialing_rules import Mode
from followup.plans import TaskState
from runtime.content.library import Content
from runtime.live_events import LiveStream
from runtime.settings import Jurisdiction, Settings
from runtime.task_queue import QUEUE, make_task_queue
from scheduler.leader import Leader, _Lead
from scheduler.planning import start_plan
from scheduler.timetable import Entry, Timetable
from suifang.scheduler_process import duties
from tests.support.builders import HOSPITAL, a_node, a_patient, a_queue, a_task, a_template, an_agent, an_encounter
from tests.support.waiting import until

PROGRAM = "from runtime.settings import load_settings; from suifang.scheduler_process import run; run(load_settings())"


@pytest.fixture
def leaders(
    units: UnitsOfWork, content: Content, database_url: str, broker_url: str, tmp_path: Path
) -> Iterator[Callable[[], Leader]]:
    """Starts schedulers in threads; stops them all at the end."""
    settings = Settings(mode=Mode.DEMO, jurisdiction=Jurisdiction.DEMO, state_dir=tmp_path / "state")
    app, started = make_task_queue(broker_url), list[tuple[Leader, threading.Thread]]()
    with LiveStream(broker_url) as live:

        def start() -> Leader:
            leader = Leader(
                Leadership(database_url, name="scheduler", channel=OUTBOX_CHANNEL),
                duties(settings, content, units, app, live),
            )
            thread = threading.Thread(target=leader.run)
            started.append((leader, thread))
            thread.start()
            return leader

        yield start
        for leader, _ in started:
            leader.stop()
        for _, thread in started:
            thread.join(timeout=15)
        assert not any(thread.is_alive() for _, thread in started)
    app.close()


def attempts(units: UnitsOfWork) -> list[Attempt]:
    """Every attempt."""
    with units() as uow:
        return list(uow._session.query(Attempt))


@contextmanager
def beating(units: UnitsOfWork, node: str = "node-1") -> Iterator[None]:
    """A node and agents that go on being heard from."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(1.0):
            with units() as uow:
                a_node(uow, node)
                uow._session.execute(text("UPDATE agents SET heartbeat_at = clock_timestamp()"))
                uow.commit()

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_tasks_are_dialed_the_moment_they_fall_due(units: UnitsOfWork, leaders: Callable[[], Leader]) -> None:
    count = 7
    with units() as uow:
        queue = a_queue(uow)
        a_node(uow)
        for _ in range(count):
            an_agent(uow, queue)
        uow.commit()
    leaders()
    with units() as uow:
        # Spread over the half second in which a mere poll would look once.
        for place in range(count):
            due_at = uow.now + timedelta(seconds=1 + place * 0.57)
            a_task(uow, a_patient(uow), queue, state=TaskState.PLANNED, due_at=due_at)
        uow.commit()
    with beating(units):
        until(lambda: len(attempts(units)) == count, timeout=15, what="all are reserved")
    late = sorted(attempt.reserved_at - attempt.due_at for attempt in attempts(units))
    assert late[0] >= timedelta(0)
    assert late[count // 2] < timedelta(seconds=0.5), late


def test_the_dialer_sleeps_no_longer_than_until_somebody_falls_due(
    units: UnitsOfWork, content: Content, broker_url: str, tmp_path: Path
) -> None:
    settings = Settings(mode=Mode.DEMO, jurisdiction=Jurisdiction.DEMO, state_dir=tmp_path / "state")
    app = make_task_queue(broker_url)
    with LiveStream(broker_url) as live:
        lead = _Lead(duties(settings, content, units, app, live), threading.Event())
        assert lead._call_whom_we_can() <= 0.5
        with units() as uow:
            soon = uow.now + timedelta(seconds=0.45)
            for state in (TaskState.PLANNED, TaskState.QUEUED):
                a_task(uow, a_patient(uow), a_queue(uow), state=state, due_at=soon)
            uow.commit()
        rest = lead._call_whom_we_can()
        with units() as uow:
            assert uow.now + timedelta(seconds=rest) <= max(soon, uow.now) + timedelta(milliseconds=50)
    app.close()


def test_a_plan_and_an_agent_who_becomes_available_wake_the_dialer(
    units: UnitsOfWork, leaders: Callable[[], Leader], broker_url: str
) -> None:
    with units() as uow:
        queue = a_queue(uow)
        a_node(uow)
        agent = an_agent(uow, queue, state="break")
        patient = a_patient(uow)
        encounter = an_encounter(uow, patient)
        uow.commit()
    leaders()
    with units() as uow:
        plan = start_plan(
            uow,
            patient=patient,
            encounter=encounter,
            template=a_template(),
            queues_by_name={"discharge": queue},
            now=uow.now,
            variables={},
            time=HOSPITAL,
        )
        uow.commit()

    def queued() -> bool:
        with units() as uow:
            return [task.state for task in uow.plans.tasks_of_plan(plan.id)] == [TaskState.QUEUED]

    until(queued, timeout=10, what="the task waits in its queue")
    with units() as uow:
        saved = uow.queues.agent_for_update(agent.id)
        assert saved is not None
        saved.state = type(saved.state)("available")
        uow.outbox.wake("agent_changed")
        uow.commit()
    until(lambda: attempts(units), timeout=10, what="the agent is reserved")
    with LiveStream(broker_url) as live:
        until(
            lambda: {"task_queued", "attempt_reserved"} <= {event.kind for event in live.read("0-0", block_ms=10)},
            timeout=10,
            what="the console is told",
        )


def test_only_one_leads_and_a_spare_takes_over_when_it_stops(
    units: UnitsOfWork, leaders: Callable[[], Leader], database_url: str
) -> None:
    first = leaders()

    def somebody_leads() -> bool:
        with Leadership(database_url, name="scheduler", channel=OUTBOX_CHANNEL) as candidate:
            return not candidate.seize()

    until(somebody_leads, timeout=10, what="the first leads")
    leaders()
    first.stop()
    with units() as uow:
        queue = a_queue(uow)
        a_node(uow)
        an_agent(uow, queue)
        a_task(uow, a_patient(uow), queue)
        uow.commit()
    with beating(units):
        until(lambda: attempts(units), timeout=15, what="the spare dials")


def test_the_lead_ends_with_the_connection_that_holds_it(database_url: str, units: UnitsOfWork) -> None:
    with Leadership(database_url, name="scheduler", channel=OUTBOX_CHANNEL) as leader:
        assert leader.seize()
        with Leadership(database_url, name="scheduler", channel=OUTBOX_CHANNEL) as spare:
            assert not spare.seize()
            with units() as uow:
                uow._session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    )
                )
            with pytest.raises(LeadLostError):
                leader.notifications(5)
            assert spare.seize()


def test_a_fault_in_the_leader_is_raised_and_not_worked_around(
    units: UnitsOfWork, content: Content, database_url: str, broker_url: str, tmp_path: Path
) -> None:
    app = make_task_queue(broker_url)
    settings = Settings(mode=Mode.DEMO, jurisdiction=Jurisdiction.DEMO, state_dir=tmp_path / "state")
    with LiveStream(broker_url) as live:
        broken = duties(settings, content, units, app, live)

        class Broken(Timetable):
            def run_due(self) -> float:
                raise ZeroDivisionError

        broken = type(broken)(
            units_of_work=broken.units_of_work,
            gate=broken.gate,
            relay=broken.relay,
            timetable=Broken(broken.timetable._repairs, list[Entry]()),
        )
        leader = Leader(Leadership(database_url, name="scheduler", channel=OUTBOX_CHANNEL), broken)
        with pytest.raises(ZeroDivisionError):
            leader.run()
    app.close()


@pytest.mark.slow
def test_a_killed_leader_is_followed_by_its_spare_and_nothing_is_dialed_twice(
    units: UnitsOfWork, database_url: str, broker_url: str, tmp_path: Path, dice: random.Random
) -> None:
    def program(name: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stderr=log,
                env={
                    **os.environ,
                    "SUIFANG_MODE": "demo",
                    "SUIFANG_JURISDICTION": "demo",
                    "SUIFANG_LOG_FORMAT": "json",
                    "SUIFANG_STATE_DIR": str(tmp_path / "state"),
                    "SUIFANG_DATABASE_URL": database_url,
                    "SUIFANG_BROKER_URL": broker_url,
                },
            )

    def leads(name: str) -> bool:
        return b"scheduler_leads" in (tmp_path / f"{name}.log").read_bytes()

    with units() as uow:
        queue = a_queue(uow)
        a_node(uow)
        for _ in range(40):
            an_agent(uow, queue)
            a_task(uow, a_patient(uow), queue, due_at=uow.now + timedelta(seconds=8 + dice.random() * 2))
        uow.commit()
    programs = {name: program(name) for name in ("a", "b")}
    try:
        with beating(units):
            first = until(
                lambda: next((name for name in programs if leads(name)), ""), timeout=30, what="one scheduler leads"
            )
            spare = "b" if first == "a" else "a"
            until(lambda: len(attempts(units)) >= dice.randrange(1, 20), timeout=30, what="it dials")
            programs[first].send_signal(signal.SIGKILL)
            until(lambda: leads(spare), timeout=10, what="the spare leads")
            until(lambda: len(attempts(units)) == 40, timeout=20, what="everybody is being called")
        found = attempts(units)
        assert len({attempt.patient_id for attempt in found}) == 40
        assert len({attempt.agent_id for attempt in found}) == 40

        def published() -> bool:
            with units() as uow:
                return not uow.outbox.unpublished()

        until(published, timeout=20, what="every event is published")
        with redis.Redis.from_url(broker_url) as broker:
            assert broker.llen(QUEUE) == 0
            assert broker.xlen("suifang:live") >= 80
        programs[spare].send_signal(signal.SIGTERM)
        assert programs[spare].wait(timeout=5) == 0
    finally:
        for running in programs.values():
            running.kill()
            running.wait()
