"""RTP relayed without being decoded: the packet keeps its sound and gets a stream that never breaks off."""

import secrets
import struct
from collections.abc import Mapping

CLOCK_RATE = 8000
FRAME_SAMPLES = 160
"""20 ms, what browsers and call workers send."""
SILENCE = {0: b"\xff" * FRAME_SAMPLES, 8: b"\xd5" * FRAME_SAMPLES}

_HEAD = struct.Struct("!BBHII")
_VERSION_2 = 0x80
_MARKER = 0x80


class RtpStream:
    """One direction. Whatever the source does (reload, new call worker), its far end hears one unbroken stream.

    Source identity, sequence and timestamp are rewritten; a new source goes on where the last one stopped, with the
    time between them counted.
    """

    __slots__ = ("_at", "_sequence", "_sequence_shift", "_source", "_ssrc", "_timestamp", "_timestamp_shift", "packets")

    def __init__(self, ssrc: int | None = None) -> None:
        self._ssrc = secrets.randbits(32) if ssrc is None else ssrc
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._at: float | None = None
        self._source: int | None = None
        self._sequence_shift = 0
        self._timestamp_shift = 0
        self.packets = 0

    @property
    def ssrc(self) -> int:
        """Under which name the far end hears us."""
        return self._ssrc

    def carry(self, packet: bytes, payload_types: Mapping[int, int], now: float) -> bytes | None:
        """The packet for the far end, or None for what it has no use for; `now` is of a monotonic clock."""
        if len(packet) <= _HEAD.size:
            return None
        first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(packet)
        payload_type = payload_types.get(second & 0x7F)
        if first & 0xC0 != _VERSION_2 or payload_type is None:
            return None
        marker = second & _MARKER
        if ssrc != self._source:
            self._begin(ssrc, sequence, timestamp, now)
            marker = _MARKER
        sequence = (sequence + self._sequence_shift) & 0xFFFF
        timestamp = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
        if (sequence - self._sequence) & 0xFFFF < 0x8000:
            self._sequence, self._timestamp, self._at = sequence, timestamp, now
        self.packets += 1
        head = _HEAD.pack(_VERSION_2, marker | payload_type, sequence, timestamp, self._ssrc)
        # Neither padding, extension nor contributing sources: as browsers and call workers send them.
        return head + (packet[_HEAD.size :] if not first & 0x3F else _sound(packet, first))

    def silence(self, payload_type: int, now: float) -> bytes:
        """A packet of silence in the stream, while its source says nothing."""
        self._source = None
        self._step(now)
        head = _HEAD.pack(_VERSION_2, payload_type, self._sequence, self._timestamp, self._ssrc)
        return head + SILENCE[payload_type]

    def _begin(self, ssrc: int, sequence: int, timestamp: int, now: float) -> None:
        self._source = ssrc
        self._step(now)
        self._sequence_shift = self._sequence - sequence
        self._timestamp_shift = self._timestamp - timestamp

    def _step(self, now: float) -> None:
        passed = 0.0 if self._at is None else now - self._at
        frames = max(1, round(passed * CLOCK_RATE / FRAME_SAMPLES))
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + frames * FRAME_SAMPLES) & 0xFFFFFFFF
        self._at = now


def _sound(packet: bytes, first: int) -> bytes:
    start = _HEAD.size + 4 * (first & 0x0F)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
    end = len(packet) - packet[-1] if first & 0x20 else len(packet)
    return packet[start:end]
