"""Records one and the same sound on both sides of a conversation, several times, in a process of its own.

Usage: `python -m tests.support.alignment_probe FOLDER`; each recording becomes a folder with both sides as arrays,
padded by the offsets that were noted at its start.
"""

import os
import sys
import time
import wave
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pjsua2 as pj

from followup.calls import LegId
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


def main(folder: Path) -> None:
    """Make the recordings."""
    ports = free_udp_block(42)
    config = WorkerConfig(
        worker_id="probe",
        socket=folder / "socket",
        journal=folder / "journal",
        lock=folder / "lock",
        sip_port=ports,
        rtp_base=ports + 2,
    )
    endpoint = Endpoint(config, deque())
    endpoint.run_clock(wanted=True)
    conference = Conference(endpoint.native, deque(), RATE)
    bursts = pj.AudioMediaPlayer()
    bursts.createPlayer(str(burst_file(folder.parent / f"{folder.name}-bursts.wav")))
    patient, agent = LegId("patient"), LegId("agent")

    def run_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            endpoint.poll()

    def closed(place: Path) -> bool:
        endpoint.poll()
        return is_closed(place)

    for number in range(ROUNDS):
        place = folder / f"round-{number}"
        conference.put_leg(patient, bursts, LineSound.BOTH_WAYS)
        conference.put_leg(agent, bursts, LineSound.BOTH_WAYS)
        conference.join(patient, agent)
        run_for(0.013 * number)
        start = conference.record(patient, place, datetime.now(UTC))
        run_for(0.3)
        conference.put_leg(patient, bursts, LineSound.HELD)
        run_for(0.2)
        conference.put_leg(patient, bursts, LineSound.BOTH_WAYS)
        run_for(0.3)
        conference.close_recording(patient)
        until(lambda place=place: closed(place), timeout=5, what="the files are closed")  # type: ignore[misc]
        side(place, "patient", start.patient_offset_samples)
        side(place, "agent", start.agent_offset_samples)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stderr.flush()
    os._exit(0)
