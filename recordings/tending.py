"""What the vault needs now and then: old clear files sealed, what nobody needs taken away, the ledger's head signed."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

import structlog

from db.unit_of_work import UnitOfWork
from db.vault import Anchor
from followup.ledger import LedgerKind
from followup.recordings import RecordingState
from recordings.audit_proof import sign_audit_head
from recordings.object_store import SEALED, ObjectStoreError
from recordings.sealing import SealBrokenError
from recordings.signing import SigningKey, head_message
from recordings.vault import Vault

log = structlog.get_logger(__name__)

REMAINS_REST = timedelta(minutes=10)
"""Whoever read a row before its address changed is through with the old file by then."""
SIGNED_EVERY = timedelta(days=1)
_PAGE = 50
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """What was done, and which recordings still lie in clear because their file is not what was stored."""

    sealed: int = 0
    taken_away: int = 0
    signed: bool = False
    left_in_clear: tuple[str, ...] = ()


def tend(
    units_of_work: Callable[[], UnitOfWork], vault: Vault, signing_key: Callable[[], SigningKey], *, seconds: float
) -> Tended:
    """Do what waits, for about so long; may be killed anywhere, and run twice at one time."""
    until = time.monotonic() + seconds
    sign_audit_head(units_of_work, signing_key)
    signed = sign_head(units_of_work, signing_key)  # needs no store, so one that is away does not keep it from being
    sealed, left = seal_clear(units_of_work, vault, until=until)
    return Tended(
        sealed=sealed,
        left_in_clear=left,
        taken_away=take_away(units_of_work, vault),
        signed=signed,
    )


def seal_clear(
    units_of_work: Callable[[], UnitOfWork], vault: Vault, *, until: float = float("inf")
) -> tuple[int, tuple[str, ...]]:
    """Seal recordings that were stored before there was a vault; how many, and those that are not what was stored."""
    sealed, left, after = 0, list[str](), None
    while time.monotonic() < until:
        with units_of_work() as uow:
            page = [(row.id, row.uri or "", row.sha256 or "") for row in uow.vault.in_clear(after=after, limit=_PAGE)]
        if not page:
            break
        for recording_id, uri, sha256 in page:
            if time.monotonic() >= until:
                break
            try:
                done = _seal(units_of_work, vault, recording_id, uri, sha256)
            except (ObjectStoreError, SealBrokenError, OSError) as error:
                vault.objects.reach()  # where the store itself is away, that is told; one bad file stops no other
                log.error("recording_not_sealed", recording=recording_id, reason=str(error))  # noqa: TRY400
                done = False
            if done:
                sealed += 1
            else:
                left.append(recording_id)
        after = page[-1][0]
    return sealed, tuple(left)


def take_away(units_of_work: Callable[[], UnitOfWork], vault: Vault) -> int:
    """Delete the objects that no row needs any more."""
    gone = 0
    while True:
        with units_of_work() as uow:
            page = uow.vault.remains(before=uow.now - REMAINS_REST, limit=_PAGE)
        if not page:
            return gone
        stuck = 0
        for uri in page:
            try:
                vault.delete(uri)
            except ObjectStoreError as error:
                vault.objects.reach()
                log.error("object_not_taken_away", reason=str(error))  # noqa: TRY400
                stuck += 1
                continue
            with units_of_work() as uow:
                uow.vault.is_gone(uri)
                uow.commit()
            gone += 1
        if stuck:
            return gone  # the same ones would come first again


def sign_head(units_of_work: Callable[[], UnitOfWork], signing_key: Callable[[], SigningKey]) -> bool:
    """Sign the ledger's last line, once a day at most; True if it was signed now."""
    with units_of_work() as uow:
        head, anchor = uow.vault.head(), uow.vault.last_anchor()
        if head is None or (
            # A signature of a time to come was made while the clock was wrong: it tells nothing of when to sign next.
            anchor is not None and (anchor.position >= head.position or uow.now - SIGNED_EVERY < anchor.at <= uow.now)
        ):
            return False
        key = signing_key()
        uow.vault.keep_anchor(
            Anchor(
                position=head.position,
                hash=head.hash,
                at=uow.now,
                key=key.fingerprint,
                signature=key.sign(head_message(head.position, head.hash, uow.now)),
            )
        )
        uow.commit()
    log.info("ledger_signed", position=head.position, key=key.fingerprint)
    return True


def _seal(units_of_work: Callable[[], UnitOfWork], vault: Vault, recording_id: str, uri: str, sha256: str) -> bool:
    """Seal beside the old file, read it back, and only then change the row; the old file is left to be taken away."""
    try:
        with vault.open(uri) as plain:
            if _sum(plain) != sha256:
                log.warning("recording_not_sealed", recording=recording_id, reason="its file is not what was stored")
                return False
            plain.seek(0)
            vault.put_stream(uri + SEALED, plain)
    except FileNotFoundError:
        log.warning("recording_not_sealed", recording=recording_id, reason="its file is not in the store")
        return False
    with vault.open(uri + SEALED) as sealed:
        if _sum(sealed) != sha256:
            raise OSError(f"{uri + SEALED} does not read back as it was written; the clear file stays")
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        if recording is None or recording.uri != uri or recording.state is RecordingState.EXPIRED:
            # Purged in the meantime, or sealed by another run: then the address is that run's, and in use.
            if recording is None or recording.uri != uri + SEALED:
                uow.vault.leave(uri + SEALED)
                uow.commit()
            return True
        recording.uri = uri + SEALED
        recording.encrypted = True
        uow.vault.leave(uri)
        uow.vault.enter(LedgerKind.SEALED, recording)
        uow.commit()
    log.info("recording_sealed", recording=recording_id)
    return True


def _sum(file: BinaryIO) -> str:
    counted = hashlib.sha256()
    while piece := file.read(_PIECE):
        counted.update(piece)
    return counted.hexdigest()
