"""A list becomes queued calls, a message leaves, a killed import goes on: real scheduler, worker process and broker."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from db.engine import make_engine
from db.leadership import Leadership
from db.outbox import OUTBOX_CHANNEL
from db.unit_of_work import UnitsOfWork
from db.users import Role
from followup.imports import ImportState, ListImport
from followup.messages import Channel, Message, MessageState
from followup.plans import TaskState
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.settings import Settings
from runtime.task_queue import make_task_queue
from scheduler.leader import Leader
from scheduler.list_repairs import STALLED
from suifang import plans_command
from suifang.scheduler_process import LOCK, duties
from tests.integration.api.house import House, open_house
from tests.support.builders import a_patient
from tests.support.killed_workers import kill_worker
from tests.support.lists import ZONE
from tests.support.scenario import CONTENT
from tests.support.waiting import until

MANY = 1200


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The house, and how to start the programs beside it."""

    house: House
    settings: Settings
    folder: Path

    @contextmanager
    def scheduler(self, *, ahead: timedelta = timedelta()) -> Iterator[None]:
        """A leading scheduler, in this process; its clock may be ahead."""
        assert self.settings.database_url is not None
        assert self.settings.broker_url is not None
        engine = make_engine(self.settings.database_url, application="suifang-scheduler")
        units = UnitsOfWork(engine, clock=lambda instant: instant + ahead)
        with LiveStream(self.settings.broker_url) as live:
            leader = Leader(
                Leadership(self.settings.database_url, name=LOCK, channel=OUTBOX_CHANNEL),
                duties(
                    self.settings,
                    CONTENT,
                    units,
                    make_task_queue(self.settings.broker_url),
                    live,
                ),
            )
            thread = threading.Thread(target=leader.run)
            thread.start()
            try:
                yield
            finally:
                leader.stop()
                thread.join(15)
                assert not thread.is_alive(), "the scheduler did not stop"
        engine.dispose()

    @contextmanager
    def worker(self) -> Iterator[psutil.Process]:
        """A whole `suifang worker`, parent and child."""
        with (self.folder / "worker.log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "tests.support.media_worker"],
                env={
                    **os.environ,
                    "SUIFANG_MODE": "demo",
                    "SUIFANG_JURISDICTION": "demo",
                    "SUIFANG_WORKER_TASKS": "others",
                    "SUIFANG_ROSTER_REQUIRED": "false",
                    "SUIFANG_STATE_DIR": str(self.settings.state_dir),
                    "SUIFANG_DATABASE_URL": self.settings.database_url or "",
                    "SUIFANG_BROKER_URL": self.settings.broker_url or "",
                },
                stdout=log,
                stderr=log,
            )
        process = psutil.Process(started.pid)
        try:
            yield process
        except BaseException:
            sys.stderr.write((self.folder / "worker.log").read_text())
            raise
        finally:
            kill_worker(process, self.settings.broker_url or "")
            started.wait()

    def sent(self, count: int, first: int = 0, **more: object) -> str:
        """A list of this many synthetic people who were discharged ten minutes ago; the import's id."""
        left = f"{datetime.now(UTC).astimezone(ZONE) - timedelta(minutes=10):%Y-%m-%d %H:%M}"
        answer = self.house.caller(Role.REGISTRAR).post(
            "/imports/rows",
            {
                "kind": "discharge",
                "synthetic": True,
                "apply": True,
                "rows": [
                    {
                        "病案号": f"A{place:06d}",
                        "姓名": f"测试{place}",
                        "联系电话": f"138{place:08d}",
                        "出院科室": "心内科",
                        "出院日期": left,
                    }
                    for place in range(first, first + count)
                ],
                **more,
            },
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def import_of(self, import_id: str) -> ListImport:
        with self.house.units() as uow:
            found = uow.imports.get(import_id)
            assert found is not None
            return found

    def is_(self, import_id: str, state: ImportState) -> Callable[[], bool]:
        return lambda: self.import_of(import_id).state is state

    def states_of_tasks(self) -> list[TaskState]:
        with self.house.units() as uow:
            page = uow.plans.page(queue_id=None, state=None, after=None, limit=100)
            return [task.state for task in page]


@pytest.fixture
def desk(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(
        mode="demo",
        jurisdiction="demo",
        roster_required=False,
        database_url=database_url,
        broker_url=broker_url,
        state_dir=tmp_path / "state",
    )
    with open_house(database_url, broker_url, tmp_path) as house:
        plans_command.make_queues(house.units, CONTENT)
        yield Desk(house=house, settings=settings, folder=tmp_path)


def test_a_list_becomes_queued_calls_a_message_is_sent_and_a_killed_import_is_resumed(desk: Desk) -> None:
    with desk.house.rows() as uow:
        # These three agreed to calls before; the list tells of their new visit.
        for place in range(3):
            a_patient(uow, record_number=f"A{place:06d}", name=f"测试{place}")
    with desk.worker() as worker, desk.scheduler():
        small = desk.sent(3, template="DEMO-CALL")
        until(desk.is_(small, ImportState.APPLIED), timeout=30, what="the worker wrote the list")
        until(
            lambda: desk.states_of_tasks() == [TaskState.QUEUED] * 3,
            timeout=30,
            what="each patient's call is planned, due and queued",
        )

        with desk.house.rows() as uow:
            message = Message(
                id=new_id(),
                channel=Channel.SMS,
                address="+8613800001234",
                language="zh",
                text_key="alert_on_duty",
                text="请登录随访系统。",
                planned_at=uow.now,
                send_at=uow.now,
            )
            uow.messages.plan(message)

        def state_of_message() -> MessageState | None:
            with desk.house.units() as uow:
                row = uow.messages.get(message.id)
                return row.state if row else None

        until(lambda: state_of_message() is MessageState.SENT, timeout=30, what="the message is sent")
        assert [file.stem for file in desk.settings.messages_dir.glob("*.json")] == [message.id]

        large = desk.sent(MANY, first=1000)
        until(lambda: desk.import_of(large).done > 0, timeout=30, what="the first rows of the large list are written")
        kill_worker(worker, desk.settings.broker_url or "")
    between = desk.import_of(large)
    assert between.state is ImportState.APPLYING
    assert 0 < between.done < MANY

    # The broker lost the message too: only the repair can find that the import stands still.
    make_task_queue(desk.settings.broker_url or "").control.purge()
    with desk.worker(), desk.scheduler(ahead=STALLED + timedelta(seconds=30)):
        until(desk.is_(large, ImportState.APPLIED), timeout=60, what="another worker wrote the rest")
    assert desk.import_of(large).counts["applied"] == MANY
    found = desk.house.caller(Role.AGENT).post("/patients/search", {"containing": "A002199"}).json()["patients"]
    assert len(found) == 1
