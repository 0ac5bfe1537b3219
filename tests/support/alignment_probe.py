"""Records one and the same sound on both sides of a conversation, several times, in a process of its own.

Usage: `python -m tests.support.alignment_probe FOLDER`; each recording becomes a folder with both sides as arrays,
padded by the offsets that were noted at its start. With `MINUTES` behind it, one recording is made that is so long and
has holds, mutes and pauses all through it. With `changes` behind it, an agent's tone is recorded while a supervisor
goes to and fro between listening and whispering.
"""

import os
import sys
import time
import wave
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pjsua2 as pj

from followup.calls import LegId
from telephony.call_control import MonitorMode
from telephony.monitor_rules import Monitoring
from telephony.sip.config import WorkerConfig
from telephony.sip.connections import LineSound
from telephony.sip.endpoint import Endpoint
from telephony.sip.media import Conference, is_closed
from tests.support.ports import free_udp_block
from tests.support.waiting import until

RATE = 8000
ROUNDS = 4


def side(folder: Path, name: str, offset: int) -> None:
    """Keep one side as an array, padded to the common start."""
    with wave.open(str(folder / f"{name}.wav")) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    np.save(folder / f"{name}.npy", np.concatenate([np.zeros(offset, dtype="<i2"), samples]))


def burst_file(file: Path) -> Path:
    """Sixty milliseconds of noise and ninety of nothing, over and over; no two bursts are alike."""
    noise = np.random.default_rng(7).normal(0, 6000, 40 * 1200)
    noise[np.arange(len(noise)) % 1200 >= 480] = 0
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(noise.astype("<i2").tobytes())
    return file


class Probe:
    """An endpoint without calls, whose two legs both speak the same bursts."""

    def __init__(self, folder: Path) -> None:
        ports = free_udp_block(42)
        config = WorkerConfig(
            worker_id="probe",
            socket=folder / "socket",
            journal=folder / "journal",
            lock=folder / "lock",
            sip_port=ports,
            rtp_base=ports + 2,
        )
        self.endpoint = Endpoint(config, deque())
        self.endpoint.run_clock(wanted=True)
        self.conference = Conference(self.endpoint.native, deque(), RATE)
        self.bursts = pj.AudioMediaPlayer()
        self.bursts.createPlayer(str(burst_file(folder.parent / f"{folder.name}-bursts.wav")))
        self.patient, self.agent = LegId("patient"), LegId("agent")
        for leg_id in (self.patient, self.agent):
            self.put(leg_id, LineSound.BOTH_WAYS)
        self.conference.join(self.patient, self.agent)

    def put(self, leg_id: LegId, sound: LineSound) -> None:
        """Set the leg's media up anew."""
        self.conference.put_leg(leg_id, self.bursts, sound)

    def run_for(self, seconds: float) -> None:
        """Let sound flow."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.endpoint.poll()
            time.sleep(0.002)

    def record(self, place: Path, talk: Callable[[], None]) -> None:
        """Record a talk, and keep both sides."""
        start = self.conference.record(self.patient, place, datetime.now(UTC))
        talk()
        self.conference.close_recording(self.patient)

        def closed() -> bool:
            self.endpoint.poll()
            return is_closed(place)

        until(closed, timeout=5, what="the files are closed")
        side(place, "patient", start.patient_offset_samples)
        side(place, "agent", start.agent_offset_samples)


def several(folder: Path) -> None:
    """A few short recordings, begun at different moments."""
    probe = Probe(folder)

    def talk() -> None:
        probe.run_for(0.3)
        probe.put(probe.patient, LineSound.HELD)
        probe.run_for(0.2)
        probe.put(probe.patient, LineSound.BOTH_WAYS)
        probe.run_for(0.3)

    for number in range(ROUNDS):
        probe.run_for(0.013 * number)
        probe.record(folder / f"round-{number}", talk)


def long(folder: Path, minutes: float) -> None:
    """One recording of so many minutes; every five seconds each side is held, muted and paused for a moment."""
    probe = Probe(folder)
    music = burst_file(folder.parent / f"{folder.name}-music.wav")

    def talk() -> None:
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            probe.run_for(2.5)
            probe.conference.give_music(probe.patient, music)
            probe.put(probe.patient, LineSound.HELD)
            probe.run_for(0.7)
            probe.conference.stop_music(probe.patient)
            probe.put(probe.patient, LineSound.BOTH_WAYS)
            for leg_id in (probe.patient, probe.agent):
                probe.conference.mute(leg_id, muted=True)
                probe.run_for(0.4)
                probe.conference.mute(leg_id, muted=False)
                probe.run_for(0.3)
            probe.conference.pause_recording(probe.patient, paused=True)
            probe.run_for(0.4)
            probe.conference.pause_recording(probe.patient, paused=False)

    probe.record(folder / "long", talk)


def changes(folder: Path) -> None:
    """One recording in which nothing but the supervisor's way of monitoring changes, thirty times."""
    probe = Probe(folder)
    supervisor = LegId("supervisor")
    for leg_id, hertz in ((probe.agent, 400), (supervisor, 1700)):
        tone = pj.ToneDesc()
        tone.freq1, tone.on_msec, tone.off_msec = hertz, 1000, 0
        generator = pj.ToneGenerator()
        generator.createToneGenerator(RATE, 1)
        generator.play(pj.ToneDescVector([tone]), True)
        probe.conference.put_leg(leg_id, generator, LineSound.BOTH_WAYS)

    def talk() -> None:
        for turn in range(30):
            mode = MonitorMode.WHISPER if turn % 2 else MonitorMode.LISTEN
            following = Monitoring(supervisor=supervisor, patient=probe.patient, agent=probe.agent, mode=mode)
            probe.conference.monitor([following])
            probe.run_for(0.07)

    probe.record(folder / "changes", talk)


if __name__ == "__main__":
    if sys.argv[2:] == ["changes"]:
        changes(Path(sys.argv[1]))
    elif len(sys.argv) > 2:
        long(Path(sys.argv[1]), float(sys.argv[2]))
    else:
        several(Path(sys.argv[1]))
    sys.stderr.flush()
    os._exit(0)
