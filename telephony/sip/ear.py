"""An ear on the conference bridge: a writer of the library takes the sound in, we read it in batches.

The library has no port that keeps sound in memory, so the writer gets a file that loses its name at once: nothing of it
is left when the worker dies. Its buffer is one frame, and `fflush` hands over what the C library still holds, so that
the sound is read no later than it was mixed. No Python runs per frame.
"""

import ctypes
import os
from pathlib import Path

from telephony.call_control import RejectedError

WAV_HEADER = 44
_BITS = 16
_POOL_BYTES = 4000


class EarLibrary:
    """The C functions that make such a writer."""

    def __init__(self, functions: ctypes.CDLL, *, sample_rate: int, frame_milliseconds: int) -> None:
        self.sample_rate = sample_rate
        self.frame_samples = sample_rate * frame_milliseconds // 1000
        self.functions = functions
        functions.pjsua_pool_create.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]
        functions.pjsua_pool_create.restype = ctypes.c_void_p
        functions.pj_pool_release.argtypes = [ctypes.c_void_p]
        functions.pjmedia_wav_writer_port_create.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            *[ctypes.c_uint] * 5,
            ctypes.c_ssize_t,
            ctypes.c_void_p,
        ]
        functions.pjsua_conf_add_port.argtypes = [ctypes.c_void_p] * 3
        functions.pjmedia_port_destroy.argtypes = [ctypes.c_void_p]
        self.flush = ctypes.CDLL(None).fflush

    def release(self, pool: int) -> None:
        """Give an ear's memory back; not before the bridge has ticked since it was closed."""
        self.functions.pj_pool_release(pool)


class Ear:
    """One listener. Whoever makes it closes it, and releases its pool a second later."""

    def __init__(self, library: EarLibrary, path: Path) -> None:
        self._library = library
        self._read_to = WAV_HEADER
        functions = library.functions
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.pool: int = functions.pjsua_pool_create(b"ear", _POOL_BYTES, _POOL_BYTES)
        self._port = ctypes.c_void_p()
        slot = ctypes.c_int(-1)
        made: int = functions.pjmedia_wav_writer_port_create(
            self.pool,
            bytes(path),
            library.sample_rate,
            1,
            library.frame_samples,
            _BITS,
            0,
            library.frame_samples * 2,
            ctypes.byref(self._port),
        )
        if made != 0:
            library.release(self.pool)
            raise RejectedError(
                f"no ear could be put to {path.parent}: error {made}; free space or mend its permissions"
            )
        self._file = os.open(path, os.O_RDONLY)
        path.unlink()
        added: int = functions.pjsua_conf_add_port(self.pool, self._port, ctypes.byref(slot))
        if added != 0:
            functions.pjmedia_port_destroy(self._port)
            os.close(self._file)
            library.release(self.pool)
            raise RejectedError(f"the conference bridge takes no ear: error {added}; it has no port left")
        self._slot = slot.value

    def listen_to(self, slot: int) -> None:
        """Take in what this port of the bridge says, beside what is taken in already; harmless when it is."""
        self._library.functions.pjsua_conf_connect(slot, self._slot)

    def read(self) -> bytes:
        """The samples that came since the last reading."""
        self._library.flush(None)
        chunks = []
        while chunk := os.pread(self._file, 1 << 16, self._read_to):
            chunks.append(chunk)
            self._read_to += len(chunk)
        return b"".join(chunks)

    def close(self) -> None:
        """Listen no more."""
        self._library.functions.pjsua_conf_remove_port(self._slot)
        self._library.functions.pjmedia_port_destroy(self._port)
        os.close(self._file)
