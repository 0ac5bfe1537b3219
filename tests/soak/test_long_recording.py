"""Four hours of a call come into the vault, and are written down, without four hours of memory."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from followup.recordings import Channel
from tests.support.spoken_calls import spoken_call
from tests.support.spool import STARTED_AT

HOURS = 4
RATE = 8000
MINUTE = 60 * RATE
BOUND_MB = 60
"""Above what the modules themselves take; the samples alone would be 461 MB."""

MEASURED = """
import json, resource, sys
from pathlib import Path
from recordings.audio import read_spool, write_original

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = used()
folder = Path(sys.argv[1])
sound = read_spool(folder)
original = write_original(sound, folder)
lanes = original.peaks
print(json.dumps({"seconds": sound.seconds, "grown": used() - before, "values": len(lanes["patient"]),
                  "per_second": lanes["per_second"], "faults": [fault.kind for fault in sound.faults]}))
"""

HEARING_BOUND_MB = 500
"""Above what the modules take, without a model: the call at once would be six thousand."""

HEARD = """
import json, resource, sys
from pathlib import Path
from tests.unit.transcription.test_pipeline import ScriptedTranscriber, _spread
from transcription.pipeline import transcribe_recording

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = used()
call = transcribe_recording(Path(sys.argv[1]), ScriptedTranscriber(_spread), "en")
print(json.dumps({"seconds": call.seconds, "grown": used() - before,
                  "turns": [(turn.channel.value, turn.start, turn.end) for turn in call.turns]}))
"""


@pytest.mark.soak
def test_a_call_of_four_hours_is_packed_in_bounded_memory(tmp_path: Path) -> None:
    dice = np.random.default_rng(7)
    for name in ("agent.wav", "patient.wav"):
        with wave.open(str(tmp_path / name), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(RATE)
            for _ in range(HOURS * 60):
                sound.writeframes((dice.standard_normal(MINUTE) * 900).astype("<i2").tobytes())
    (tmp_path / "recording.json").write_text(
        json.dumps(
            {
                "started_at": STARTED_AT.isoformat(),
                "agent_offset_samples": 0,
                "patient_offset_samples": 80,
                "sample_rate": RATE,
            }
        )
    )
    packed = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(packed.stdout)
    assert found["seconds"] == HOURS * 3600 + 80 / RATE
    assert found["faults"] == []
    assert found["grown"] < BOUND_MB, f"{found['grown']} MB more than before"
    assert (found["per_second"], found["values"]) == (2, HOURS * 3600 * 2 + 1)


@pytest.mark.soak
def test_a_call_of_four_hours_is_written_down_in_bounded_memory_and_every_sentence_keeps_its_second(
    tmp_path: Path,
) -> None:
    said = spoken_call([(Channel.AGENT, "en_lv_0880"), (Channel.PATIENT, "en_lv_0890")], pauses=[2.0])
    sound = (said.stereo * 32_767).astype(np.int16)
    dice, path = np.random.default_rng(7), tmp_path / "call.flac"
    spoken_in = range(0, HOURS * 60, 7)
    with soundfile.SoundFile(path, "w", RATE, 2, format="FLAC", subtype="PCM_16") as file:
        for minute in range(HOURS * 60):
            block = dice.normal(0, 12, (MINUTE, 2)).astype(np.int16)
            if minute in spoken_in:
                block[-len(sound) :] += sound
            file.write(block)
    heard = subprocess.run(
        [sys.executable, "-c", HEARD, str(path)], capture_output=True, text=True, check=True, timeout=600
    )
    found = json.loads(heard.stdout.splitlines()[-1])
    assert found["seconds"] == HOURS * 3600
    assert found["grown"] < HEARING_BOUND_MB, f"{found['grown']} MB more than before"
    truth = [
        (one.channel.value, (minute + 1) * 60 - len(sound) / RATE + one.start)
        for minute in spoken_in
        for one in said.said
    ]
    assert [channel for channel, _, _ in found["turns"]] == [channel for channel, _ in truth]
    assert all(abs(start - at) < 0.9 for (_, start, _), (_, at) in zip(found["turns"], truth, strict=True))
