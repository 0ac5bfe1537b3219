"""What a signature stands for, and the token on a print by which anybody can check it; nothing of health is in it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode, want_bytes

from care.summaries import StageSummary

_SALT = "suifang.report"
_DIGEST_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedToken:
    """What a genuine token says."""

    number: str
    ordinal: int  # of the print
    digest: str  # the beginning of the content's


def content_digest(summary: StageSummary) -> str:
    """SHA-256 of all that the doctor answers for: facts, words, period, who and when."""
    signed = {
        "number": summary.number,
        "facts": _without_empty(msgspec.to_builtins(summary.facts)),
        "conclusion": summary.conclusion,
        "next_steps": summary.next_steps,
        "signed_by": summary.signed_by,
        "signer_name": summary.signer_name,
        "signed_at": summary.signed_at.timestamp() if summary.signed_at else None,
    }
    return hashlib.sha256(msgspec.json.encode(signed, order="sorted")).hexdigest()


def _without_empty(value: Any) -> Any:
    """What says something: a part that later versions of the program add is empty in what was signed before."""
    if isinstance(value, dict):
        kept = {name: _without_empty(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part not in (None, "", [], {})}
    return [_without_empty(part) for part in value] if isinstance(value, list | tuple) else value


def is_untouched(summary: StageSummary) -> bool:
    """True if the content is what was signed."""
    return bool(summary.content_sha256) and content_digest(summary) == summary.content_sha256


def token_of(summary: StageSummary, ordinal: int, keys: Sequence[str]) -> str:
    """The token of a print: document, print and content, signed with a key that does not lie in the database."""
    return _signer(keys).sign(f"{summary.number}.{ordinal}.{summary.content_sha256[:_DIGEST_SHOWN]}").decode()


def read_token(token: str, keys: Sequence[str]) -> CheckedToken | None:
    """What the token says, None if we did not make it."""
    if not keys:
        return None
    try:
        number, ordinal, digest = _signer(keys).unsign(token).decode("ascii").split(".")
    except (BadSignature, UnicodeError, ValueError):
        return None
    return CheckedToken(number=number, ordinal=int(ordinal), digest=digest)


def is_of(token: CheckedToken, summary: StageSummary) -> bool:
    """True if the token was made for this content, and the content is still what was signed."""
    return summary.content_sha256.startswith(token.digest) and is_untouched(summary)


class _StrictSigner(Signer):
    """Takes a signature in the one spelling in which we wrote it.

    Base64 is read leniently: the last letter carries bits that stand for nothing, and strange letters are passed over.
    A token with such a letter changed would be genuine, though nobody ever printed it.
    """

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        return super().verify_signature(value, sig) and base64_encode(base64_decode(sig)) == want_bytes(sig)


def _signer(keys: Sequence[str]) -> Signer:
    # The newest key is the last; older prints stay genuine as long as theirs is kept.
    return _StrictSigner(list(keys), salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
