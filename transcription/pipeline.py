"""From a call's recording to its turns: gate, voice activity, windows, engine, doubt, turns."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from followup.recordings import Channel, Turn
from transcription.audio import CallAudio, CallPart, call_parts
from transcription.gate import gate
from transcription.languages import AUTO, LANGUAGES
from transcription.plausibility import LAST_HEARING, doubt_about_window, is_skipped
from transcription.transcriber import SAMPLE_RATE, EngineDescription, Samples, Transcriber, WindowText, Word
from transcription.turns import Utterance, turns_of
from transcription.voice_activity import Span, loudness_dbfs, speech_spans
from transcription.windows import Window, pack, together

_TOLD_AFTER = 16
"""Windows after which progress is told."""

_HEARD_FOR_LANGUAGE = 2
_TELLING_SECONDS = 2.0
"""A side that says less than this speaks the other side's language."""

_DOUBTED_LANGUAGE = 0.65
"""Words the model believes in less may be another language's."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedCall:
    """What was said in a recording, by which engine."""

    language: str
    seconds: float
    turns: tuple[Turn, ...]
    made_by: EngineDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many windows of a part of the recording are done, where the part begins, and how long the recording is."""

    done: int
    of: int
    begins: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A window that is to be heard, as speech of one side in one language."""

    channel: Channel
    window: Window
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    asked: _Asked
    text: WindowText


def transcribe_recording(
    recording: CallAudio | Path | bytes,
    transcriber: Transcriber,
    language: str,
    progress: Callable[[Progress], None] = lambda _: None,
    names: Collection[str] = (),
) -> TranscribedCall:
    """The turns of a two-channel recording (sound, or a file's path or bytes); `language` is zh, en or auto.

    `names` are names of medicines that look like numbers: they are written as they are spoken. With `auto` each side
    is heard in its own language, and what the model hardly believes is asked for its language by itself.

    Nothing is written for silence, noise or tones; a window in which the model loops or guesses is heard again
    stretch by stretch, and what is still not believable is left out. Long recordings are heard part by part.
    """
    if language not in (*LANGUAGES, AUTO):
        raise ValueError(f"the language {language!r} is not one of {', '.join((*LANGUAGES, AUTO))}")
    spoken: dict[Channel, str] = {} if language == AUTO else dict.fromkeys(Channel, language)
    utterances: list[Utterance] = []
    seconds, said = 0.0, dict.fromkeys(LANGUAGES, 0.0)
    for part in call_parts(recording):
        seconds = part.of_seconds
        found = _part(part, transcriber, spoken, progress, unsure=language == AUTO)
        utterances += [_moved(one, part.begins) for one in found]
        for one in found:
            said[one.language] += one.span.seconds if one.words else 0.0
    if language == AUTO:
        language = max(LANGUAGES, key=said.__getitem__)
    turns = turns_of(utterances, language, names)
    log.info(
        "recording_transcribed", seconds=round(seconds, 1), turns=len(turns),
        language=language, engine=transcriber.description.engine,
    )  # fmt: skip
    return TranscribedCall(language=language, seconds=seconds, turns=tuple(turns), made_by=transcriber.description)


def _part(
    part: CallPart,
    transcriber: Transcriber,
    spoken: dict[Channel, str],
    progress: Callable[[Progress], None],
    *,
    unsure: bool,
) -> list[Utterance]:
    """What is said in one part; `spoken` is each side's language as far as it is known, and learns what is found."""
    agent, patient = gate(part.audio.agent, part.audio.patient)
    channels = {Channel.AGENT: agent, Channel.PATIENT: patient}
    windows = [
        (channel, window)
        for channel, samples in channels.items()
        for window in pack(samples, speech_spans(samples), transcriber.packed_seconds)
    ]
    languages = _languages(transcriber, windows, spoken)
    asked = [_Asked(channel=channel, window=window, language=languages[channel]) for channel, window in windows]
    heard: list[_Heard] = []
    for batch in _heard(transcriber, asked):
        heard += batch
        progress(Progress(done=len(heard), of=len(asked), begins=part.begins, seconds=part.of_seconds))
    return _utterances(transcriber, heard, channels, unsure=unsure)


def _languages(
    transcriber: Transcriber, windows: Sequence[tuple[Channel, Window]], spoken: dict[Channel, str]
) -> Mapping[Channel, str]:
    """Each side's language; of a side that hardly speaks the other's, and the first of ours when nobody speaks."""
    for channel in set(Channel) - spoken.keys():
        own = sorted((one for side, one in windows if side is channel), key=lambda one: one.audio.size, reverse=True)
        if sum(piece.span.seconds for one in own for piece in one.pieces) >= _TELLING_SECONDS:
            spoken[channel] = transcriber.language_of([one.audio for one in own[:_HEARD_FOR_LANGUAGE]], LANGUAGES)
    others = next(iter(spoken.values()), None)
    if others is None:
        others = transcriber.language_of([one.audio for _, one in windows], LANGUAGES) if windows else LANGUAGES[0]
    return {channel: spoken.get(channel, others) for channel in Channel}


def _in_its_language(transcriber: Transcriber, one: _Heard) -> _Heard:
    """What was heard; a single stretch that was hardly believed in the language that the model takes it for."""
    if len(one.asked.window.pieces) > 1 or not _hardly_believed(one.text.words):
        return one
    language = transcriber.language_of([one.asked.window.audio], LANGUAGES)
    if language == one.asked.language:
        return one
    log.info("stretch_in_another_language", language=language)
    ((heard,),) = _heard(transcriber, [replace(one.asked, language=language)])
    return heard


def _hardly_believed(words: Sequence[Word]) -> bool:
    return bool(words) and sum(word.probability for word in words) / len(words) < _DOUBTED_LANGUAGE


def _heard(transcriber: Transcriber, asked: Sequence[_Asked]) -> Iterator[list[_Heard]]:
    for first in range(0, len(asked), _TOLD_AFTER):
        of_language: dict[str, list[_Asked]] = defaultdict(list)
        for one in asked[first : first + _TOLD_AFTER]:
            of_language[one.language].append(one)
        yield [
            _Heard(asked=one, text=text)
            for language, alike in of_language.items()
            for one, text in zip(
                alike, transcriber.transcribe([one.window.audio for one in alike], language), strict=True
            )
        ]


def _utterances(
    transcriber: Transcriber, heard: Sequence[_Heard], channels: dict[Channel, Samples], *, unsure: bool
) -> list[Utterance]:
    """What was heard, stretch by stretch, until each stretch is believed or was heard by itself.

    What the model passed over in a window of several stretches is heard again in fuller company, and a window it went
    astray in stretch by stretch. Each round leaves fewer stretches or single ones, which are never heard again.
    Where nobody said which language is spoken (`unsure`), a stretch that was hardly believed is asked for its own.
    """
    utterances: list[Utterance] = []
    while heard:
        alone: list[_Asked] = []
        skipped: dict[tuple[Channel, str], list[Window]] = defaultdict(list)
        for first in heard:
            one = _in_its_language(transcriber, first) if unsure else first
            channel, language = one.asked.channel, one.asked.language
            doubt = doubt_about_window(one.text)
            if doubt is not None:
                log.info("window_doubted", doubt=doubt, stretches=len(one.asked.window.pieces))
            believed, missed = _sifted(one, channels[channel], sure=doubt is None, unsure=unsure)
            utterances += believed
            if doubt is None and believed and not unsure:
                skipped[channel, language] += missed
            else:
                alone += [_Asked(channel=channel, window=window, language=language) for window in missed]
        again = [
            _Asked(channel=channel, window=window, language=language)
            for (channel, language), windows in skipped.items()
            for window in together(windows, transcriber.packed_seconds)
        ] + alone
        heard = [one for batch in _heard(transcriber, again) for one in batch]
    return utterances


def _sifted(one: _Heard, samples: Samples, *, sure: bool, unsure: bool) -> tuple[list[Utterance], list[Window]]:
    """A window's stretches that are settled, and those that should be heard again, each as a window of its own."""
    window = one.asked.window
    if len(window.pieces) == 1:
        hopeless = doubt_about_window(one.text, LAST_HEARING) is not None
        ((span, words),) = window.pieces_of(one.text.words)
        return ([] if hopeless else [_utterance(one.asked, samples, span, words)]), []
    believed: list[Utterance] = []
    missed: list[Window] = []
    for piece, (span, words) in zip(window.pieces, window.pieces_of(one.text.words), strict=True):
        if sure and not is_skipped(words, seconds=span.seconds) and not (unsure and _hardly_believed(words)):
            believed.append(_utterance(one.asked, samples, span, words))
        else:
            missed.append(window.alone(piece))
    return believed, missed


def _utterance(asked: _Asked, samples: Samples, span: Span, words: Sequence[Word]) -> Utterance:
    sound = samples[round(span.start * SAMPLE_RATE) : round(span.end * SAMPLE_RATE)]
    return Utterance(
        channel=asked.channel,
        span=span,
        words=tuple(words),
        loudness=loudness_dbfs(sound),
        timed=True,
        language=asked.language,
    )


def _moved(one: Utterance, by: float) -> Utterance:
    """An utterance of a part in seconds of the recording."""
    if not by:
        return one
    return replace(
        one,
        span=Span(start=one.span.start + by, end=one.span.end + by),
        words=tuple(replace(word, start=word.start + by, end=word.end + by) for word in one.words),
    )
