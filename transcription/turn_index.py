"""Keeps the search's index as the newest transcripts are: one recording in one transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from db.unit_of_work import UnitOfWork
from followup.recording_remarks import corrected
from followup.recordings import Turn
from followup.searches import IndexedTurn
from transcription.spoken_words import SpokenWords, sounds_of

log = structlog.get_logger(__name__)

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far going through all recordings is."""

    looked_at: int
    of: int
    indexed: int


class TurnIndex:
    """Puts recordings into the index; `words` cuts what was said."""

    def __init__(self, units_of_work: Callable[[], UnitOfWork], words: SpokenWords) -> None:
        self._units_of_work = units_of_work
        self._words = words
        self._learned: set[str] = set()

    def bring(self, recording_id: str, *, anew: bool = False) -> bool:
        """Put a recording's newest transcript in place of an older one; False if it is there already or there is none.

        `anew` puts it in again in any case.
        """
        with self._units_of_work() as uow:
            recording = uow.recordings.for_update(recording_id)
            transcript = uow.recordings.latest_transcript(recording_id) if recording else None
            if recording is None or transcript is None:
                return False
            version = self._words.version
            if not anew and uow.turn_search.indexed_as(recording_id) == (transcript.id, version):
                return False
            said_really = corrected(transcript.turns, uow.remarks.corrections(transcript.id))
            turns = [self._indexed(position, turn) for position, turn in enumerate(said_really)]
            uow.turn_search.replace(recording, transcript, turns, words_version=version, now=uow.now)
            said = {word for turn in turns for word in turn.places} - self._learned
            uow.turn_search.learn(sounds_of(said))
            uow.commit()
        self._learned |= said
        log.info("turns_indexed", recording=recording_id, turns=len(turns))
        return True

    def bring_all(self, *, anew: bool = False) -> Iterator[Progress]:
        """Go through every recording that has a transcript; without `anew` only what is missing or behind is done."""
        besides = None if anew else self._words.version
        with self._units_of_work() as uow:
            total = uow.turn_search.count_to_index(besides=besides)
        after, looked_at, indexed = None, 0, 0
        while True:
            with self._units_of_work() as uow:
                page = uow.turn_search.to_index(after=after, limit=_AT_ONCE, besides=besides)
            for recording_id in page:
                indexed += self.bring(recording_id, anew=anew)
                looked_at += 1
                yield Progress(looked_at=looked_at, of=max(total, looked_at), indexed=indexed)
            if len(page) < _AT_ONCE:
                return
            after = page[-1]

    def _indexed(self, position: int, turn: Turn) -> IndexedTurn:
        return IndexedTurn(
            position=position,
            channel=turn.channel,
            start=turn.start,
            end=turn.end,
            text=turn.text,
            written=turn.written,
            confidence=turn.confidence,
            places=self._words.places(turn.text, turn.written),
        )
