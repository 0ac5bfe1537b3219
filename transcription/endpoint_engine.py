"""Speech to text by a server that speaks OpenAI's `audio/transcriptions`: for a GPU in the hospital's own house.

What is sent is one speaker's stretches of speech, never the whole call, and nothing that names a patient.
"""

import io
import math
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import httpx
import soundfile
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transcription.transcriber import (
    SAMPLE_RATE,
    WINDOW_SECONDS,
    EngineDescription,
    Samples,
    SpeechAwayError,
    WindowText,
    Word,
)

_LANGUAGE_NAMES = {"chinese": "zh", "mandarin": "zh", "english": "en"}
_LARGEST_ANSWER = 4 * 1024 * 1024


class SpeechEndpointError(RuntimeError):
    """The server did not write a window down; the text says why, without anything that was said."""


class SpeechEndpointAwayError(SpeechEndpointError, SpeechAwayError):
    """The server is away, overloaded or too slow: the same window may be written down later."""


class _Finite(BaseModel):
    """No part of an answer counts to nothing or without end: a transcript's row could not hold it."""

    model_config = ConfigDict(allow_inf_nan=False)


class _Segment(_Finite):
    start: float
    end: float
    text: str
    avg_logprob: float = 0.0
    compression_ratio: float = 1.0
    no_speech_prob: float = 0.0


class _HeardWord(_Finite):
    word: str
    start: float
    end: float


class _Answer(BaseModel):
    """The published verbose_json; what other servers add is passed over."""

    text: str
    language: str = ""
    segments: Annotated[list[_Segment], Field(default_factory=list)]
    words: Annotated[list[_HeardWord], Field(default_factory=list)]


class SpeechEndpoint:
    """A Transcriber on another machine; each window is asked for once, the task that asks is tried again as a whole."""

    def __init__(self, *, url: str, model: str, key: str = "", seconds: float = 60.0) -> None:
        self._url = f"{url.rstrip('/')}/audio/transcriptions"
        self._model = model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._seconds = seconds

    @property
    def description(self) -> EngineDescription:
        """Engine, version, model and parameters."""
        return EngineDescription(
            engine="endpoint",
            version="audio/transcriptions",
            model=self._model,
            parameters={"host": httpx.URL(self._url).host, "temperature": 0},
        )

    @property
    def _too_slow(self) -> str:
        return f"the speech server took longer than {self._seconds:g} s: raise SUIFANG_SPEECH_SECONDS, or add a server"

    @property
    def packed_seconds(self) -> float:
        """How much speech is best put into one window."""
        return WINDOW_SECONDS

    def language_of(self, windows: Sequence[Samples], among: Sequence[str]) -> str:
        """The first language of `among` that the server names for a window; the first of all when it names none."""
        for window in windows:
            told = self._heard(window, None).language.lower()
            language = _LANGUAGE_NAMES.get(told, told)
            if language in among:
                return language
        return among[0]

    def transcribe(self, windows: Sequence[Samples], language: str) -> list[WindowText]:
        """The text of each window."""
        return [_window_text(self._heard(window, language), window.size / SAMPLE_RATE) for window in windows]

    def _heard(self, window: Samples, language: str | None) -> _Answer:
        sound = io.BytesIO()
        soundfile.write(sound, window, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        fields: dict[str, str | list[str]] = {
            "model": self._model,
            "response_format": "verbose_json",
            "temperature": "0",
            "timestamp_granularities[]": ["segment", "word"],
        }
        if language is not None:
            fields["language"] = language
        gives_up_at = time.monotonic() + self._seconds
        body = bytearray()
        try:
            with (
                httpx.Client(timeout=self._seconds, follow_redirects=False, trust_env=False) as client,
                client.stream(
                    "POST",
                    self._url,
                    data=fields,
                    files={"file": ("window.wav", sound.getvalue(), "audio/wav")},
                    headers=self._headers,
                ) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise _refused_by(answer.status_code)(
                        f"the speech server answered {answer.status_code}: check SUIFANG_SPEECH_URL, its key and the "
                        "model"
                    )
                # The client's own limit is for each piece: who sends byte by byte would hold the worker for hours.
                for piece in answer.iter_bytes():
                    body += piece
                    if time.monotonic() > gives_up_at:
                        raise SpeechEndpointAwayError(self._too_slow)
                    if len(body) > _LARGEST_ANSWER:
                        raise SpeechEndpointError(
                            "the speech server's answer is longer than any transcript of thirty seconds"
                        )
        except httpx.TimeoutException as error:
            raise SpeechEndpointAwayError(self._too_slow) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SpeechEndpointAwayError(
                f"the speech server cannot be reached ({type(error).__name__}): check SUIFANG_SPEECH_URL"
            ) from error
        try:
            return _Answer.model_validate_json(bytes(body))
        except ValidationError as error:
            raise SpeechEndpointError(
                "the speech server's answer is no verbose_json of audio/transcriptions: choose a server that has it"
            ) from error


def _refused_by(status: int) -> type[SpeechEndpointError]:
    """Whether a refusal passes by itself: an overloaded or broken server does, a wrong key or address does not."""
    passes = status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS
    return SpeechEndpointAwayError if passes else SpeechEndpointError


def _window_text(answer: _Answer, seconds: float) -> WindowText:
    segments = answer.segments or [_Segment(start=0.0, end=seconds, text=answer.text)]
    text = "".join(segment.text for segment in segments)
    lengths = [max(len(segment.text), 1) for segment in segments]
    total = sum(lengths)

    def mean(values: Sequence[float]) -> float:
        return sum(value * length for value, length in zip(values, lengths, strict=True)) / total

    return WindowText(
        words=tuple(_words(segments, answer.words, seconds)) if text.strip() else (),
        mean_log_probability=mean([segment.avg_logprob for segment in segments]),
        no_speech_probability=mean([segment.no_speech_prob for segment in segments]),
        compression_ratio=max(segment.compression_ratio for segment in segments),
    )


def _words(segments: Sequence[_Segment], timed: Sequence[_HeardWord], seconds: float) -> Iterator[Word]:
    """The words with their seconds; a server that tells none gets them spread evenly over the segment."""
    left = list(timed)
    for segment in segments:
        probability = math.exp(min(segment.avg_logprob, 0.0))
        own = [word for word in left if (word.start + word.end) / 2 < segment.end or segment is segments[-1]]
        left = left[len(own) :]
        for text, start, end in _parts(segment, own):
            yield Word(
                text=text, start=min(max(start, 0.0), seconds), end=min(max(end, 0.0), seconds), probability=probability
            )


def _parts(segment: _Segment, timed: Sequence[_HeardWord]) -> Iterator[tuple[str, float, float]]:
    """The segment's text cut where its timed words begin, so that signs and spaces stay with the word before."""
    begins, position = [], 0
    for word in timed:
        found = segment.text.find(word.word.strip(), position)
        if found < 0:
            break
        begins.append(found)
        position = found + len(word.word.strip())
    if len(begins) == len(timed) and begins:
        edges = [0, *begins[1:], len(segment.text)]
        for word, start, end in zip(timed, edges, edges[1:], strict=False):
            yield segment.text[start:end], word.start, word.end
        return
    each = (segment.end - segment.start) / max(len(segment.text), 1)
    for place, character in enumerate(segment.text):
        yield character, segment.start + place * each, segment.start + (place + 1) * each
