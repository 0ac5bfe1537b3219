"""The key that signs heads of the ledger and manifests: Ed25519 in a PEM file, so that openssl can check us."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from recordings.wrapping_keys import WrappingKeyError
from runtime.private_files import write_private_once
from runtime.settings import private_folder

SIGNING_FILE = "vault-signing.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key and the name by which others know it."""

    private: Ed25519PrivateKey

    @property
    def public_pem(self) -> str:
        """What others check with."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key; to be kept on paper, outside this system."""
        return fingerprint_of(self.private.public_key())

    def sign(self, message: bytes) -> str:
        """The signature, base64."""
        return base64.b64encode(self.private.sign(message)).decode()


def signing_key(path: Path) -> SigningKey:
    """The key in this file, made when there is none."""
    private_folder(path.parent)
    if not path.exists():
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private_once(path, made.decode())
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, OSError) as error:
        raise WrappingKeyError(f"{path} cannot be read ({error}): bring it back from the backup of keys") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise WrappingKeyError(f"{path} is not an Ed25519 key: bring it back from the backup of keys")
    return SigningKey(private=key)


def public_key(pem: str) -> Ed25519PublicKey:
    """The public key in a PEM text; ValueError when it is none."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is not an Ed25519 key")  # noqa: TRY004 the text is at fault
    return key


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key's DER form."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def is_signed(message: bytes, signature: str, key: Ed25519PublicKey) -> bool:
    """Whether the signature is this key's over this message, letter for letter as `SigningKey.sign` writes it."""
    try:
        decoded = base64.b64decode(signature, validate=True)
        key.verify(decoded, message)
    except (InvalidSignature, ValueError):
        return False
    # The last letter carries bits that stand for nothing: a ledger that was touched there has been touched.
    return base64.b64encode(decoded).decode() == signature


def head_message(position: int, checksum: str, at: datetime) -> bytes:
    """What is signed of the ledger's last line."""
    return f"suifang vault head\n{position}\n{checksum}\n{at.astimezone(UTC).isoformat()}\n".encode()
