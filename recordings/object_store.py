"""Where finished recordings lie: a folder now, any store of obstore's later, under addresses that say nothing of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from runtime.settings import private_folder

SCHEME = "store://"


class ObjectStoreError(RuntimeError):
    """The store refused or cannot be reached; the sentence says what was asked of it."""


def recording_uri(recording_id: str, started_at: datetime) -> str:
    """The address of a recording, the same whenever it is asked for."""
    return f"{SCHEME}recordings/{started_at.astimezone(UTC):%Y/%m}/{recording_id}.flac"


class ObjectStore:
    """Reads and writes whole objects by their address; implements followup.ports.RecordingStore."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)
        self._store = LocalStore(folder)

    def put(self, uri: str, content: bytes) -> None:
        """Write an object: afterwards it is there as a whole and outlives a loss of power, or nothing has changed."""
        path = _path(uri)
        with _in_words("write", uri):
            obstore.put(self._store, path, content)
            self._settle(path)

    def read(self, uri: str) -> bytes:
        """The whole object; FileNotFoundError when it is gone."""
        with _in_words("read", uri):
            return bytes(obstore.get(self._store, _path(uri)).bytes())

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`, fewer where the object ends before."""
        if not 0 <= start < end:
            raise ValueError(f"bytes {start} to {end} of {uri} are no range")
        with _in_words("read", uri):
            if start >= obstore.head(self._store, _path(uri))["size"]:
                return b""
            return bytes(obstore.get_range(self._store, _path(uri), start=start, end=end))

    def exists(self, uri: str) -> bool:
        """Whether there is an object at this address."""
        try:
            with _in_words("look for", uri):
                obstore.head(self._store, _path(uri))
        except FileNotFoundError:
            return False
        return True

    def delete(self, uri: str) -> None:
        """Take an object away; harmless when it is gone already."""
        try:
            with _in_words("delete", uri):
                obstore.delete(self._store, _path(uri))
        except FileNotFoundError:
            return

    def _settle(self, path: str) -> None:
        """Have the disk keep the file and every folder above it: obstore renames into place but does not wait."""
        for part in (Path(path), *Path(path).parents):
            descriptor = os.open(self._folder / part, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _path(uri: str) -> str:
    path = uri.removeprefix(SCHEME)
    if path == uri or not path or ".." in path.split("/"):
        raise ValueError(f"{uri!r} is not an address in the store; one looks like {SCHEME}recordings/2026/11/….flac")
    return path


@contextmanager
def _in_words(verb: str, uri: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no {uri} in the object store") from None
    except (BaseError, OSError) as error:
        # The store's own message goes on for a page; its first line says what happened.
        reason = str(error).partition("\n")[0]
        raise ObjectStoreError(f"the object store could not {verb} {uri}: {reason}") from error
