"""The one-way delay that a call worker adds: bursts sent as one phone, found in what the other phone receives."""

import socket
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

PACKET_SECONDS = 0.02
SAMPLES = 160
RATE = 8000
LOUD, SILENT = 0x2A, 0xD5  # A-law: a loud sample, and silence
HOST = "127.0.0.1"
BURST_EVERY = 25  # packets
SETTLED_SECONDS = 3.0


@dataclass
class Phone:
    """One end's RTP: it sends a packet every 20 ms by the clock and notes when each packet came."""

    port: int
    bursts: bool
    sent_bursts: list[float] = field(default_factory=list)  # when the first sample of each burst left
    received: list[tuple[float, int, bytes]] = field(default_factory=list)  # when, RTP time, sound
    _socket: socket.socket = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, self.port))
        self._socket.settimeout(0.5)

    def start(self, send_to: int | None = None) -> None:
        """Listen; send too, at once to a known port, else to whoever sends first."""
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._send, args=(send_to,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Fall silent."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                packet, _ = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if len(packet) > SAMPLES and not self._stop.is_set():
                self.received.append((time.monotonic(), int.from_bytes(packet[4:8], "big"), packet[12:]))

    def _send(self, port: int | None) -> None:
        while port is None and not self._stop.wait(0.005):
            port = self._far_port()
        due = time.monotonic()
        for number in range(10**9):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            loud = self.bursts and number % BURST_EVERY == 0
            head = bytes((0x80, 8)) + (number & 0xFFFF).to_bytes(2, "big") + (number * SAMPLES).to_bytes(4, "big")
            if loud:
                self.sent_bursts.append(time.monotonic())
            self._socket.sendto(head + b"\0\0\0\7" + bytes([LOUD if loud else SILENT]) * SAMPLES, (HOST, port or 0))
            due += PACKET_SECONDS

    def _far_port(self) -> int | None:
        try:
            return int(self._socket.recvfrom(2048, socket.MSG_PEEK)[1][1])
        except TimeoutError:
            return None


def delays(sender: Phone, receiver: Phone) -> Sequence[float]:
    """Seconds from the sending of each burst to its sound at an ear whose jitter buffer is as small as it can be.

    That buffer plays at a steady pace, begun so late that no packet comes after its moment: a bridge that sends its
    packets in pairs pays for it here.
    """
    came = [packet for packet in receiver.received if packet[0] > receiver.received[0][0] + SETTLED_SECONDS]
    lateness = sorted(at - stamp / RATE for at, stamp, _ in came)
    start = lateness[int(len(lateness) * 0.99)]  # one packet in a hundred may be lost to a busy machine
    heard: list[int] = []
    for _, stamp, sound in came:
        loud = next((place for place, byte in enumerate(sound) if (byte ^ SILENT) & 0x7F > 0x30), None)
        if loud is not None and (not heard or stamp + loud > heard[-1] + 4 * SAMPLES):
            heard.append(stamp + loud)
    found = []
    for place in heard:
        at = start + place / RATE
        before = [sent for sent in sender.sent_bursts if sent <= at]
        if before:
            found.append(at - before[-1])
    return found


def own_delay(first_port: int, seconds: float) -> float:
    """What the two phones add when they speak with each other directly."""
    one, other = Phone(first_port, bursts=True), Phone(first_port + 2, bursts=False)
    one.start(send_to=other.port)
    other.start(send_to=one.port)
    time.sleep(SETTLED_SECONDS + seconds)
    one.stop()
    other.stop()
    return statistics.median(delays(one, other))
