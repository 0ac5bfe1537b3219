"""The files of a live voice: named by a hash, private, and deleted when old or too many."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from runtime.settings import private_folder

UNUSED_SECONDS = 24 * 3600.0  # a text may hold a name: what nobody has asked for since yesterday goes
IN_USE_SECONDS = 600.0  # never deleted for room: it may be about to be played


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenFiles:
    """A folder of spoken texts that holds at most about `most_bytes`."""

    folder: Path
    most_bytes: int

    def prepare(self) -> None:
        """Make the folder, for us alone, and clear what an earlier program left half done."""
        private_folder(self.folder)
        for left in self.folder.glob("*.part"):
            left.unlink(missing_ok=True)

    def place(self, version: str, language: str, text: str) -> Path:
        """Where the text's sound belongs; it says nothing of the text."""
        named = hashlib.sha256(f"{version}\0{language}\0{text}".encode()).hexdigest()
        return self.folder / f"{named}.wav"

    def touch(self, file: Path) -> bool:
        """Keep it a while longer; whether it is there."""
        try:
            os.utime(file)
        except FileNotFoundError:
            return False
        return True

    def tidy(self) -> None:
        """Delete what is old, and then the oldest until the rest has room."""
        now = time.time()
        found = sorted(
            (
                (status.st_mtime, status.st_size, file)
                for pattern in ("*.wav", "*.refused", "*.part")
                for file in self.folder.glob(pattern)
                if (status := file.stat())
            ),
            reverse=True,
        )
        kept = 0
        for used_at, size, file in found:
            kept += size
            if now - used_at > UNUSED_SECONDS or (kept > self.most_bytes and now - used_at > IN_USE_SECONDS):
                file.unlink(missing_ok=True)
                kept -= size
