"""A round of follow-ups in which everything dies: schedulers, workers, broker and database, as the dice say.

All programs are the real ones, on a database and broker of their own; one sipp is the town. Afterwards everything is
counted: by the database, by the town's own trace of SIP, and by the files of the local message channel.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import redis
from sqlalchemy import text

from care.consent import ConsentScope
from care.patients import ContactPoint
from db.engine import make_engine
from db.migrate import upgrade
from db.unit_of_work import UnitsOfWork
from followup.attempts import Attempt, AttemptState
from followup.plans import Task, TaskMode
from followup.recordings import RecordingState
from runtime.embedded import ensure_engines
from runtime.identifiers import new_id
from runtime.postgres_server import PostgresServer
from runtime.settings import REPOSITORY, Settings
from runtime.task_queue import QUEUE
from runtime.valkey_server import ValkeyServer
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.engines import temporary_settings
from tests.support.ports import free_udp_block
from tests.support.sipp import Sipp, sipp
from tests.support.waiting import until

LINES = 4
ATTEMPTS_AT_MOST = 2  # the demo's policy
_KINDS = 10


@dataclass(kw_only=True)
class DyingRound:
    """The programs, and what may be done to them."""

    settings: Settings
    environment: dict[str, str]
    town: Sipp
    units: UnitsOfWork
    broker_url: str
    dice: random.Random
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)

    def start(self, name: str) -> None:
        """Start a program (again), as a supervisor would."""
        program = name.split("-")[0]
        with (self.settings.state_dir / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                [sys.executable, "-m", "suifang", program],
                cwd=REPOSITORY,
                env={**self.environment, "SUIFANG_NODE_NAME": "node-1" if program == "telephony" else name},
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """Kill a program with its children, without a word of warning, and start it anew."""
        process = psutil.Process(self.programs[name].pid)
        for each in [process, *process.children(recursive=True)]:
            each.kill()
        self.programs[name].wait()
        self.start(name)

    def leader(self) -> str:
        """The scheduler that leads."""
        return max(
            (name for name in self.programs if name.startswith("scheduler")),
            key=lambda name: self.log(name).rfind("scheduler_leads"),
        )

    def log(self, name: str) -> str:
        """What a program has written."""
        file = self.settings.state_dir / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def broker_restarts(self) -> None:
        """Valkey is stopped, and started a moment later."""
        valkey = ValkeyServer(self.settings.state_dir / "valkey", self.settings.keys_dir)
        valkey.stop()
        _pass(self.dice.uniform(0.2, 2.0))
        valkey.ensure_running()

    def database_restarts(self) -> None:
        """PostgreSQL is stopped and started a moment later; whoever was in the middle of something was thrown out."""
        postgres = PostgresServer(self.settings.postgres_dir, self.settings.keys_dir)
        postgres.stop()
        _pass(self.dice.uniform(0.2, 2.0))
        postgres.ensure_running()

    def befall(self, victim: str) -> None:
        """Let something happen to one of them."""
        blows: dict[str, Callable[[], None]] = {
            "broker": self.broker_restarts,
            "database": self.database_restarts,
            "leader": lambda: self.kill(self.leader()),
        }
        self.killed.append(victim)
        print(f"dying round: {victim}")
        blows.get(victim, lambda: self.kill(victim))()

    def all_over(self) -> bool:
        """True when every task has ended, every event is told, every Celery task done."""
        try:
            with self.units() as uow:
                left: int = uow._session.execute(
                    text(
                        "SELECT (SELECT count(*) FROM tasks WHERE state IN ('planned', 'due', 'queued', 'in_progress'))"
                        " + (SELECT count(*) FROM outbox WHERE published_at IS NULL)"
                        " + (SELECT count(*) FROM changed_records)"
                        " + (SELECT count(*) FROM attempts WHERE decided_at IS NULL)"
                        " + (SELECT count(*) FROM messages WHERE state IN ('planned', 'sending'))"
                        " + (SELECT count(*) FROM recordings WHERE state IN ('recording', 'captured'))"
                    )
                ).scalar_one()
                unnoted = uow.notes.missing_for_attempts(before=uow.now)
            with redis.Redis.from_url(self.broker_url) as broker:
                return not left and not unnoted and not broker.llen(QUEUE)
        except (redis.RedisError, psutil.Error):
            return False

    def faults(self, expected: int) -> list[str]:
        """Everything lost, and everything done twice, in words."""
        found: list[str] = []
        invites = Counter(
            message.headers("Call-ID")[0]
            for message in {m.text: m for m in self.town.messages() if m.gist == "> INVITE"}.values()
        )
        with self.units() as uow:
            tasks = list(uow._session.query(Task))
            attempts = list(uow._session.query(Attempt))
            sent = [call.sip_call_id for attempt in attempts if (call := uow.calls.of_attempt(attempt.id))]
            recordings = Counter(row[0] for row in uow._session.execute(text("SELECT state FROM recordings")).all())
            messages = [
                str(row[0]) for row in uow._session.execute(text("SELECT id FROM messages WHERE state = 'sent'"))
            ]
            doubled = uow._session.execute(
                text("SELECT task_id, text_key, count(*) FROM messages GROUP BY 1, 2 HAVING count(*) > 1")
            ).all()
            decided = Counter(
                str(row[0]) for row in uow._session.execute(text("SELECT attempt_id FROM decisions")).all()
            )
            notes = Counter(str(row[0]) for row in uow._session.execute(text("SELECT attempt_id FROM notes")).all())
            parked = uow.parked.count_open()
        found += [f"{len(tasks)} tasks, not {expected}"] if len(tasks) != expected else []
        for task in tasks:
            own = sorted(a.ordinal for a in attempts if a.task_id == task.id)
            if own != list(range(1, len(own) + 1)) or task.attempts_made != len(own):
                found.append(f"task {task.id}: attempts {own}, counted {task.attempts_made}")
            if not own or task.outcome is None:
                found.append(f"task {task.id} was {'never called' if not own else 'left without an outcome'}")
        found += [f"attempt {a.id} is {a.state.value}" for a in attempts if a.state is not AttemptState.CLOSED]
        found += [f"attempt {a.id} was decided {decided[a.id]} times" for a in attempts if decided[a.id] != 1]
        found += [f"attempt {a.id} has {notes[a.id]} notes" for a in attempts if notes[a.id] != 1]
        known = [call_id for call_id in sent if call_id is not None]
        found += [f"two attempts share the call {call_id}" for call_id, n in Counter(known).items() if n > 1]
        found += [f"the town was invited by {call_id}, which no attempt knows" for call_id in set(invites) - set(known)]
        found += [f"{n} INVITEs were sent for {call_id}" for call_id, n in invites.items() if n > 1]
        if len(invites) > len(attempts):
            found.append(f"{len(invites)} calls reached the town for {len(attempts)} attempts")
        files = {file.stem for file in self.settings.messages_dir.glob("*.json")}
        found += [f"message {each} was never sent" for each in set(messages) - files]
        found += [f"message {row[1]} was written {row[2]} times for task {row[0]}" for row in doubled]
        stalled = recordings[RecordingState.RECORDING.value] + recordings[RecordingState.CAPTURED.value]
        found += [f"{stalled} recordings were left"] if stalled else []
        found += [f"{parked} tasks are parked"] if parked else []
        self.killed.append(
            f"{len(tasks)} tasks, {len(attempts)} attempts, {len(invites)} calls, {len(messages)} messages"
        )
        return found


def _pass(seconds: float) -> None:
    threading.Event().wait(seconds)


@contextmanager
def dying_round(
    folder: Path, dice: random.Random, *, schedulers: int, workers: int, patients: int
) -> Iterator[DyingRound]:
    """Everything started, and the follow-ups due."""
    ports = free_udp_block(700)
    with ExitStack() as stack:
        settings = stack.enter_context(temporary_settings())
        engines = stack.enter_context(ensure_engines(settings))
        upgrade(engines.database_url)
        town = stack.enter_context(sipp(folder / "town", "short_lines", calls=10**6, echo=True, seconds=900))
        engine = make_engine(engines.database_url)
        stack.callback(engine.dispose)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SUIFANG_")},
            "SUIFANG_MODE": "demo",
            "SUIFANG_JURISDICTION": "demo",
            "SUIFANG_LOG_FORMAT": "json",
            "SUIFANG_STATE_DIR": str(settings.state_dir),
            "SUIFANG_HOSPITAL_NAME": "测试医院",
            "SUIFANG_CALL_BACK_NUMBER": "+8657100000000",
            "SUIFANG_TRUNK_HOST": "127.0.0.1",
            "SUIFANG_TRUNK_PORT": str(town.port),
            "SUIFANG_TRUNK_CALLER_ID": "+8657100000000",
            "SUIFANG_SIP_PORT_BASE": str(ports),
            "SUIFANG_RTP_PORT_BASE": str(ports + 100),
            "SUIFANG_VOICE_PROGRAM": "none",
            "SUIFANG_WORKERS_MAX": str(LINES),
            "SUIFANG_WORKERS_WARM": str(LINES),
            "SUIFANG_RING_SECONDS": "6",
            "SUIFANG_WORKER_TASKS": "others",
            "SUIFANG_CELERY_CONCURRENCY": "1",
        }
        running = DyingRound(
            settings=settings,
            environment=environment,
            town=town,
            units=UnitsOfWork(engine),
            broker_url=engines.broker_url,
            dice=dice,
        )
        stack.callback(_stop, running)
        names = ["telephony", *(f"scheduler-{n}" for n in range(schedulers)), *(f"worker-{n}" for n in range(workers))]
        for name in names:
            running.start(name)
        _follow_ups(running, patients)
        yield running


def _follow_ups(running: DyingRound, patients: int) -> None:
    with running.units() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, lines=LINES, purpose="reminder")
        for number in range(patients):
            patient = a_patient(
                uow,
                numbers=0,
                scopes=(ConsentScope.PHONE, ConsentScope.AUTOMATED_PHONE, ConsentScope.RECORDING, ConsentScope.MESSAGE),
            )
            patient.contact_points.append(
                ContactPoint(
                    id=new_id(),
                    patient_id=patient.id,
                    number=f"+861380013{number // _KINDS:03}{number % _KINDS}",
                    rank=1,
                )
            )
            a_task(uow, patient, queue, latest_at=uow.now + timedelta(hours=2))
        uow.commit()


def _stop(running: DyingRound) -> None:
    for child in running.programs.values():
        child.terminate()
    deadline = time.monotonic() + 15
    for child in running.programs.values():
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            for each in psutil.Process(child.pid).children(recursive=True):
                each.kill()
            child.kill()
            child.wait()
    folder = str(running.settings.state_dir)
    for process in psutil.process_iter(["pid", "cmdline"]):
        command = process.info["cmdline"] or []
        if "telephony.sip.worker" in command and any(folder in word for word in command):
            process.kill()


def play(running: DyingRound, victims: list[str], *, patients: int, apart: tuple[float, float], patience: float) -> str:
    """Let everything befall the round, one after the other, and count when it is over; what happened, in words."""

    def dialed() -> bool:
        return any(message.gist == "> INVITE" for message in running.town.messages())

    try:
        until(dialed, timeout=180, what="the first call reaches the town", every=0.1)
        for victim in victims:
            _pass(running.dice.uniform(*apart))
            running.befall(victim)
        until(running.all_over, timeout=patience, what="the round is over", every=0.3)
        faults = running.faults(patients)
        assert not faults, "\n".join(faults)
    except AssertionError as error:
        tails = "\n".join(f"--- {name}\n{running.log(name)[-2500:]}" for name in running.programs)
        raise AssertionError(f"{error}\nkilled: {json.dumps(running.killed)}\n{tails}") from error
    return ", ".join(running.killed)
