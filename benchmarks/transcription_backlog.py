"""A backlog of recorded calls through a real speech worker: its time beside what was spoken, and its memory.

Vault, database, broker and worker (`suifang worker`, one child, one thread) are the real ones; the calls are put
together from recorded utterances (SUIFANG_SPEECH_DIR, else the tests' speech), 20 s to two minutes each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import structlog

from benchmarks.row import Row, print_rows
from db.engine import make_engine
from db.migrate import upgrade
from db.unit_of_work import UnitsOfWork
from followup.recordings import Channel, RecordingState
from recordings.object_store import recording_uri
from recordings.opening import open_vault
from runtime.settings import Settings, WorkerTasks
from runtime.task_queue import make_task_queue
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.engines import cloned_database, running_engines
from tests.support.spoken_calls import RATE, SPEECH, SpokenCall, references, spoken_call
from tests.support.spool import STARTED_AT
from tests.support.waiting import until
from transcription.tasks import TRANSCRIBE

_CHANNELS = (Channel.AGENT, Channel.PATIENT)
_UTTERANCES = (3, 5, 8, 13, 20)
"""How many a call has, in turn."""

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 1800.0
_GOAL = 10.0
_MEMORY_GOAL_MB = 900.0


def rows(speech: Path, line: str, calls: int) -> list[Row]:
    """Let a worker write so many calls down."""
    with (
        running_engines() as (_, engines),
        cloned_database(engines, "template1") as database_url,
        tempfile.TemporaryDirectory(prefix="suifang-benchmark-") as work,
    ):
        upgrade(database_url)
        environment = {
            **os.environ,
            "SUIFANG_STATE_DIR": f"{work}/state",
            "SUIFANG_DATABASE_URL": database_url,
            "SUIFANG_BROKER_URL": engines.broker_url,
            "SUIFANG_WORKER_TASKS": WorkerTasks.SPEECH,
            "OMP_NUM_THREADS": "1",
        }
        engine = make_engine(database_url)
        try:
            units_of_work = UnitsOfWork(engine)
            waiting, seconds = _backlog(units_of_work, Settings(state_dir=Path(work) / "state"), speech, line, calls)
            queue = make_task_queue(engines.broker_url)
            with _worker(environment, Path(work)) as worker:
                # Loading the model is paid once, before the backlog: the first call is not counted.
                queue.send_task(TRANSCRIBE, args=[waiting[0]])
                _drained(units_of_work, worker, waiting[:1])
                before, began = _cpu_seconds(worker), time.monotonic()
                for recording_id in waiting[1:]:
                    queue.send_task(TRANSCRIBE, args=[recording_id])
                megabytes = _drained(units_of_work, worker, waiting[1:])
                cpu_seconds, wall = _cpu_seconds(worker) - before, time.monotonic() - began
        finally:
            engine.dispose()
    spoken = sum(seconds[1:])
    conditions = (
        f"{calls - 1} calls of {min(seconds):.0f} to {max(seconds):.0f} s, {spoken:.0f} s together, zh and en, through"
        f" `suifang worker` with one child and one thread, Whisper base; {cpu_seconds:.0f} CPU-s of the worker with all"
        f" its processes, {wall:.0f} s on the clock beside whatever else ran; the goal is"
    )
    return [
        _row("transcription.backlog", "s of call per CPU-s", spoken / cpu_seconds, f"{conditions} {_GOAL:g}"),
        _row("transcription.worker_mb", "MB at the highest", megabytes, f"{conditions} {_MEMORY_GOAL_MB:g} at most"),
    ]


def _row(name: str, unit: str, ours: float, conditions: str) -> Row:
    return Row(
        name=name, unit=unit, ours=round(ours, 1), peer="none", peer_value=None, ratio=None, bound=None, n=1,
        spread=None, conditions=f"{conditions}; no peer has a worker of its own",
    )  # fmt: skip


def _backlog(
    units_of_work: UnitsOfWork, settings: Settings, speech: Path, line: str, calls: int
) -> tuple[list[str], list[float]]:
    """Stored recordings that nobody has heard, with their seconds."""
    dice = np.random.default_rng(20)
    store = open_vault(settings, units_of_work)
    waiting, seconds = [], []
    for number in range(calls):
        language = ("zh", "en")[number % 2]
        call = _call(dice, language, _UTTERANCES[number // 2 % len(_UTTERANCES)], line, speech)
        path = call.write(settings.state_dir / f"{number}.flac")
        uri = recording_uri(f"backlog-{number}", STARTED_AT, sealed=True)
        store.put_file(uri, path)
        path.unlink()
        with units_of_work() as uow:
            task = a_task(uow, a_patient(uow, language=language), a_queue(uow, language=None))
            recording = a_recording(
                uow, a_call(uow, an_attempt(uow, task)), path, state=RecordingState.STORED, uri=uri, encrypted=True
            )
            uow.commit()
            waiting.append(recording.id)
        seconds.append(call.stereo.shape[0] / RATE)
    return waiting, seconds


def _call(dice: np.random.Generator, language: str, utterances: int, line: str, speech: Path) -> SpokenCall:
    names = [name for name, (spoken, _) in references(speech).items() if spoken == language]
    turns = [
        (_CHANNELS[number % 2], names[at])
        for number, at in enumerate(dice.permutation(len(names))[:utterances].tolist())
    ]
    return spoken_call(turns, line=line, folder=speech)


@contextmanager
def _worker(environment: dict[str, str], work: Path) -> Iterator[psutil.Process]:
    with (work / "worker.log").open("wb") as log:
        started = subprocess.Popen([sys.executable, "-m", "suifang", "worker"], env=environment, stdout=log, stderr=log)
    worker = psutil.Process(started.pid)
    try:
        yield worker
    except BaseException:
        sys.stderr.write((work / "worker.log").read_text()[-5000:])
        raise
    finally:
        for process in [*worker.children(recursive=True), worker]:
            process.kill()
        started.wait()


def _drained(units_of_work: UnitsOfWork, worker: psutil.Process, waiting: list[str]) -> float:
    """Wait until all are written down; the most megabytes that any child had meanwhile, also one replaced since."""
    peaks = [0.0]

    def all_written() -> bool:
        peaks.extend(map(_peak_megabytes, worker.children(recursive=True)))
        if not worker.is_running():
            raise RuntimeError("the worker ended before all calls were written down")
        with units_of_work() as uow:
            found = [each for one in waiting if (each := uow.recordings.get(one)) is not None]
            failed = [each.reason for each in found if each.state is RecordingState.FAILED]
            if failed:
                raise RuntimeError(f"a call could not be written down: {failed[0]}")
            left = sum(each.state is not RecordingState.TRANSCRIBED for each in found)
        print(f"{left} of {len(waiting)} calls are waiting", file=sys.stderr, flush=True)
        return left == 0

    until(all_written, timeout=_PATIENCE_SECONDS, what="all calls are written down", every=_LOOK_SECONDS)
    return max(peaks)


def _cpu_seconds(worker: psutil.Process) -> float:
    """Of the worker, its children, and those that it has replaced."""
    own, living = worker.cpu_times(), [child.cpu_times() for child in worker.children(recursive=True)]
    replaced = own.children_user + own.children_system
    return replaced + sum(one.user + one.system for one in [own, *living])


def _peak_megabytes(process: psutil.Process) -> float:
    """The most memory that it held so far, as the kernel counts it."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # replaced at this moment
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0) / 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription_backlog", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    parser.add_argument("--line", default="ulaw", choices=("clean", "ulaw", "noisy"), help="the telephone line")
    parser.add_argument("--calls", type=int, default=41, help="calls that wait; the first warms the worker")
    arguments = parser.parse_args()
    speech = Path(os.environ.get("SUIFANG_SPEECH_DIR") or SPEECH)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the rows alone
    print_rows(rows(speech, arguments.line, arguments.calls), as_json=arguments.json)


if __name__ == "__main__":
    main()
