"""The clock of a worker's conference bridge, ticked by the worker's own loop instead of a thread of the library.

One wake-up then reads what the far ends sent, mixes it and sends it on; a clock thread and a polling loop beside it
need two, unaligned, and every packet waits for both. More than half of a wake-up's cost was the loop's own Python with
cold caches, so `run` does a tick in a dozen bytecodes and leaves only when there is something else to do.
"""

import ctypes
import select
import time
from collections.abc import Sized

AUDIO_FRAME = 1  # PJMEDIA_FRAME_TYPE_AUDIO
MOST_TICKS_AT_ONCE = 8  # made good after a stall; what is older is left out, as no far end could play it


class _Frame(ctypes.Structure):
    """pjmedia_frame."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


class MediaClock:
    """Pulls the bridge's frames when they are due."""

    def __init__(self, library: ctypes.CDLL, *, sample_rate: int, frame_milliseconds: int) -> None:
        self._get_frame = library.pjmedia_port_get_frame
        self._get_frame.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._handle_events = library.pjsua_handle_events
        self._handle_events.argtypes = [ctypes.c_uint]
        self._samples = sample_rate * frame_milliseconds // 1000
        self._seconds = frame_milliseconds / 1000
        self._buffer = ctypes.create_string_buffer(self._samples * 2)
        self._frame = _Frame(type=AUDIO_FRAME, buf=ctypes.addressof(self._buffer), size=self._samples * 2)
        self._frame_at = ctypes.addressof(self._frame)
        self._port: int | None = None
        self._next = 0.0

    @property
    def running(self) -> bool:
        """Whether the bridge ticks."""
        return self._port is not None

    def start(self, port: int) -> None:
        """Tick from now on; `port` is the bridge's master port."""
        self._port, self._next = port, time.monotonic() + self._seconds

    def stop(self) -> None:
        """Tick no more."""
        self._port = None

    def run(self, others: select.epoll, noted: Sized, until: float) -> None:
        """Read, mix and send, frame by frame, until one of `others` is readable, something is `noted`, or `until`."""
        # Every name below is looked up once: what this loop costs is paid for each frame of each call.
        port, frame, frame_at, samples, seconds = self._port, self._frame, self._frame_at, self._samples, self._seconds
        monotonic, wait = time.monotonic, others.poll
        handle_events, get_frame, due = self._handle_events, self._get_frame, self._next
        while due < until:
            early = due - monotonic()
            if early > 0:
                if wait(early, 1):
                    self._next = due
                    return
            elif early < -MOST_TICKS_AT_ONCE * seconds:
                due -= (early // seconds + MOST_TICKS_AT_ONCE) * seconds
            handle_events(0)
            get_frame(port, frame_at)
            frame.timestamp += samples
            due += seconds
            if noted:
                self._next = due
                return
        self._next = due
        early = until - monotonic()
        if early > 0:
            wait(early, 1)

    def tick(self) -> None:
        """Pull what is due, for a loop that waits by itself."""
        if self._port is not None and time.monotonic() >= self._next:
            self._get_frame(self._port, self._frame_at)
            self._frame.timestamp += self._samples
            self._next += self._seconds
