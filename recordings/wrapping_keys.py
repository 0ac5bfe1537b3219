"""The keys that wrap the keys of files: in a file of this installation, or in a key service that never gives them out.

Both are Tink's `KmsClient`: an address names a key, and the client encrypts and decrypts with it.
"""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tink
from google.protobuf.message import DecodeError
from tink import aead, json_proto_keyset_format, proto_keyset_format, secret_key_access
from tink.proto import tink_pb2

from runtime.private_files import write_private, write_private_once
from runtime.settings import private_folder

FILE_SCHEME = "file-key://"
KEY_FILE = "vault.json"


class WrappingKeyError(RuntimeError):
    """A wrapping key is missing, damaged or out of reach; the sentence says which, and what to do."""


class KeyFile(tink.KmsClient):  # type: ignore[misc] # tink has no types
    """Keys in one file, a Tink keyset in clear that only its owner may read; the last one made wraps what is new.

    The file is read again when it was changed: another process may have made a key.
    """

    def __init__(self, path: Path) -> None:
        aead.register()
        self.path = path
        self._read_as: tuple[int, int] | None = None
        self._handle: tink.KeysetHandle | None = None

    def does_support(self, key_uri: str) -> bool:
        """Whether the address names a key of such a file."""
        return key_uri.startswith(FILE_SCHEME)

    def get_aead(self, key_uri: str) -> aead.Aead:
        """What encrypts with the newest key and decrypts with any; WrappingKeyError when the file has no such key."""
        handle = self._keyset()
        if key_uri not in _names(handle):
            raise WrappingKeyError(
                f"{self.path} does not hold the key {key_uri}: bring the file back that held it; without it the "
                "recordings that it protects cannot be read by anybody"
            )
        return handle.primitive(aead.Aead)

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.is_file()

    def names(self) -> tuple[str, ...]:
        """The keys' addresses, oldest first."""
        return _names(self._keyset())

    def primary(self) -> str:
        """The address of the key that wraps what is new."""
        return _name(self._keyset().keyset_info().primary_key_id)

    def make(self) -> None:
        """Make the file with its first key, unless there is one: of several who try, all use the first one's."""
        private_folder(self.path.parent)
        write_private_once(self.path, _serialized(_new_handle()))

    def add(self) -> str:
        """Make a further key, which does not wrap anything until it is promoted; its address."""
        keyset, new = _proto(self._keyset()), _proto(_new_handle())
        while new.primary_key_id in {key.key_id for key in keyset.key}:
            new = _proto(_new_handle())
        keyset.key.append(new.key[0])
        self._write(keyset)
        return _name(new.primary_key_id)

    def promote(self, name: str) -> None:
        """From now on this key wraps what is new."""
        keyset = _proto(self._keyset())
        keyset.primary_key_id = _number(name)
        self._write(keyset)

    def drop(self, name: str) -> None:
        """Take a key out for ever."""
        keyset = _proto(self._keyset())
        if keyset.primary_key_id == _number(name):
            raise WrappingKeyError(f"{name} wraps what is new: make another key and rotate to it first")
        kept = [key for key in keyset.key if key.key_id != _number(name)]
        del keyset.key[:]
        keyset.key.extend(kept)
        self._write(keyset)

    def fault(self) -> str:
        """Why others may read the file, empty when they may not."""
        status = self.path.stat()
        if status.st_uid != os.geteuid():
            return f"{self.path} belongs to another user (uid {status.st_uid})"
        mode = stat.S_IMODE(status.st_mode)
        return f"{self.path} is open to others (mode {mode:o})" if mode & 0o077 else ""

    def _write(self, keyset: tink_pb2.Keyset) -> None:
        handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
        write_private(self.path, _serialized(handle))
        self._read_as = None

    def _keyset(self) -> tink.KeysetHandle:
        try:
            status = self.path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            if self._handle is None or version != self._read_as:
                text = self.path.read_text(encoding="utf-8")
                self._handle = json_proto_keyset_format.parse(text, secret_key_access.TOKEN)
                self._read_as = version
        except FileNotFoundError:
            raise WrappingKeyError(
                f"{self.path} is missing: bring it back from the backup of keys; without it no sealed recording can be "
                "read"
            ) from None
        except (tink.TinkError, DecodeError, UnicodeDecodeError, OSError) as error:
            raise WrappingKeyError(f"{self.path} cannot be read ({error}): bring it back from the backup") from error
        return self._handle


class WrappingKeys:
    """Every key that may have wrapped something here, and the one that wraps what is new."""

    def __init__(self, clients: Sequence[tink.KmsClient], primary: Callable[[], str]) -> None:
        self._clients = tuple(clients)
        self._primary = primary

    @property
    def primary(self) -> str:
        """The address of the key that wraps what is new."""
        return self._primary()

    def named(self, name: str) -> aead.Aead:
        """What encrypts and decrypts with the key at this address."""
        for client in self._clients:
            if client.does_support(name):
                try:
                    return client.get_aead(name)
                except tink.TinkError as error:
                    raise WrappingKeyError(f"the key {name} cannot be used: {error}") from error
        raise WrappingKeyError(
            f"nothing here knows the key {name}: set SUIFANG_VAULT_KEY to the key service that holds it, or bring back "
            "the key file"
        )


def _new_handle() -> tink.KeysetHandle:
    return tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)


def _serialized(handle: tink.KeysetHandle) -> str:
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def _proto(handle: tink.KeysetHandle) -> Any:
    return tink_pb2.Keyset.FromString(proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def _names(handle: tink.KeysetHandle) -> tuple[str, ...]:
    return tuple(_name(key.key_id) for key in handle.keyset_info().key_info)


def _name(number: int) -> str:
    return f"{FILE_SCHEME}{number:08x}"


def _number(name: str) -> int:
    return int(name.removeprefix(FILE_SCHEME), 16)
