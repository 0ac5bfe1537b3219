"""A stored object as a file that can be read from anywhere, without its being read as a whole or lying on a disk."""

import io
from collections.abc import Callable
from typing import BinaryIO, cast

_READ_AHEAD = 256 * 1024


def seekable(read: Callable[[int, int], bytes], size: int) -> BinaryIO:
    """A file of `size` bytes over `read(start, end)`."""
    return cast("BinaryIO", io.BufferedReader(_Ranged(read, size), _READ_AHEAD))


class _Ranged(io.RawIOBase):
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # 3.11 has no name for buffers
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        content = self._read(self._at, self._at + wanted)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
