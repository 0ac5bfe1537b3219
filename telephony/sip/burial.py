"""Burial of a dead call worker: its phones are let go, its recordings made playable, its unheard events told."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from followup.calls import EndReason, LegId, Party
from runtime.wav_repair import NotRepairableError, repair_wav
from telephony.call_control import EventValue, LegEvent, LegEventKind
from telephony.sip.farewell import FarewellOutcome, say_farewell
from telephony.sip.journal import AckLine, Journal, JournalRecord, read_journal
from telephony.sip.wire import Event

log = structlog.get_logger(__name__)

BURIED_FOLDER = "buried"


@dataclass(frozen=True, slots=True)
class Burial:
    """A dead worker's journal, read. Burying twice does no harm: the same events come with the same ids."""

    journal: Path
    record: JournalRecord

    @property
    def worker_id(self) -> str:
        """Who died; a journal without its first line goes by the name of its file."""
        return self.record.worker.worker if self.record.worker else self.journal.stem

    def part(self) -> dict[LegId, FarewellOutcome]:
        """Free every phone that may still believe in its call, then make the recordings playable."""
        outcomes: dict[LegId, FarewellOutcome] = {}
        worker, dialogs = self.record.worker, self.record.open_dialogs()
        if worker is not None and dialogs:
            try:
                outcomes = dict(say_farewell(dialogs, host=worker.sip_host, port=worker.sip_port))
            except OSError as fault:
                # Without the worker's port nothing can be said in its name; the far ends' session timers remain.
                log.exception("farewell_impossible", worker=self.worker_id, error=fault.strerror)
                outcomes = {dialog.dialog: FarewellOutcome.UNSENT for dialog in dialogs}
        for recording in self.record.recordings.values():
            for sound in sorted(recording.folder.glob("*.wav")):
                _mend(sound)
        return outcomes

    def unheard(self) -> list[LegEvent]:
        """The worker's own events that no node has stored: they can be told before anything else is done."""
        return [event.leg_event(self.worker_id) for event in self.record.unacknowledged()]

    def events(self, died_at: datetime) -> Iterator[LegEvent]:
        """What no node has stored yet: the worker's own last events, then how its legs ended."""
        for event in [*self.record.unacknowledged(), *self._last_events(died_at)]:
            if event.event > self.record.acknowledged:
                yield event.leg_event(self.worker_id)

    def last_number(self) -> int:
        """The number of the last of its events, those of the burial included."""
        return self.record.last_event() + sum(1 for _ in self._endings())

    def acknowledge(self, number: int) -> None:
        """Every event up to this number is stored: told to the journal, as the worker would have done."""
        _close_torn_line(self.journal)
        journal = Journal(self.journal)
        journal.append(AckLine(ack=number), durable=True)
        journal.close()

    def archive(self) -> Path:
        """Put the journal away; it is kept because it tells whether anything was sent for an attempt."""
        folder = self.journal.parent / BURIED_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        return self.journal.rename(folder / self.journal.name)

    def _last_events(self, died_at: datetime) -> Iterator[Event]:
        """The events of the endings, numbered on from the worker's last: a dead journal always yields the same."""
        numbers = range(self.record.last_event() + 1, self.last_number() + 1)
        for number, (leg_id, kind, values) in zip(numbers, self._endings(), strict=True):
            yield Event(event=number, leg_id=leg_id, kind=kind, occurred_at=died_at, values=values)

    def _endings(self) -> Iterator[tuple[LegId, LegEventKind, dict[str, EventValue]]]:
        captured = {event.leg_id for event in self.record.events if event.kind is LegEventKind.RECORDING_STOPPED}
        for leg_id in self._unended():
            recording = self.record.recordings.get(leg_id)
            if recording is not None and leg_id not in captured:
                yield leg_id, LegEventKind.RECORDING_STOPPED, {"folder": str(recording.folder)}
            yield (
                leg_id,
                LegEventKind.ENDED,
                {"end_reason": EndReason.WORKER_LOST.value, "party": Party.US.value, "sip_status": 0},
            )

    def _unended(self) -> list[LegId]:
        """Legs whose end nobody told, in the order they began; a dialog may be noted before the first event."""
        ended = self.record.ended_legs()
        begun = dict.fromkeys([event.leg_id for event in self.record.events] + list(self.record.dialogs))
        return [leg_id for leg_id in begun if leg_id not in ended]


def open_burial(journal: Path) -> Burial:
    """Read a dead worker's journal; nothing is sent or changed yet."""
    record = read_journal(journal)
    if record.damaged_lines:
        log.warning("journal_damaged", journal=journal.name, lines=record.damaged_lines)
    return Burial(journal, record)


def was_anything_sent(attempt_id: str, journals: Iterable[Path]) -> bool:
    """Whether any of these journals holds the line that is on the disk before an attempt's INVITE leaves.

    False means that no INVITE was sent for it by the workers who wrote them, so it may be dialed (once none of
    them can still be told to).
    """
    return any(
        event.kind is LegEventKind.ABOUT_TO_INVITE and event.values.get("attempt_id") == attempt_id
        for record in _records_that_mention(attempt_id, journals)
        for event in record.events
    )


def was_leg_known(leg_id: LegId, journals: Iterable[Path]) -> bool:
    """Whether any of these journals tells of this leg."""
    return any(event.leg_id == leg_id for record in _records_that_mention(leg_id, journals) for event in record.events)


def journals_in(folder: Path) -> list[Path]:
    """The journals of the living, the dead and the buried of one node."""
    return sorted(folder.glob("*.jsonl")) + archived_in(folder)


def archived_in(folder: Path) -> list[Path]:
    """The journals of the buried of one node."""
    return sorted(folder.glob(f"{BURIED_FOLDER}/*.jsonl"))


def _records_that_mention(name: str, journals: Iterable[Path]) -> Iterator[JournalRecord]:
    """The journals that hold this name; one that is being put away meanwhile is read where it then is."""
    needle = name.encode()
    for journal in journals:
        for place in (journal, journal.parent / BURIED_FOLDER / journal.name):
            try:
                if needle in place.read_bytes():
                    yield read_journal(place)
                break
            except FileNotFoundError:
                continue


def _close_torn_line(journal: Path) -> None:
    """Death may have cut the last line; without a line feed it would swallow whatever is written next."""
    with journal.open("r+b") as lines:
        if lines.seek(0, os.SEEK_END):
            lines.seek(-1, os.SEEK_END)
            if lines.read(1) != b"\n":
                lines.write(b"\n")


def _mend(sound: Path) -> None:
    try:
        if repair_wav(sound):
            log.info("recording_repaired", folder=sound.parent.name, channel=sound.stem)
    except NotRepairableError:
        log.warning("recording_not_repairable", folder=sound.parent.name, channel=sound.stem)
    except OSError as fault:
        log.exception("recording_not_repairable", folder=sound.parent.name, channel=sound.stem, error=fault.strerror)
