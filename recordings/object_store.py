"""Where objects lie: a folder or a bucket of S3, under addresses that say nothing of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from recordings.ranges import seekable
from runtime.settings import private_folder

SCHEME = "store://"
SEALED = ".sealed"
_PART = 8 * 1024 * 1024
_PARTS_AT_ONCE = 2
_TO_THE_PLACE = ("write", "reach")  # where nothing was found then, the place itself is missing


class ObjectStoreError(RuntimeError):
    """The store refused or cannot be reached; the sentence says what was asked of it."""


class SoundStore(Protocol):
    """What keeps sound: the vault, or an object store by itself."""

    seals: bool

    def put(self, uri: str, content: bytes) -> None:
        """Write a whole object."""

    def put_file(self, uri: str, path: Path) -> None:
        """Write a whole object from a file of any size."""

    def read(self, uri: str) -> bytes:
        """The whole object; FileNotFoundError when it is gone."""

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`."""

    def open(self, uri: str) -> BinaryIO:
        """The object as a file that can be read from anywhere."""

    def exists(self, uri: str) -> bool:
        """Whether there is an object."""

    def delete(self, uri: str) -> None:
        """Take an object away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket of S3, or of a server that speaks its language."""

    name: str
    prefix: str = ""
    endpoint: str | None = None  # none: Amazon's own
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    request_seconds: float = 30.0
    retry_seconds: float = 60.0


def recording_uri(recording_id: str, started_at: datetime, *, sealed: bool = False) -> str:
    """The address of a recording, the same whenever it is asked for."""
    return f"{SCHEME}recordings/{started_at.astimezone(UTC):%Y/%m}/{recording_id}.flac{SEALED if sealed else ''}"


class ObjectStore:
    """Reads and writes whole objects by their address, as they are; implements followup.ports.RecordingStore."""

    seals = False

    def __init__(self, place: Path | Bucket) -> None:
        """Nothing is asked of a bucket's server before the first object."""
        self._folder = private_folder(place) if isinstance(place, Path) else None
        self._store: Any = LocalStore(place) if isinstance(place, Path) else _s3(place)

    def put(self, uri: str, content: bytes) -> None:
        """Write an object: afterwards it is there as a whole and outlives a loss of power, or nothing has changed."""
        path = _path(uri)
        with _in_words("write", uri):
            obstore.put(self._store, path, content)
            if self._folder is not None:
                _settle(self._folder, path)

    def put_file(self, uri: str, path: Path) -> None:
        """The same from a file of any size, in parts where it is large."""
        with path.open("rb") as file:
            self.put_stream(uri, file)

    def put_stream(self, uri: str, file: BinaryIO) -> None:
        """The same from an open file, from where it stands."""
        path = _path(uri)
        with _in_words("write", uri):
            obstore.put(self._store, path, file, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)
            if self._folder is not None:
                _settle(self._folder, path)

    def read(self, uri: str) -> bytes:
        """The whole object; FileNotFoundError when it is gone."""
        with _in_words("read", uri):
            return bytes(obstore.get(self._store, _path(uri)).bytes())

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`, fewer where the object ends before."""
        if not 0 <= start < end:
            raise ValueError(f"bytes {start} to {end} of {uri} are no range")
        if start >= self.size(uri):
            return b""
        return self.read_known_range(uri, start, end)

    def read_known_range(self, uri: str, start: int, end: int) -> bytes:
        """The same when the caller knows that the object does not end before `start`."""
        with _in_words("read", uri):
            return bytes(obstore.get_range(self._store, _path(uri), start=start, end=end))

    def open(self, uri: str) -> BinaryIO:
        """The object as a file that can be read from anywhere; FileNotFoundError when it is gone."""
        return seekable(lambda start, end: self.read_known_range(uri, start, end), self.size(uri))

    def chunks(self, uri: str) -> Iterator[bytes]:
        """The whole object, piece by piece."""
        with _in_words("read", uri):
            for chunk in obstore.get(self._store, _path(uri)).stream(min_chunk_size=1 << 20):
                yield bytes(chunk)

    def reach(self) -> None:
        """ObjectStoreError unless the folder or bucket is there and lets us look into it."""
        with _in_words("reach", SCHEME):
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def size(self, uri: str) -> int:
        """How many bytes the object has; FileNotFoundError when it is gone."""
        with _in_words("look for", uri):
            return int(obstore.head(self._store, _path(uri))["size"])

    def exists(self, uri: str) -> bool:
        """Whether there is an object at this address."""
        try:
            self.size(uri)
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


def _s3(bucket: Bucket) -> S3Store:
    client: Any = {
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=bucket.request_seconds),
        "allow_http": (bucket.endpoint or "").startswith("http://"),
    }
    named: dict[str, Any] = {}
    if bucket.endpoint:
        named["endpoint"] = bucket.endpoint
    if bucket.access_key:
        named |= {"access_key_id": bucket.access_key, "secret_access_key": bucket.secret_key}
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        region=bucket.region,
        virtual_hosted_style_request=False,
        client_options=client,
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=bucket.retry_seconds)},
        **named,
    )


def _settle(folder: Path, path: str) -> None:
    """Have the disk keep the file and every folder above it: obstore renames into place but does not wait."""
    for part in (Path(path), *Path(path).parents):
        descriptor = os.open(folder / part, os.O_RDONLY)
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
    except FileNotFoundError as error:
        if verb in _TO_THE_PLACE:
            raise ObjectStoreError(
                f"the object store could not {verb} {uri}: its bucket or folder is missing"
            ) from error
        raise FileNotFoundError(f"there is no {uri} in the object store") from None
    except (BaseError, OSError) as error:
        # The store's own message goes on for a page; its first line says what happened.
        reason = str(error).partition("\n")[0]
        raise ObjectStoreError(f"the object store could not {verb} {uri}: {reason}") from error
