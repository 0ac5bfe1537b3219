"""The whole system on real parts: a scripted round of follow-ups, undisturbed and with every process killed once."""

import hashlib
import io
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import soundfile

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.opening import open_vault
from runtime.embedded import ensure_engines
from runtime.settings import Settings
from tests.support.demo_round import demo_round, dialed_twice
from tests.support.killing import VICTIMS, kill_on_the_way
from tests.support.waiting import until

ATTEMPT_KEYS = {
    "id", "due_at", "invite_at", "ringing_at", "answered_at", "bridged_at", "ended_at", "sip_call_id", "end_reason",
    "party", "recording", "transcript", "alerts", "digits", "note_id",
}  # fmt: skip
FOLLOW_UP_KEYS = {
    "patient", "queue", "mode", "language", "expected", "outcome", "task_outcome", "attempts", "note", "next",
}  # fmt: skip


def conversations(report: dict[str, Any], language: str) -> list[dict[str, Any]]:
    return [
        follow_up
        for follow_up in report["follow_ups"]
        if follow_up["mode"] == "agent"
        and follow_up["language"] == language
        and follow_up["outcome"] == "connected-patient"
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_round_ends_as_scripted_and_its_report_tells_all() -> None:
    with demo_round() as running:
        report = running.finish()
        town = running.town()
        recorded = [
            attempt["recording"]
            for follow_up in report["follow_ups"]
            for attempt in follow_up["attempts"]
            if attempt["recording"]
        ]
        assert not any(stored_file(running.state, told["uri"]).read_bytes().startswith(b"fLaC") for told in recorded)
        files = opened(running.state, [told["uri"] for told in recorded])
        printed = "\n".join(running.lines)
        until(
            lambda: not running.call_workers() and not running.front_worker(),
            timeout=10,
            what="no call worker outlives its node when nobody talks",
        )
    assert set(report) == {"version", "started_at", "engines", "follow_ups"}
    follow_ups = report["follow_ups"]
    assert len(follow_ups) >= 8
    assert all(set(follow_up) == FOLLOW_UP_KEYS for follow_up in follow_ups)
    assert all(set(attempt) == ATTEMPT_KEYS for follow_up in follow_ups for attempt in follow_up["attempts"])
    assert [f["outcome"] for f in follow_ups] == [f["expected"] for f in follow_ups]
    assert len(conversations(report, "zh")) >= 2
    assert len(conversations(report, "en")) >= 2
    assert {"busy", "no-answer", "answered-machine", "rejected"} <= {f["outcome"] for f in follow_ups}
    confirmed = [
        f for f in follow_ups if f["mode"] == "automated" and (f["attempts"][-1]["digits"] or "").endswith("1")
    ]
    assert confirmed
    assert confirmed[0]["task_outcome"] == "completed"
    assert dialed_twice(report, town) == []
    for talk in (*conversations(report, "zh"), *conversations(report, "en")):
        attempt = talk["attempts"][-1]
        assert seconds_between(attempt["answered_at"], attempt["bridged_at"]) <= 0.5
        assert {turn["channel"] for turn in attempt["transcript"]} == {"agent", "patient"}
        assert talk["note"]["status"] == "signed"
    red = [alert for f in follow_ups for attempt in f["attempts"] for alert in attempt["alerts"]]
    assert [alert["level"] for alert in red].count("red") >= 2
    assert recorded
    for told in recorded:
        check_recording(files[told["uri"]], told)
    assert "listens to" in printed, "the supervisor was on a call"
    assert "left the call" in printed
    assert "pressed 1; hospital hung up" in printed, "the patient who was missed rang back"
    assert "is a task in queue discharge" in printed, "we rang that number of hers, so it is the queue that called"
    assert "error rate" in printed
    assert "NOT AS SCRIPTED" not in printed


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_round_survives_a_kill_of_every_process(dice: random.Random) -> None:
    with demo_round() as running:
        running.wait_for_line("follow-ups are due", timeout=180)
        kills = kill_on_the_way(running, VICTIMS, dice)
        report = running.finish()
        town = running.town()
    assert len(kills) == len(VICTIMS)
    assert dialed_twice(report, town) == []
    assert [f["outcome"] for f in report["follow_ups"]] == [f["expected"] for f in report["follow_ups"]]


def stored_file(state: Path, uri: str) -> Path:
    found = list((state / "store").rglob(uri.rsplit("/", 1)[-1]))
    assert len(found) == 1, f"{uri} is in the store {len(found)} times"
    return found[0]


def opened(state: Path, uris: list[str]) -> dict[str, bytes]:
    """What lies sealed in the vault of a hospital whose processes have ended."""
    settings = Settings(state_dir=state)
    with ensure_engines(settings) as engines:
        engine = make_engine(engines.database_url)
        try:
            vault = open_vault(settings, UnitsOfWork(engine))
            return {uri: vault.read(uri) for uri in uris}
        finally:
            engine.dispose()


def seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def check_recording(content: bytes, told: dict[str, Any]) -> None:
    assert told["encrypted"]
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    sound = soundfile.info(io.BytesIO(content))
    assert (sound.format, sound.channels, sound.samplerate) == ("FLAC", 2, 8000)
    assert abs(sound.duration - told["seconds"]) < 0.01
