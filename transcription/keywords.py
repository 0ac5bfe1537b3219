"""Supervisors' keywords in transcripts: which were said, by whom and in which second."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import structlog

from db.unit_of_work import UnitOfWork
from followup.keywords import Keyword, KeywordHit, KeywordSet, sets_in_use
from followup.recordings import Turn
from transcription.languages import language_of_turn
from transcription.phrase_patterns import ChinesePhrases, ChineseText, EnglishPhrases, EnglishText, Found, plain_text

log = structlog.get_logger(__name__)


def hits_in(turns: Sequence[Turn], sets: Iterable[KeywordSet], language: str) -> list[KeywordHit]:
    """Every keyword said, once for a turn, in order of time; words count however they are meant."""
    hits = [
        KeywordHit(
            set_id=one.id,
            set_version=one.version,
            code=keyword.code,
            channel=turn.channel,
            turn=number,
            at=round(turn.start + found.start / max(len(turn.text), 1) * (turn.end - turn.start), 2),
            heard=turn.text[found.start : found.end],
        )
        for one in sets
        for number, turn in enumerate(turns)
        if one.side.hears(turn.channel)
        for keyword in one.keywords
        for found in _first(keyword, turn.text, language_of_turn(turn.text, language))
    ]
    return sorted(hits, key=lambda hit: (hit.at, hit.set_id, hit.code))


def find_keywords(
    units_of_work: Callable[[], UnitOfWork], shipped: Mapping[str, KeywordSet], recording_id: str
) -> None:
    """Put the newest transcript's hits in place of what was found in the recording before."""
    with units_of_work() as uow:
        recording = uow.recordings.for_update(recording_id)
        transcript = uow.recordings.latest_transcript(recording_id)
        if recording is None or transcript is None:
            log.info("nothing_to_look_for_keywords_in", recording=recording_id)
            return
        sets = sets_in_use(shipped, uow.keywords.own_sets())
        hits = hits_in(transcript.turns, sets.values(), transcript.language)
        uow.keywords.replace_hits(recording, transcript.id, hits)
        uow.commit()


def _first(keyword: Keyword, text: str, language: str) -> list[Found]:
    said = plain_text(text)
    if language == "zh":
        return list(_chinese(keyword.zh, keyword.zh_exact).find(ChineseText(said)))[:1]
    return list(_english(keyword.en).find(EnglishText(said)))[:1]


@cache
def _chinese(by_sound: tuple[str, ...], exact: tuple[str, ...]) -> ChinesePhrases:
    return ChinesePhrases(by_sound, exact)


@cache
def _english(patterns: tuple[str, ...]) -> EnglishPhrases:
    return EnglishPhrases(patterns)
