"""Passwords: Argon2id hashes, checked in the same time whether the user exists or not."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MINIMUM_LENGTH = 10
MAXIMUM_LENGTH = 200


class PasswordRefusedError(ValueError):
    """A password that may not be set; the sentence says what to choose."""


def hash_of(hasher: PasswordHasher, password: str) -> str:
    """The hash to store."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise PasswordRefusedError(f"must have {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters")
    return hasher.hash(password)


def is_right(hasher: PasswordHasher, stored: str, password: str) -> bool:
    """Whether the password belongs to the stored hash."""
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def hash_of_nobody(hasher: PasswordHasher) -> str:
    """A hash that no password fits, checked in place of an unknown user's so that both take the same time."""
    return hasher.hash(secrets.token_urlsafe(32))
