"""Proof that the vault holds what the rows say: every stored file is read and its checksum made anew."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from db.unit_of_work import UnitOfWork
from recordings.object_store import ObjectStore, ObjectStoreError

_PAGE = 200


class FaultKind(StrEnum):
    """What is wrong with a stored file."""

    MISSING = "missing"
    CHANGED = "changed"
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
            FaultKind.UNREADABLE: "see that the store can be reached, then verify again",
        }[self.fault]
        return f"recording {self.recording_id}: {self.detail}; {mend}"


def verify(units_of_work: Callable[[], UnitOfWork], store: ObjectStore) -> Iterator[Checked]:
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


def check(store: ObjectStore, file: StoredFile) -> Checked:
    """Whether one file still is what its row says."""
    try:
        content = store.read(file.uri)
    except FileNotFoundError:
        fault, detail = FaultKind.MISSING, f"{file.uri} is not in the store"
    except (ObjectStoreError, ValueError) as error:
        fault, detail = FaultKind.UNREADABLE, str(error)
    else:
        if hashlib.sha256(content).hexdigest() == file.sha256:
            return Checked(recording_id=file.recording_id, uri=file.uri)
        fault = FaultKind.CHANGED
        detail = f"{file.uri} is not the file that was stored ({len(content)} bytes now, {file.size} then)"
    return Checked(recording_id=file.recording_id, uri=file.uri, fault=fault, detail=detail)
