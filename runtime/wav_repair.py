"""WAV repair: a killed recorder leaves sizes of 0 in the header; the sound is there and is made playable again."""

import os
import struct
from pathlib import Path

HEADER = struct.Struct("<4sI4s")
CHUNK = struct.Struct("<4sI")
FORMAT = struct.Struct("<HHIIHH")


class NotRepairableError(ValueError):
    """The file holds no sound that could be saved; the sentence says why."""


def repair_wav(path: Path) -> bool:
    """Set the header's sizes from the file's length, cut a broken last sample; False when nothing was wrong.

    A file without a complete header raises NotRepairableError and is left as it is.
    """
    with path.open("r+b") as sound:
        length = sound.seek(0, os.SEEK_END)
        sound.seek(0)
        start, frame = find_samples(path, sound.read(min(length, 4096)))
        whole = (length - start) // frame * frame
        wanted = HEADER.pack(b"RIFF", start + whole - 8, b"WAVE"), CHUNK.pack(b"data", whole)
        sound.seek(0)
        found = sound.read(HEADER.size)
        sound.seek(start - CHUNK.size)
        if (found, sound.read(CHUNK.size)) == wanted and length == start + whole:
            return False
        sound.truncate(start + whole)
        sound.seek(0)
        sound.write(wanted[0])
        sound.seek(start - CHUNK.size)
        sound.write(wanted[1])
        sound.flush()
        os.fsync(sound.fileno())
        return True


def find_samples(path: Path, beginning: bytes) -> tuple[int, int]:
    """Where the samples begin and how many bytes one of them has."""
    if len(beginning) < HEADER.size or HEADER.unpack_from(beginning)[::2] != (b"RIFF", b"WAVE"):
        raise NotRepairableError(f"{path} does not begin with a WAV header: nothing was recorded into it")
    at, frame = HEADER.size, 0
    while at + CHUNK.size <= len(beginning):
        name, size = CHUNK.unpack_from(beginning, at)
        at += CHUNK.size
        if name == b"data" and frame:
            return at, frame
        if name == b"fmt " and at + FORMAT.size <= len(beginning):
            frame = FORMAT.unpack_from(beginning, at)[4]
        at += size + size % 2
    raise NotRepairableError(f"{path} ends before its samples begin: nothing was recorded into it")
