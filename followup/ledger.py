"""The vault's ledger: one line for each thing that befell a recording, each bound to the line before by its checksum.

A line's checksum is SHA-256 over its text, and the text names the checksum of the line before: whoever changes, takes
out or puts in a line would have to change every later one, and with them the signed heads.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from followup.recordings import Recording

BEGINNING = "0" * 64
"""What the first line names as the one before."""


class LedgerKind(StrEnum):
    """What befell a recording."""

    STORED = "stored"
    SEALED = "sealed"  # it lay in clear, and its file was encrypted
    HELD = "held"
    RELEASED = "released"
    PURGED = "purged"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One line; `text` is exactly what its checksum is of."""

    position: int
    at: datetime
    kind: LedgerKind
    recording_id: str
    text: str
    hash: str

    @property
    def previous(self) -> str:
        """The checksum of the line before, as this line names it."""
        return str(json.loads(self.text)["previous"])

    @property
    def facts(self) -> dict[str, object]:
        """What the line says of the recording."""
        facts: dict[str, object] = json.loads(self.text)["facts"]
        return facts


def facts_of(recording: Recording) -> dict[str, object]:
    """What a line says of a recording: whose call, when, how long, and which sound."""
    return {
        "call": recording.call_id,
        "patient": recording.patient_id,
        "started_at": None if recording.started_at is None else recording.started_at.astimezone(UTC).isoformat(),
        "seconds": recording.seconds,
        "channels": recording.channels,
        "sample_rate": recording.sample_rate,
        "size": recording.size,
        "sha256": recording.sha256,
        "samples_sha256": recording.samples_sha256,
        "pauses": recording.pauses,
        "reason": recording.reason,
        "encrypted": recording.encrypted,
        "uri": recording.uri,
    }


def next_line(
    last: LedgerLine | None, *, at: datetime, kind: LedgerKind, recording_id: str, facts: Mapping[str, object]
) -> LedgerLine:
    """The line behind `last`."""
    position = last.position + 1 if last else 1
    text = json.dumps(
        {
            "position": position,
            "at": at.astimezone(UTC).isoformat(),
            "kind": kind.value,
            "recording": recording_id,
            "facts": dict(facts),
            "previous": last.hash if last else BEGINNING,
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return LedgerLine(position=position, at=at, kind=kind, recording_id=recording_id, text=text, hash=checksum_of(text))


def checksum_of(text: str) -> str:
    """SHA-256 of a line's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def faults_in(lines: Iterable[LedgerLine], before: LedgerLine | None = None) -> Iterator[str]:
    """A sentence for each line that is not as it was written or does not follow the one before it."""
    for line in lines:
        fault = _fault_of(line, before)
        if fault:
            yield f"ledger line {line.position}: {fault}"
        before = line


def _fault_of(line: LedgerLine, before: LedgerLine | None) -> str:
    if checksum_of(line.text) != line.hash:
        return "its text was changed after it was written"
    try:
        said = json.loads(line.text)
        named = (said["position"], said["kind"], said["recording"], datetime.fromisoformat(said["at"]))
        previous = said["previous"]
    except (ValueError, KeyError, TypeError):
        return "its text is no line of a ledger"
    if named != (line.position, line.kind.value, line.recording_id, line.at):
        return "its text tells of something else than the columns beside it"
    if line.position != (before.position + 1 if before else 1):
        return f"the lines before it are missing, from {before.position + 1 if before else 1} on"
    if previous != (before.hash if before else BEGINNING):
        return "it does not follow the line before it: that one was changed or exchanged"
    return ""
