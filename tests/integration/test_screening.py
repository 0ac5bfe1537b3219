"""A real call worker listens to a real phone: who answered, what was heard before, and what is left of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.openings import RATE, Voices, openings, voices
from followup.calls import EndReason, LegId
from telephony.call_control import LegEventKind, Trunk
from telephony.sip.wire import HangUp, Originate, StopRecording
from tests.support.opening_phone import opening_phone
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.waiting import until

REPOSITORY = Path(__file__).parents[2]
SPEECH = REPOSITORY / "tests" / "support" / "speech"
DEMO = REPOSITORY / "suifang" / "demo" / "speech"
HUMAN_SPEECH = voices(SPEECH, REPOSITORY / "nothing", REPOSITORY / "nothing").human
SOURCE = Voices(human=HUMAN_SPEECH, greetings=HUMAN_SPEECH, assistants=HUMAN_SPEECH, announcements=HUMAN_SPEECH)
ITEMS = {item.name: item for item in openings(SOURCE)}
PEOPLE = ("human-hello-01", "human-two_bursts-01", "human-noisy_room-01")
MACHINES = ("machine-recorded_greeting-03", "machine-ringback-01", "machine-song-01")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for name in (*PEOPLE, *MACHINES):
        ITEMS[name].write(folder)
    at = np.arange(RATE) / RATE
    busy = np.concatenate([_tone(at, 0.35), np.zeros(round(0.35 * RATE))])
    soundfile.write(folder / "busy.wav", np.tile(busy, 6), RATE, subtype="PCM_16")
    (folder / "announcement.wav").write_bytes((DEMO / "zh_voicemail_greeting.wav").read_bytes())
    greeting, _ = soundfile.read(DEMO / "zh_voicemail_greeting.wav", dtype="float32")
    beep, _ = soundfile.read(DEMO / "beep.wav", dtype="float32")
    soundfile.write(folder / "voicemail.wav", np.concatenate([greeting, beep]), RATE, subtype="PCM_16")
    return folder


def _tone(at: np.ndarray, seconds: float) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * 450 * at[: round(seconds * RATE)])


@pytest.fixture(scope="module")
def trunk(folder: Path) -> Iterator[Trunk]:
    with opening_phone(folder) as phone:
        yield loopback_trunk(phone.port)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    for leg in connection.status().legs:
        connection.do(HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        connection.wait_for(leg.leg_id, LegEventKind.ENDED)
    until(lambda: not connection.status().legs, timeout=10, what="the worker is free")
    connection.close()


def _dial(node: NodeConnection, trunk: Trunk, number: str, folder: Path | None = None) -> LegId:
    leg = outbound(number, screened=True, recording_folder=folder)
    node.do(Originate(leg=leg, trunk=trunk))
    return leg.leg_id


@pytest.mark.parametrize(("names", "kept"), [(PEOPLE, True), (MACHINES, False)], ids=["people", "machines"])
def test_people_are_kept_and_machines_caught(
    node: NodeConnection, trunk: Trunk, names: tuple[str, ...], kept: bool
) -> None:
    legs = {name: _dial(node, trunk, f"answer.{name}") for name in names}
    for name, leg in legs.items():
        verdict = node.wait_for(leg, LegEventKind.ANSWERED_BY, timeout=10).values
        assert (verdict["who"] != "machine") is kept, (name, verdict)
        assert float(str(verdict["after_seconds"])) <= 3.2


def test_a_machine_is_told_of_again_when_its_greeting_is_over_and_its_first_seconds_are_kept(
    node: NodeConnection, worker: WorkerUnderTest, trunk: Trunk, tmp_path: Path
) -> None:
    leg = _dial(node, trunk, "answer.voicemail", tmp_path / "spool" / "call-1")
    verdict = node.wait_for(leg, LegEventKind.ANSWERED_BY).values
    kept = node.wait_for(leg, LegEventKind.OPENING_KEPT).values
    ended = node.wait_for(leg, LegEventKind.GREETING_ENDED, timeout=15).values
    assert (verdict["who"], verdict["why"]) == ("machine", "long_speech")
    assert ended["by"] == "beep"
    opening = tmp_path / "spool" / "call-1.opening.wav"
    assert kept["file"] == str(opening)
    sound = soundfile.info(opening)
    assert (sound.samplerate, sound.channels, round(sound.duration)) == (8000, 1, 5)
    assert opening.stat().st_mode & 0o077 == 0
    assert _ears_of(worker) == [], "nothing that the ear wrote has a name"
    node.do(StopRecording(leg_id=leg))
    until(lambda: not opening.exists(), timeout=2, what="a recording that is refused takes the opening with it")


def test_nobody_listens_to_a_leg_that_has_ended(node: NodeConnection, worker: WorkerUnderTest, trunk: Trunk) -> None:
    leg = _dial(node, trunk, "answer.human-hello-01")
    node.wait_for(leg, LegEventKind.ANSWERED_BY)
    assert _open_ears(worker) > 0
    node.do(HangUp(leg_id=leg, reason=EndReason.HANG_UP))
    node.wait_for(leg, LegEventKind.ENDED)
    until(lambda: _open_ears(worker) == 0, timeout=2, what="the ear is closed")


def test_a_recording_that_is_refused_at_once_leaves_no_caller_waiting_for_a_verdict(
    node: NodeConnection, trunk: Trunk, tmp_path: Path
) -> None:
    leg = _dial(node, trunk, "answer.human-hello-01", tmp_path / "spool" / "call-3")
    node.wait_for(leg, LegEventKind.RECORDING_STARTED)
    node.do(StopRecording(leg_id=leg))
    assert node.wait_for(leg, LegEventKind.ANSWERED_BY, timeout=1).values["who"] == "unknown"


def test_an_unscreened_leg_is_not_listened_to(node: NodeConnection, worker: WorkerUnderTest, trunk: Trunk) -> None:
    leg = outbound("answer.human-hello-01")
    node.do(Originate(leg=leg, trunk=trunk))
    node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
    assert _open_ears(worker) == 0


@pytest.mark.parametrize(("sound", "heard"), [("busy", "busy_tone"), ("announcement", "speech")])
def test_what_is_heard_before_no_answer_is_told_before_the_end(
    node: NodeConnection, trunk: Trunk, tmp_path: Path, sound: str, heard: str
) -> None:
    leg = _dial(node, trunk, f"early.{sound}", tmp_path / "spool" / "call-2")
    node.wait_for(leg, LegEventKind.ENDED, timeout=20)
    early = node.wait_for(leg, LegEventKind.EARLY_HEARD).values
    kinds = node.kinds(leg)
    assert kinds.index(LegEventKind.EARLY_HEARD) < kinds.index(LegEventKind.ENDED)
    assert early["sound"] == heard
    kept = tmp_path / "spool" / "call-2.early.wav"
    assert kept.exists() is (heard == "speech")
    assert early["file"] == (str(kept) if heard == "speech" else None)


def test_a_disk_that_refuses_costs_the_verdict_and_never_the_call(trunk: Trunk, tmp_path: Path) -> None:
    with call_worker(tmp_path / "worker") as worker:
        node = worker.connect()
        (tmp_path / "worker").rename(tmp_path / "elsewhere")
        leg = _dial(node, trunk, "answer.human-hello-01")
        verdict = node.wait_for(leg, LegEventKind.ANSWERED_BY).values
        (tmp_path / "elsewhere").rename(tmp_path / "worker")
        assert verdict["who"] in ("unknown", "human")
        node.do(HangUp(leg_id=leg, reason=EndReason.HANG_UP))
        node.wait_for(leg, LegEventKind.ENDED)


def _ears_of(worker: WorkerUnderTest) -> list[Path]:
    return list(worker.config.journal.parent.glob("ear-*"))


def _open_ears(worker: WorkerUnderTest) -> int:
    descriptors = Path(f"/proc/{worker.child.pid}/fd")
    return sum("/ear-" in str(entry.readlink()) for entry in descriptors.iterdir() if entry.is_symlink())
