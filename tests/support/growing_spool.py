"""A spool folder whose recorder is still at work: a test lets it write on, second by second, without waiting."""

import json
import wave
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 8000
DEMO_SPEECH = Path(__file__).parents[2] / "suifang" / "demo" / "speech"

Stereo = npt.NDArray[np.int16]


def conversation(*said: tuple[str, str], pause: float = 1.0, lead: float = 0.5) -> Stereo:
    """Sentences of the demo's speech one after another: ("agent" or "patient", the file's name without its ending)."""
    sounds = [(side, soundfile.read(DEMO_SPEECH / f"{name}.wav", dtype="int16")[0]) for side, name in said]
    length = round((lead + pause * len(sounds)) * RATE) + sum(sound.size for _, sound in sounds)
    stereo = np.zeros((length, 2), dtype=np.int16)
    at = round(lead * RATE)
    for side, sound in sounds:
        stereo[at : at + sound.size, 0 if side == "agent" else 1] = sound
        at += sound.size + round(pause * RATE)
    return stereo


def spans(*said: tuple[str, str], pause: float = 1.0, lead: float = 0.5) -> list[tuple[float, float]]:
    """From when to when each sentence of such a conversation is said, as long as its file is."""
    found: list[tuple[float, float]] = []
    at = lead
    for _, name in said:
        seconds = soundfile.info(DEMO_SPEECH / f"{name}.wav").duration
        found.append((at, at + seconds))
        at += seconds + pause
    return found


class GrowingSpool:
    """Both files as a recorder keeps them: headers that tell of no sound yet, samples added in pieces."""

    def __init__(self, folder: Path, stereo: Stereo, started_at: datetime) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self.folder = folder
        self._stereo = stereo
        self._written = 0
        for name in ("agent.wav", "patient.wav"):
            with wave.open(str(folder / name), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(RATE)
            self._unsay(folder / name)
        start = {
            "started_at": started_at.isoformat(),
            "agent_offset_samples": 0,
            "patient_offset_samples": 0,
            "sample_rate": RATE,
        }
        (folder / "recording.json").write_text(json.dumps(start))

    @property
    def is_whole(self) -> bool:
        """Whether everything was written."""
        return self._written >= len(self._stereo)

    def grow(self, seconds: float = 0.25) -> None:
        """Write so much more of both sides."""
        piece = self._stereo[self._written : self._written + round(seconds * RATE)]
        self._written += round(seconds * RATE)
        self._add("agent.wav", piece[:, 0])
        self._add("patient.wav", piece[:, 1])

    def pause(self, seconds: float) -> None:
        """Write silence, as a paused recorder does; what is said meanwhile is lost."""
        silence = np.zeros(round(seconds * RATE), dtype=np.int16)
        self._written += silence.size
        for name in ("agent.wav", "patient.wav"):
            self._add(name, silence)

    def take_away(self) -> None:
        """What the vault does when it has stored everything."""
        for name in ("agent.wav", "patient.wav", "recording.json"):
            (self.folder / name).unlink()

    def _add(self, name: str, samples: Sequence[int] | npt.NDArray[np.int16]) -> None:
        with (self.folder / name).open("ab") as file:
            file.write(np.asarray(samples, dtype="<i2").tobytes())

    @staticmethod
    def _unsay(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[4:8] = content[40:44] = bytes(4)
        path.write_bytes(bytes(content))
