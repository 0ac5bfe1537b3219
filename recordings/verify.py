"""Proof that the vault holds what the rows say: every stored file is opened and summed anew, and the ledger read."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from db.unit_of_work import UnitOfWork
from db.vault import Anchor
from followup.ledger import LedgerKind, LedgerLine, faults_in
from recordings.object_store import ObjectStoreError, SoundStore
from recordings.sealing import SealBrokenError
from recordings.signing import head_message, is_signed
from recordings.vault import KeyGoneError
from recordings.wrapping_keys import WrappingKeyError

_PAGE = 200
_PIECE = 1 << 20


class FaultKind(StrEnum):
    """What is wrong with a stored file."""

    MISSING = "missing"
    CHANGED = "changed"
    LOCKED = "locked"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What a row says of its file."""

    recording_id: str
    uri: str
    sha256: str | None
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One recording's check; `fault` is None when the file is what was stored."""

    recording_id: str
    uri: str
    fault: FaultKind | None = None
    detail: str = ""

    def in_words(self) -> str:
        """A sentence for a person."""
        if self.fault is None:
            return f"recording {self.recording_id}: whole"
        mend = {
            FaultKind.MISSING: "bring it back from a backup",
            FaultKind.CHANGED: "keep it for the inquiry and bring the original back from a backup",
            FaultKind.LOCKED: "bring the key back, then verify again",
            FaultKind.UNREADABLE: "see that the store can be reached, then verify again",
        }[self.fault]
        return f"recording {self.recording_id}: {self.detail}; {mend}"


def verify(units_of_work: Callable[[], UnitOfWork], store: SoundStore) -> Iterator[Checked]:
    """Check every recording in the vault, in order of id, each when it is asked for."""
    last: str | None = None
    while True:
        with units_of_work() as uow:
            page = [
                StoredFile(recording_id=row.id, uri=row.uri or "", sha256=row.sha256, size=row.size)
                for row in uow.recordings.in_vault(after=last, limit=_PAGE)
            ]
        if not page:
            return
        for file in page:
            yield check(store, file)
        last = page[-1].recording_id


def check(store: SoundStore, file: StoredFile) -> Checked:
    """Whether one file still is what its row says; it is read piece by piece and never lies anywhere in clear."""
    summed, size = hashlib.sha256(), 0
    try:
        with store.open(file.uri) as content:
            while piece := content.read(_PIECE):
                summed.update(piece)
                size += len(piece)
    except (KeyGoneError, WrappingKeyError) as error:
        fault, detail = FaultKind.LOCKED, str(error)
    except FileNotFoundError:
        fault, detail = FaultKind.MISSING, f"{file.uri} is not in the store"
    except SealBrokenError as error:
        fault, detail = FaultKind.CHANGED, str(error)
    except (ObjectStoreError, ValueError) as error:
        fault, detail = FaultKind.UNREADABLE, str(error)
    else:
        if summed.hexdigest() == file.sha256:
            return Checked(recording_id=file.recording_id, uri=file.uri)
        fault = FaultKind.CHANGED
        detail = f"{file.uri} is not the file that was stored ({size} bytes now, {file.size} then)"
    return Checked(recording_id=file.recording_id, uri=file.uri, fault=fault, detail=detail)


def verify_ledger(units_of_work: Callable[[], UnitOfWork], keys: Mapping[str, Ed25519PublicKey]) -> Iterator[str]:
    """A sentence for each fault: lines changed or missing, heads that are not as they were signed, rows that differ.

    `keys` are the public keys that may have signed, by fingerprint.
    """
    with units_of_work() as uow:
        anchors = {anchor.position: anchor for anchor in uow.vault.anchors()}
    before: LedgerLine | None = None
    while True:
        with units_of_work() as uow:
            page = uow.vault.lines(after=before.position if before else 0, limit=_PAGE)
            named = {line.recording_id for line in page}
            checksums, newest = uow.vault.checksums_of(named), uow.vault.newest_positions_of(named)
        if not page:
            break
        yield from faults_in(page, before)
        for line in page:
            if line.position in anchors:
                yield from anchor_faults(anchors.pop(line.position), line, keys)
            if line.position == newest[line.recording_id] and line.kind is not LedgerKind.PURGED:
                if line.recording_id not in checksums:
                    yield f"ledger line {line.position}: recording {line.recording_id} has no row any more"
                elif checksums[line.recording_id] != line.facts.get("sha256"):
                    yield (
                        f"ledger line {line.position}: the row of recording {line.recording_id} names another checksum "
                        "than the ledger: the row was changed"
                    )
        before = page[-1]
    for anchor in anchors.values():
        yield f"the head that was signed at line {anchor.position} on {anchor.at:%Y-%m-%d} is missing from the ledger"


def anchor_faults(anchor: Anchor, line: LedgerLine, keys: Mapping[str, Ed25519PublicKey]) -> Iterator[str]:
    """What is wrong with a signed head."""
    if anchor.hash != line.hash:
        yield f"ledger line {line.position}: it is another line than the one whose checksum was signed"
    if anchor.key not in keys:
        yield (
            f"ledger line {line.position}: its head was signed with the key {anchor.key[:16]}…, which is not at hand: "
            "bring its file back from the backup of keys"
        )
    elif not is_signed(head_message(anchor.position, anchor.hash, anchor.at), anchor.signature, keys[anchor.key]):
        yield f"ledger line {line.position}: the signature of its head does not belong to it"
