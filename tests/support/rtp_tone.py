"""A voice on the wire for tests: a steady tone as G.711 A-law RTP from a socket of its own, and an ear beside it."""

import io
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE, FRAME = 8000, 160
Address = tuple[str, int]


def tone_frames(hertz: int) -> list[bytes]:
    """One second of the tone in frames of 20 ms; it can be repeated without a click."""
    samples = 0.25 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
    raw = io.BytesIO()
    soundfile.write(raw, samples, RATE, format="RAW", subtype="ALAW")
    return [raw.getvalue()[start : start + FRAME] for start in range(0, RATE, FRAME)]


def rtp_packet(number: int, payload: bytes, *, source_id: int = 1, marker: bool = False) -> bytes:
    """One packet of payload type 8."""
    kind = 8 | (0x80 if marker else 0)
    return struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, (number * FRAME) & 0xFFFFFFFF, source_id) + payload


@dataclass
class RtpTone:
    """Speaks to `target` from the moment it is set, and keeps whatever comes."""

    line: socket.socket
    hertz: int
    source_id: int
    target: Address | None = None
    heard: list[tuple[float, bytes]] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.line.getsockname()[1])

    def run(self) -> None:
        """Send a frame every 20 ms and hear in between."""
        frames = tone_frames(self.hertz)
        number, due = 0, time.monotonic()
        self.line.settimeout(0.005)
        while not self._stopped.is_set():
            now = time.monotonic()
            if self.target is not None and now >= due:
                self.line.sendto(
                    rtp_packet(number, frames[number % len(frames)], source_id=self.source_id, marker=number == 0),
                    self.target,
                )
                number += 1
                due = max(due + 0.02, now - 0.2)
            try:
                packet, _ = self.line.recvfrom(2048)
            except (TimeoutError, OSError):
                continue
            self.heard.append((time.monotonic(), packet))

    def stop(self) -> None:
        """Say no more."""
        self._stopped.set()

    def sound(self) -> NDArray[np.float64]:
        """All that was heard, as samples."""
        alaw = b"".join(packet[12:] for _, packet in self.heard if packet[1] & 0x7F == 8)
        samples, _ = soundfile.read(io.BytesIO(alaw), format="RAW", subtype="ALAW", samplerate=RATE, channels=1)
        return np.asarray(samples)


@contextmanager
def rtp_tone(hertz: int, *, host: str = "127.0.0.1", port: int = 0, source_id: int = 7) -> Iterator[RtpTone]:
    """A voice with a thread of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((host, port))
        voice = RtpTone(line, hertz, source_id)
        thread = threading.Thread(target=voice.run, daemon=True)
        thread.start()
        try:
            yield voice
        finally:
            voice.stop()
            thread.join()


def loudness_at(samples: NDArray[np.float64], hertz: int) -> float:
    """The amplitude of a tone in samples of 8 kHz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) * 4 / len(samples)
    middle = round(hertz * len(samples) / RATE)
    return float(spectrum[max(0, middle - 3) : middle + 4].max())
