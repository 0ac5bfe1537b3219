"""A small hospital at work for a browser: API, telephony node, headset gateway, relay, worker with Whisper."""

import os
import subprocess
import sys
import wave
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import soundfile
import soxr

from api.accounts import add_user
from db.users import Role
from followup.recordings import Channel, RecordingState
from recordings.opening import open_vault
from runtime.identifiers import new_id
from runtime.settings import Settings
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.integration.api.house import PASSWORD, QUICK_HASHER, House, open_house
from tests.support.headset_browser import MICROPHONE_RATE
from tests.support.headset_gateway import running_gateway
from tests.support.killed_workers import kill_worker
from tests.support.ports import free_udp_block
from tests.support.relayed_events import relayed_events
from tests.support.served_house import served
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.spoken_calls import SPEECH
from tests.support.telephony_bench import PORTS, Place, node_at
from tests.support.waiting import until
from transcription.weights import find_weights

WRITTEN_DOWN_SECONDS = 400.0  # a worker that starts, loads its model and hears two sides on a busy machine


@dataclass(frozen=True, kw_only=True)
class GoldenDay:
    """Everything that runs, and where it is served."""

    house: House
    address: str
    place: Place
    phone: SipPatient
    worker_log: Path

    def newcomer(self, role: Role, display_name: str) -> tuple[str, str]:
        """Somebody who has a password and was never logged in; (id, login)."""
        login = f"u{new_id()[:6]}"
        with self.house.rows() as uow:
            user = add_user(
                uow,
                login=login,
                display_name=display_name,
                password_hash=QUICK_HASHER.hash(PASSWORD),
                roles=[role],
                languages=["zh"],
                queues=[],
                by=None,
            )
        return user.id, login

    def written_down(self, call_id: str) -> dict[Channel, str]:
        """What each side said in this call, once the worker has heard it."""

        def transcribed() -> dict[Channel, str] | None:
            with self.house.units() as uow:
                recording = uow.recordings.of_call(call_id)
                if recording is None or recording.state is not RecordingState.TRANSCRIBED:
                    return None
                turns = uow.recordings.transcripts(recording.id)[-1].turns
                return {side: " ".join(turn.text for turn in turns if turn.channel is side) for side in Channel}

        try:
            return until(transcribed, timeout=WRITTEN_DOWN_SECONDS, what="the call is written down", every=0.5)
        except BaseException:
            sys.stderr.write(self.worker_log.read_text()[-6000:])
            raise


def write_microphone(path: Path, names: Sequence[str], *, pause: float = 1.5) -> Path:
    """A WAV for the fake microphone, which repeats it: these utterances of the speech fixtures with pauses."""
    parts = []
    for name in names:
        samples, rate = soundfile.read(str(SPEECH / "clean" / f"{name}.wav"), dtype="float32")
        parts += [soxr.resample(samples, rate, MICROPHONE_RATE), np.zeros(round(pause * MICROPHONE_RATE))]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE)
        file.writeframes((np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2").tobytes())
    return path


@contextmanager
def golden_day(
    folder: Path, door: Path, database_url: str, broker_url: str, programmes: Mapping[str, str]
) -> Iterator[GoldenDay]:
    """All of it; at these numbers somebody picks up and does what his programme says."""
    with (
        open_house(database_url, broker_url, folder, gateway_socket=door, hospital_name="示范医院") as house,
        sip_patient(folder / "phone", programmes) as phone,
        running_gateway(folder / "gateway", door, database_url=database_url),
        relayed_events(house.units, broker_url),
        served(house) as address,
        _worker(folder, database_url, broker_url) as log,
    ):
        house.app.state.wiring = replace(
            house.app.state.wiring, store=open_vault(Settings(state_dir=folder / "state"), house.units)
        )
        trunk = Trunk(name="town", host=phone.host, port=phone.port, loopback_only=True)
        place = Place(
            folder=folder,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=house.units,
            database_url=database_url,
        )
        with node_at(place):
            yield GoldenDay(house=house, address=address, place=place, phone=phone, worker_log=log)


@contextmanager
def _worker(folder: Path, database_url: str, broker_url: str) -> Iterator[Path]:
    """The worker's process with the packaged speech model; its log."""
    model = find_weights(None, folder / "speech").path
    assert model is not None
    log_path = folder / "worker.log"
    with log_path.open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.support.media_worker"],
            env={
                **os.environ,
                "SUIFANG_STATE_DIR": str(folder / "state"),
                "SUIFANG_DATABASE_URL": database_url,
                "SUIFANG_BROKER_URL": broker_url,
                "SUIFANG_SPEECH_MODEL": str(model),
                "SUIFANG_LOG_FORMAT": "json",
            },
            stdout=log,
            stderr=log,
        )
    try:
        yield log_path
    finally:
        kill_worker(psutil.Process(started.pid), broker_url)
        started.wait()
