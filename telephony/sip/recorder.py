"""The recordings of a worker's legs: begun at the answer, finished before anybody is told that they are."""

import sched
import time
from collections.abc import Callable
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import LegId
from telephony.call_control import EventValue, LegEventKind, RejectedError
from telephony.sip.event_book import EventBook
from telephony.sip.journal import RecordingLine
from telephony.sip.leg import Leg
from telephony.sip.media import Conference, is_closed

log = structlog.get_logger(__name__)

FILE_CHECK_SECONDS = 0.02
FILE_LIMIT_SECONDS = 3.0
GROWTH_CHECK_SECONDS = 2.0
STUCK_SECONDS = 5.0


class Recorder:
    """Begins, pauses and closes recordings."""

    def __init__(
        self,
        *,
        conference: Conference,
        timers: sched.scheduler,
        book: EventBook,
        finished: Callable[[LegId], None],
    ) -> None:
        self._conference = conference
        self._timers = timers
        self._book = book
        self._finished = finished
        self._closing: dict[LegId, tuple[Leg, Path, float]] = {}
        self._failed: set[LegId] = set()

    @property
    def busy(self) -> bool:
        """Whether some file has not been finished yet."""
        return bool(self._closing)

    def begin(self, leg: Leg, folder: Path) -> None:
        """Record both sides. A disk that refuses costs the recording, never the call."""
        try:
            start = self._conference.record(leg.leg_id, folder, self._book.clock.now())
        except (pj.Error, OSError):
            log.exception("recording_failed_to_start", leg_id=leg.leg_id, folder=str(folder))
            self._book.say(leg.leg_id, LegEventKind.RECORDING_STOPPED, {"folder": str(folder), "failed": True})
            return
        self._book.journal.append(
            RecordingLine(
                recording=leg.leg_id,
                folder=folder,
                started_at=start.started_at,
                patient_offset_samples=start.patient_offset_samples,
                agent_offset_samples=start.agent_offset_samples,
                sample_rate=start.sample_rate,
            )
        )
        values = {"folder": str(folder)}
        self._book.say(leg.leg_id, LegEventKind.RECORDING_STARTED, {**values}, at=start.started_at)
        self._timers.enter(GROWTH_CHECK_SECONDS, 1, self._look_at_growth, (leg, folder, 0, time.monotonic()))

    def records(self, leg_id: LegId) -> bool:
        """Whether the leg is being recorded, paused or not."""
        return self._conference.recording(leg_id) is not None

    def pause(self, leg_id: LegId) -> None:
        """Write silence on both channels."""
        self._require(leg_id)
        self._conference.pause_recording(leg_id, paused=True)
        self._book.say(leg_id, LegEventKind.RECORDING_PAUSED)

    def resume(self, leg_id: LegId) -> None:
        """Write sound again."""
        self._require(leg_id)
        self._conference.pause_recording(leg_id, paused=False)
        self._book.say(leg_id, LegEventKind.RECORDING_RESUMED)

    def close(self, leg: Leg) -> None:
        """Close both files for good; RECORDING_STOPPED follows when they are whole."""
        self._require(leg.leg_id)
        folder = self._conference.close_recording(leg.leg_id)
        self._closing[leg.leg_id] = (leg, folder, time.monotonic() + FILE_LIMIT_SECONDS)
        self._timers.enter(FILE_CHECK_SECONDS, 0, self._check, (leg.leg_id,))

    def closing(self, leg_id: LegId) -> bool:
        """Whether the leg's files are being finished."""
        return leg_id in self._closing

    def _look_at_growth(self, leg: Leg, folder: Path, size: int, grown_at: float) -> None:
        """Files that grow no more have met a full disk: the library says nothing of it, so we do, once."""
        if not self.records(leg.leg_id):
            return
        now, found = time.monotonic(), min((folder / name).stat().st_size for name in ("patient.wav", "agent.wav"))
        if found > size:
            size, grown_at = found, now
        elif now - grown_at >= STUCK_SECONDS:
            log.error("recording_failed", leg_id=leg.leg_id, folder=str(folder))
            self._failed.add(leg.leg_id)
            self.close(leg)
            return
        self._timers.enter(GROWTH_CHECK_SECONDS, 1, self._look_at_growth, (leg, folder, size, grown_at))

    def _check(self, leg_id: LegId) -> None:
        leg, folder, limit = self._closing[leg_id]
        if not is_closed(folder):
            if time.monotonic() < limit:
                self._timers.enter(FILE_CHECK_SECONDS, 0, self._check, (leg_id,))
                return
            log.error("recording_not_finished", leg_id=leg_id, folder=str(folder))
        del self._closing[leg_id]
        values: dict[str, EventValue] = {"folder": str(folder)}
        if leg_id in self._failed:
            values["failed"] = True
        self._book.say(leg_id, LegEventKind.RECORDING_STOPPED, values, at=leg.ended_at)
        self._finished(leg_id)

    def _require(self, leg_id: LegId) -> None:
        if not self.records(leg_id):
            raise RejectedError(f"leg {leg_id} is not being recorded")
