"""A wrapping key in AWS's key service or one that speaks its language: the key never leaves it."""

import boto3
import tink
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from tink import aead
from tink.integration import awskms

SCHEME = "aws-kms://"


class AwsKeys(tink.KmsClient):  # type: ignore[misc] # tink has no types
    """Tink's client of AWS KMS with this installation's address and credentials."""

    def __init__(self, *, endpoint: str | None, access_key: str, secret_key: str) -> None:
        self._endpoint = endpoint
        self._access_key = access_key
        self._secret_key = secret_key

    def does_support(self, key_uri: str) -> bool:
        """Whether the address names a key there."""
        return key_uri.startswith(SCHEME)

    def get_aead(self, key_uri: str) -> aead.Aead:
        """What encrypts and decrypts with the key at this address."""
        client = boto3.client(
            "kms",
            region_name=key_uri.split(":")[4],  # aws-kms://arn:aws:kms:REGION:…
            endpoint_url=self._endpoint,
            aws_access_key_id=self._access_key or None,
            aws_secret_access_key=self._secret_key or None,
            config=Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}),
        )
        return _InWords(awskms.new_client(boto3_client=client, key_uri=key_uri).get_aead(key_uri))


class _InWords(aead.Aead):  # type: ignore[misc] # tink has no types
    """A service that cannot be reached is Tink's error too, as a refusal is."""

    def __init__(self, inner: aead.Aead) -> None:
        self._inner = inner

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt at the service."""
        try:
            return bytes(self._inner.encrypt(plaintext, associated_data))
        except BotoCoreError as error:
            raise tink.TinkError(f"the key service cannot be reached: {error}") from error

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Decrypt at the service."""
        try:
            return bytes(self._inner.decrypt(ciphertext, associated_data))
        except BotoCoreError as error:
            raise tink.TinkError(f"the key service cannot be reached: {error}") from error
