"""From a call's recording to its turns: gate, voice activity, windows, engine, doubt, turns."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from followup.recordings import Channel, Turn
from transcription.audio import CallAudio, read_call_audio
from transcription.gate import gate
from transcription.plausibility import LAST_HEARING, doubt_about_window, is_skipped
from transcription.transcriber import SAMPLE_RATE, EngineDescription, Samples, Transcriber, WindowText, Word
from transcription.turns import Utterance, turns_of
from transcription.voice_activity import Span, loudness_dbfs, speech_spans
from transcription.windows import Window, pack, together

LANGUAGES = ("zh", "en")
AUTO = "auto"
_TOLD_AFTER = 16
"""Windows after which progress is told."""

_HEARD_FOR_LANGUAGE = 2

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
    """How many of the recording's windows are done."""

    done: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    channel: Channel
    window: Window
    text: WindowText


def transcribe_recording(
    recording: CallAudio | Path | bytes,
    transcriber: Transcriber,
    language: str,
    progress: Callable[[Progress], None] = lambda _: None,
    names: Collection[str] = (),
) -> TranscribedCall:
    """The turns of a two-channel recording (sound, or a file's path or bytes); `language` is zh, en or auto.

    `names` are names of medicines that look like numbers: they are written as they are spoken.

    Nothing is written for silence, noise or tones; a window in which the model loops or guesses is heard again
    stretch by stretch, and what is still not believable is left out.
    """
    if language not in (*LANGUAGES, AUTO):
        raise ValueError(f"the language {language!r} is not one of {', '.join((*LANGUAGES, AUTO))}")
    audio = recording if isinstance(recording, CallAudio) else read_call_audio(recording)
    agent, patient = gate(audio.agent, audio.patient)
    channels = {Channel.AGENT: agent, Channel.PATIENT: patient}
    windows = [
        (channel, window)
        for channel, samples in channels.items()
        for window in pack(samples, speech_spans(samples), transcriber.packed_seconds)
    ]
    if language == AUTO:
        language = _language(transcriber, [window for _, window in windows])
    heard = [one for batch in _heard(transcriber, windows, language, progress) for one in batch]
    turns = turns_of(_utterances(transcriber, heard, channels, language), language, names)
    log.info(
        "recording_transcribed", seconds=round(audio.seconds, 1), windows=len(windows), turns=len(turns),
        language=language, engine=transcriber.description.engine,
    )  # fmt: skip
    return TranscribedCall(
        language=language, seconds=audio.seconds, turns=tuple(turns), made_by=transcriber.description
    )


def _language(transcriber: Transcriber, windows: Sequence[Window]) -> str:
    """The call's language; the first of ours when nobody speaks, for there is nothing to get wrong then."""
    longest = sorted(windows, key=lambda window: window.audio.size, reverse=True)[:_HEARD_FOR_LANGUAGE]
    return transcriber.language_of([window.audio for window in longest], LANGUAGES) if longest else LANGUAGES[0]


def _heard(
    transcriber: Transcriber,
    windows: Sequence[tuple[Channel, Window]],
    language: str,
    progress: Callable[[Progress], None],
) -> Iterator[list[_Heard]]:
    for first in range(0, len(windows), _TOLD_AFTER):
        batch = windows[first : first + _TOLD_AFTER]
        texts = transcriber.transcribe([window.audio for _, window in batch], language)
        yield [
            _Heard(channel=channel, window=window, text=text)
            for (channel, window), text in zip(batch, texts, strict=True)
        ]
        progress(Progress(done=first + len(batch), of=len(windows)))


def _utterances(
    transcriber: Transcriber, heard: Sequence[_Heard], channels: dict[Channel, Samples], language: str
) -> list[Utterance]:
    """What was heard, stretch by stretch, until each stretch is believed or was heard by itself.

    What the model passed over in a window of several stretches is heard again in fuller company, and a window it went
    astray in stretch by stretch. Each round leaves fewer stretches or single ones, which are never heard again.
    """
    utterances: list[Utterance] = []
    while heard:
        alone: list[tuple[Channel, Window]] = []
        skipped: dict[Channel, list[Window]] = {channel: [] for channel in channels}
        for one in heard:
            doubt = doubt_about_window(one.text)
            if doubt is not None:
                log.info("window_doubted", doubt=doubt, stretches=len(one.window.pieces))
            believed, missed = _sifted(one, channels[one.channel], sure=doubt is None)
            utterances += believed
            if doubt is None and believed:
                skipped[one.channel] += missed
            else:
                alone += [(one.channel, window) for window in missed]
        again = [
            (channel, window)
            for channel, windows in skipped.items()
            for window in together(windows, transcriber.packed_seconds)
        ] + alone
        heard = [one for batch in _heard(transcriber, again, language, lambda _: None) for one in batch]
    return utterances


def _sifted(one: _Heard, samples: Samples, *, sure: bool) -> tuple[list[Utterance], list[Window]]:
    """A window's stretches that are settled, and those that should be heard again, each as a window of its own."""
    if len(one.window.pieces) == 1:
        hopeless = doubt_about_window(one.text, LAST_HEARING) is not None
        ((span, words),) = one.window.pieces_of(one.text.words)
        return ([] if hopeless else [_utterance(one.channel, samples, span, words)]), []
    believed: list[Utterance] = []
    missed: list[Window] = []
    for piece, (span, words) in zip(one.window.pieces, one.window.pieces_of(one.text.words), strict=True):
        if sure and not is_skipped(words, seconds=span.seconds):
            believed.append(_utterance(one.channel, samples, span, words))
        else:
            missed.append(one.window.alone(piece))
    return believed, missed


def _utterance(channel: Channel, samples: Samples, span: Span, words: Sequence[Word]) -> Utterance:
    sound = samples[round(span.start * SAMPLE_RATE) : round(span.end * SAMPLE_RATE)]
    return Utterance(channel=channel, span=span, words=tuple(words), loudness=loudness_dbfs(sound), timed=True)
