"""Four hours of a call come into the vault without four hours of memory."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

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
