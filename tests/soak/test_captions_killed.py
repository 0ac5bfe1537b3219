"""The captions' process killed while people talk, again and again: its successor goes on, and no sentence is lost."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.recordings import Channel, RecordingState
from runtime.embedded import Engines
from runtime.settings import REPOSITORY
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.growing_spool import RATE, GrowingSpool, conversation
from tests.support.waiting import until

MINUTES = 0.05 * float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
SENTENCES = ("zh_patient_autumn_1", "zh_patient_autumn_3", "zh_patient_autumn_2", "zh_patient_autumn_5")
PIECE = 0.25
BUSY = 180.0


def follower(database_url: str, engines: Engines, folder: Path) -> subprocess.Popen[bytes]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SUIFANG_")}
    environment = {
        **mine,
        "SUIFANG_STATE_DIR": str(folder / "state"),
        "SUIFANG_DATABASE_URL": database_url,
        "SUIFANG_BROKER_URL": engines.broker_url,
        "SUIFANG_CAPTIONS": "true",
    }
    with (folder / "captions.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "suifang.process_entry", "captions"],
            env=environment,
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )


@pytest.mark.soak
def test_killed_at_any_moment_it_loses_no_sentence(
    database_url: str, engines: Engines, tmp_path: Path, dice: random.Random
) -> None:
    said = conversation(*(("patient", name) for name in SENTENCES))
    engine = make_engine(database_url)
    units = UnitsOfWork(engine)
    ends = time.monotonic() + MINUTES * 60
    child = follower(database_url, engines, tmp_path)
    rounds = kills = 0
    try:
        while not rounds or time.monotonic() < ends:
            with units() as uow:
                queue = a_queue(uow)
                attempt = an_attempt(uow, a_task(uow, a_patient(uow), queue), state=AttemptState.IN_CALL)
                call = a_call(uow, attempt, state=CallState.BRIDGED, ended_at=None, end_reason=None, party=None)
                recording = a_recording(
                    uow, call, tmp_path / call.id, state=RecordingState.RECORDING, started_at=uow.now
                )
                spool = GrowingSpool(tmp_path / call.id, said, uow.now)
                uow.commit()
            writer = threading.Thread(target=write_in_time, args=(spool,))
            writer.start()
            kill_at = time.monotonic() + dice.uniform(1.0, len(said) / RATE - 1.0)
            wait_for(kill_at)
            child.send_signal(signal.SIGKILL)
            child.wait()
            kills += 1
            child = follower(database_url, engines, tmp_path)
            writer.join()

            until(partial(is_followed, units, recording.id), timeout=BUSY, what="its successor follows the call")
            with units() as uow:
                held = uow.recordings.for_update(recording.id)
                assert held is not None
                held.state = RecordingState.CAPTURED
                uow.commit()
            until(partial(is_let_go, units, recording.id), timeout=BUSY, what="the call is heard to its end")
            with units() as uow:
                captions = [one for one in uow.captions.of_recording(recording.id) if one.channel is Channel.PATIENT]
            assert all(caption.final for caption in captions)
            for place, (start, end) in enumerate(spans()):
                assert any(one.start < end and one.end > start for one in captions), f"sentence {place} is lost"
            rounds += 1
    finally:
        child.terminate()
        child.wait(timeout=BUSY)
        engine.dispose()
    assert child.returncode == 0, (tmp_path / "captions.log").read_text()[-2000:]
    print(f"{rounds} calls, {kills} kills")


def is_followed(units: UnitsOfWork, recording_id: str) -> bool:
    with units() as uow:
        following = uow.captions.following(recording_id)
        return following is not None and following.is_alive(uow.now)


def is_let_go(units: UnitsOfWork, recording_id: str) -> bool:
    return not is_followed(units, recording_id)


def wait_for(instant: float) -> None:
    until(lambda: time.monotonic() > instant, timeout=BUSY, what="the next moment")


def spans() -> list[tuple[float, float]]:
    """From when to when each sentence is said."""
    found: list[tuple[float, float]] = []
    at = 0.5
    for name in SENTENCES:
        seconds = len(conversation(("patient", name), pause=0.0, lead=0.0)) / RATE
        found.append((at, at + seconds))
        at += seconds + 1.0
    return found


def write_in_time(spool: GrowingSpool) -> None:
    """Let the recorder write as fast as people talk."""
    began, pieces = time.monotonic(), 0
    while not spool.is_whole:
        wait_for(began + pieces * PIECE)
        spool.grow(PIECE)
        pieces += 1
