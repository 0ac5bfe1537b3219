"""The vault: objects sealed with a key of their own, the keys wrapped and kept as rows, apart from the objects.

What was stored in clear before there was a vault is read as it is, by its address, until it is sealed too.
"""

import io
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import tink

from db.unit_of_work import UnitOfWork
from db.vault import WrappedKey
from recordings.object_store import SEALED, ObjectStore
from recordings.ranges import seekable
from recordings.sealing import FileKey, SealedReader
from recordings.wrapping_keys import WrappingKeyError, WrappingKeys
from runtime.settings import private_folder

_IN_MEMORY = 16 * 1024 * 1024
_KEYS_REMEMBERED = 128


class KeyGoneError(FileNotFoundError):
    """The key of a sealed file was destroyed with its recording, or its row is lost; nobody can open the file."""


class KeyCabinet:
    """The keys of sealed files: made once for an address, wrapped, and kept in the database."""

    def __init__(self, units_of_work: Callable[[], UnitOfWork], wrapping: WrappingKeys) -> None:
        self.wrapping = wrapping
        self._units_of_work = units_of_work
        self._opened: OrderedDict[tuple[str, str], FileKey] = OrderedDict()
        self._turn = threading.Lock()

    def for_sealing(self, uri: str) -> FileKey:
        """The key of this address, the same for all who write to it at one time: its row is there before the file."""
        with self._units_of_work() as uow:
            kept = uow.vault.key(uri)
        if kept is None:
            by = self.wrapping.primary
            made = self._wrapped(FileKey.new(), uri, by)
            with self._units_of_work() as uow:
                kept = uow.vault.keep_key(made)
                uow.commit()
        return self._unwrapped(kept)

    def for_opening(self, uri: str) -> FileKey:
        """The key of this address; KeyGoneError when it has none any more."""
        with self._units_of_work() as uow:
            kept = uow.vault.key(uri)
        if kept is None:
            raise KeyGoneError(f"there is no key for {uri}: it was destroyed with its recording, or its row is lost")
        return self._unwrapped(kept)

    def destroy(self, uri: str) -> None:
        """Forget the key of this address for ever."""
        with self._units_of_work() as uow:
            uow.vault.destroy_key(uri)
            uow.commit()

    def wrapped_anew(self, key: WrappedKey) -> WrappedKey:
        """The same key wrapped by the one that wraps what is new."""
        by = self.wrapping.primary
        return self._wrapped(self._unwrapped(key), key.uri, by)

    def _wrapped(self, key: FileKey, uri: str, by: str) -> WrappedKey:
        try:
            return WrappedKey(uri=uri, wrapped=key.wrapped(self.wrapping.named(by), uri), wrapped_by=by)
        except tink.TinkError as error:
            raise WrappingKeyError(f"the key {by} cannot wrap a new key: {error}") from error

    def _unwrapped(self, key: WrappedKey) -> FileKey:
        known = (key.uri, key.wrapped)
        with self._turn:
            if known in self._opened:
                self._opened.move_to_end(known)
                return self._opened[known]
        try:
            opened = FileKey.unwrapped(key.wrapped, self.wrapping.named(key.wrapped_by), key.uri)
        except tink.TinkError as error:
            raise WrappingKeyError(
                f"the key of {key.uri} cannot be opened with {key.wrapped_by} ({error}): its row was changed, or the "
                "wrapping key is another than it was"
            ) from error
        with self._turn:
            self._opened[known] = opened
            while len(self._opened) > _KEYS_REMEMBERED:
                self._opened.popitem(last=False)
        return opened


class Vault:
    """Sealed objects by their address; implements followup.ports.RecordingStore."""

    seals = True

    def __init__(self, objects: ObjectStore, keys: KeyCabinet, work: Path) -> None:
        self.objects = objects
        self.keys = keys
        self._work = work

    def put(self, uri: str, content: bytes) -> None:
        """Seal and write: afterwards it is there as a whole, or nothing has changed."""
        self.put_stream(uri, io.BytesIO(content))

    def put_file(self, uri: str, path: Path) -> None:
        """The same from a file of any size; it is read piece by piece."""
        with path.open("rb") as plain:
            self.put_stream(uri, plain)

    def put_stream(self, uri: str, plain: BinaryIO) -> None:
        """The same from an open file, from where it stands; only what is sealed already may pass over the disk."""
        if not uri.endswith(SEALED):
            raise ValueError(f"{uri} is not the address of a sealed file: those end in {SEALED}")
        key = self.keys.for_sealing(uri)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(private_folder(self._work))) as sealed:
            file = cast("BinaryIO", sealed)
            key.seal(plain, file, uri)
            file.seek(0)
            self.objects.put_stream(uri, file)

    def read(self, uri: str) -> bytes:
        """The whole content; FileNotFoundError when it is gone, SealBrokenError when it was changed."""
        if not uri.endswith(SEALED):
            return self.objects.read(uri)
        key = self.keys.for_opening(uri)
        return key.open_whole(self.objects.read(uri), uri)

    def read_range(self, uri: str, start: int, end: int) -> bytes:
        """Bytes `start` up to but not including `end`, fewer where the content ends before."""
        if not uri.endswith(SEALED):
            return self.objects.read_range(uri, start, end)
        if not 0 <= start < end:
            raise ValueError(f"bytes {start} to {end} of {uri} are no range")
        return self._reader(uri).read(start, end)

    def open(self, uri: str) -> BinaryIO:
        """The content as a file that can be read from anywhere; nothing of it ever lies on a disk in clear."""
        if not uri.endswith(SEALED):
            return self.objects.open(uri)
        reader = self._reader(uri)
        return seekable(reader.read, reader.size)

    def exists(self, uri: str) -> bool:
        """Whether there is an object at this address, opened or not."""
        return self.objects.exists(uri)

    def delete(self, uri: str) -> None:
        """Take the object away, its key first: from then on no copy of it can be opened."""
        if uri.endswith(SEALED):
            self.keys.destroy(uri)
        self.objects.delete(uri)

    def _reader(self, uri: str) -> SealedReader:
        key = self.keys.for_opening(uri)
        size = self.objects.size(uri)
        return key.reader(lambda start, end: self.objects.read_known_range(uri, start, end), size, uri)
