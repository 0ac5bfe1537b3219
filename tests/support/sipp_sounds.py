"""What sipp says and presses: A-law as its rtp_stream wants it, and telephone-events as a capture it can play."""

import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000
KEY_PAYLOAD = 120  # what our offer calls telephone-event; the scenarios agree to it
_KEYS = "0123456789*#"
_STEP, _STEPS, _REPEATS = 160, 8, 3  # a key lasts eight steps of 20 ms, and its end is told three times
_BETWEEN_SECONDS = 0.2
_PAUSE_SECONDS = 0.5


def write_voice(folder: Path, sound: NDArray[np.float64]) -> None:
    """Let sipp say this: a mono sound at 8 kHz between -1 and 1."""
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "voice.alaw", sound, RATE, format="RAW", subtype="ALAW")


def tone(hertz: int, seconds: float, *, loud: float = 0.25) -> NDArray[np.float64]:
    """A steady tone."""
    return np.asarray(loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE))


def write_keys(folder: Path, keys: str, *, name: str = "keys", between: float = _BETWEEN_SECONDS) -> None:
    """Let sipp press these keys one after the other (RFC 4733); a blank is a pause of half a second."""
    folder.mkdir(parents=True, exist_ok=True)
    frames, at, number = [], 0.0, 0
    for key in keys:
        if key == " ":
            at += _PAUSE_SECONDS
            continue
        begun = round(at * RATE)
        for step in range(1, _STEPS + _REPEATS + 1):
            ended = step > _STEPS
            event = struct.pack("!BBH", _KEYS.index(key), (0x80 if ended else 0) | 10, min(step, _STEPS) * _STEP)
            kind = KEY_PAYLOAD | (0x80 if step == 1 else 0)
            frames.append((at, struct.pack("!BBHII", 0x80, kind, number, begun, 7) + event))
            number, at = number + 1, at + 0.02
        at += between
    # pcap, Ethernet; sipp puts its own addresses and ports into what it plays.
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for at, rtp in frames:
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        packet = b"\0" * 12 + b"\x08\0" + ip + udp
        whole = int(at)
        capture += struct.pack("<IIII", whole, round((at - whole) * 1e6), len(packet), len(packet)) + packet
    (folder / f"{name}.pcap").write_bytes(capture)
