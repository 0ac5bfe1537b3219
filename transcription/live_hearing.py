"""From a stretch of live sound to the text that may be shown: nothing for noise, tones, loops and guesses."""

from dataclasses import dataclass

from followup.recordings import Channel, Turn
from transcription.agreement import agreed
from transcription.chinese import to_simplified
from transcription.live_ear import Waiting
from transcription.live_engine import LiveTranscriber, goes_round
from transcription.live_stretches import Stretch
from transcription.plausibility import LAST_HEARING, doubt_about_turn, doubt_about_window
from transcription.transcriber import WindowText
from transcription.turns import Utterance, turns_of
from transcription.voice_activity import Span, loudness_dbfs


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What may be shown of a stretch; the first `stable` characters were heard twice, all of them when it is over."""

    turn: Turn
    stable: int


class LiveHearing:
    """Hears stretches of one call; knows how each one that goes on was heard before."""

    def __init__(self, transcriber: LiveTranscriber) -> None:
        self._transcriber = transcriber
        self._before: dict[str, str] = {}

    def hear(self, waiting: Waiting, language: str) -> Heard | None:
        """The text of a stretch, None when there is none to believe (yet)."""
        stretch = waiting.stretch
        text = self._transcriber.hear(stretch.sound, language)
        if not stretch.is_over:
            return self._so_far(waiting.channel, stretch, text, language)
        self._before.pop(stretch.id, None)
        if _doubted(text):
            text = self._transcriber.hear(stretch.sound, language, whole_window=True)
            if doubt_about_window(text, LAST_HEARING) is not None:
                return None
        span = Span(start=stretch.start, end=stretch.end)
        said = Utterance(channel=waiting.channel, span=span, words=text.words, loudness=loudness_dbfs(stretch.sound))
        turns = turns_of([said], language)
        return Heard(turn=turns[0], stable=len(turns[0].text)) if turns else None

    def _so_far(self, channel: Channel, stretch: Stretch, heard: WindowText, language: str) -> Heard | None:
        text = to_simplified(heard.text) if language == "zh" else heard.text
        confidence = heard.words[0].probability if heard.words else 0.0
        if _doubted(heard) or doubt_about_turn(text, seconds=stretch.seconds, confidence=confidence, language=language):
            return None
        stable = agreed(self._before.get(stretch.id, ""), text)
        self._before[stretch.id] = text
        turn = Turn(channel=channel, start=stretch.start, end=stretch.end, text=text, confidence=round(confidence, 3))
        return Heard(turn=turn, stable=stable)


def _doubted(text: WindowText) -> bool:
    return doubt_about_window(text) is not None or goes_round(text.text)
