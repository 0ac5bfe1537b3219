"""Sealed files: Tink's streaming AES-256-GCM (AES-GCM-HKDF, segments of 4 KiB), with the file's address bound in.

Tink seals. A range is opened by the same published format, segment by segment, because Tink's Python reader cannot
seek: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming. Any program with Tink and the key opens
the whole file without us.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Self

import tink
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError
from tink import aead, json_proto_keyset_format, proto_keyset_format, secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

SEGMENT = 4096
_TAG = 16
_SALT = 32
_NONCE_PREFIX = 7
HEADER = 1 + _SALT + _NONCE_PREFIX
_FIRST_PLAIN = SEGMENT - HEADER - _TAG
_PLAIN = SEGMENT - _TAG
_COPIED_AT_ONCE = 1 << 20

Fetch = Callable[[int, int], bytes]
"""Bytes `start` up to but not including `end`."""


class SealBrokenError(ValueError):
    """What lies there was not sealed with this key at this address, or was changed since; the sentence says which."""


class FileKey:
    """The key of one sealed file."""

    def __init__(self, handle: tink.KeysetHandle) -> None:
        self._handle = handle

    @classmethod
    def new(cls) -> Self:
        """A key that nobody has had before."""
        streaming_aead.register()
        return cls(tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_4KB))

    @classmethod
    def unwrapped(cls, wrapped: str, by: aead.Aead, uri: str) -> Self:
        """The key that was wrapped for this address; tink.TinkError when it was another key or another address."""
        streaming_aead.register()
        return cls(json_proto_keyset_format.parse_encrypted(wrapped, by, uri.encode()))

    def wrapped(self, by: aead.Aead, uri: str) -> str:
        """Itself, encrypted with another key and bound to the file's address: Tink's encrypted keyset as JSON."""
        return str(json_proto_keyset_format.serialize_encrypted(self._handle, by, uri.encode()))

    def seal(self, source: BinaryIO, destination: BinaryIO, uri: str) -> None:
        """Read `source` to its end and write it sealed; `destination` is left open."""
        sealing = self._handle.primitive(streaming_aead.StreamingAead).new_encrypting_stream(
            _LeftOpen(destination), uri.encode()
        )
        with sealing:
            while chunk := source.read(_COPIED_AT_ONCE):
                sealing.write(chunk)

    def opened(self, source: BinaryIO, uri: str) -> BinaryIO:
        """The whole file as Tink itself reads it, from its beginning to its end."""
        stream: BinaryIO = self._handle.primitive(streaming_aead.StreamingAead).new_decrypting_stream(
            source, uri.encode()
        )
        return stream

    def open_whole(self, sealed: bytes, uri: str) -> bytes:
        """All of a sealed file's content at once."""
        try:
            with self.opened(io.BytesIO(sealed), uri) as stream:
                return stream.read()
        except tink.TinkError as error:
            raise SealBrokenError(
                f"{uri} was changed or cut off after it was sealed, or is sealed with another key"
            ) from error

    def reader(self, fetch: Fetch, size: int, uri: str) -> "SealedReader":
        """Any range of a sealed file of `size` bytes, of which `fetch` reads parts."""
        header = fetch(0, HEADER) if size >= HEADER + _TAG else b""
        if len(header) != HEADER or header[0] != HEADER:
            raise SealBrokenError(f"{uri} is not a sealed file: its beginning is missing or another")
        derived = HKDF(algorithm=SHA256(), length=_SALT, salt=header[1 : 1 + _SALT], info=uri.encode()).derive(
            self._raw()
        )
        return SealedReader(
            fetch=fetch, sealed_size=size, uri=uri, cipher=AESGCM(derived), nonce_prefix=header[1 + _SALT :]
        )

    def _raw(self) -> bytes:
        serialized = proto_keyset_format.serialize(self._handle, secret_key_access.TOKEN)
        keyset = tink_pb2.Keyset.FromString(serialized)
        try:
            key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey.FromString(keyset.key[0].key_data.value)
        except (DecodeError, IndexError) as error:
            raise SealBrokenError("the key is of another kind than those that seal files") from error
        given = (key.params.ciphertext_segment_size, key.params.derived_key_size, key.params.hkdf_hash_type)
        if given != (SEGMENT, _SALT, common_pb2.SHA256) or len(keyset.key) != 1:
            raise SealBrokenError("the key is of another kind than those that seal files")
        return bytes(key.key_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedReader:
    """Reads ranges of what was sealed; every byte it gives was proven to be what was sealed at that place."""

    fetch: Fetch
    sealed_size: int
    uri: str
    cipher: AESGCM
    nonce_prefix: bytes

    @property
    def size(self) -> int:
        """How long the plain content is; proven only by reading its end."""
        return plain_size(self.sealed_size)

    def read(self, start: int, end: int) -> bytes:
        """Plain bytes `start` up to but not including `end`, fewer where the content ends before."""
        end = min(end, self.size)
        if start >= end:
            return b""
        first, last = segment_at(start), segment_at(end - 1)
        offset = max(first * SEGMENT, HEADER)
        sealed = self.fetch(offset, min((last + 1) * SEGMENT, self.sealed_size))
        plain = bytearray()
        for segment in range(first, last + 1):
            beginning = max(segment * SEGMENT, HEADER) - offset
            plain += self._open(segment, sealed[beginning : (segment + 1) * SEGMENT - offset])
        skipped = start - plain_begin(first)
        return bytes(plain[skipped : skipped + end - start])

    def _open(self, segment: int, sealed: bytes) -> bytes:
        is_last = segment == segments_of(self.sealed_size) - 1
        nonce = self.nonce_prefix + segment.to_bytes(4, "big") + bytes([is_last])
        try:
            return self.cipher.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            raise SealBrokenError(
                f"{self.uri} was changed or cut off after it was sealed, or is sealed with another key "
                f"(seen {segment * SEGMENT} bytes in)"
            ) from error


def segments_of(sealed_size: int) -> int:
    """How many segments a sealed file of this size has."""
    return -(-sealed_size // SEGMENT)


def plain_size(sealed_size: int) -> int:
    """How long the content of a sealed file is; SealBrokenError when no sealed file is as short."""
    plain = sealed_size - HEADER - _TAG * segments_of(sealed_size)
    if plain < 0:
        raise SealBrokenError(f"{sealed_size} bytes are too few for a sealed file")
    return plain


def segment_at(offset: int) -> int:
    """The segment that holds the plain byte at `offset`."""
    return 0 if offset < _FIRST_PLAIN else 1 + (offset - _FIRST_PLAIN) // _PLAIN


def plain_begin(segment: int) -> int:
    """The first plain byte of a segment."""
    return 0 if segment == 0 else _FIRST_PLAIN + (segment - 1) * _PLAIN


class _LeftOpen:
    """A file that Tink may write to but not close: the caller still has to read it back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.closed = False

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:
        return self._file.write(content)

    def close(self) -> None:
        self.closed = True
