"""A short summary of a call by a language model that a hospital runs or rents: what it is asked, what of it is kept.

Its word is never taken: a sentence without a turn that was really said, or with a figure that no such turn holds, goes.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from followup.recordings import Channel, Turn
from transcription.content_file import read_content

_LARGEST_ANSWER = 256 * 1024
_SPEAKERS = {
    "zh": {Channel.AGENT: "医护", Channel.PATIENT: "患者"},
    "en": {Channel.AGENT: "agent", Channel.PATIENT: "patient"},
}
_FIGURE = re.compile(r"\d+(?:\.\d+)?")


class SummaryFailedError(Exception):
    """There is no summary; the text says why, without anything that was said in the call."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SummaryInstructions(_Strict):
    """What the model is asked (content/note_summary.yaml)."""

    id: Literal["note_summary"]
    version: int = Field(ge=1)
    status: Literal["draft", "active"]
    source: str = Field(min_length=3)
    most_sentences: int = Field(ge=1, le=40)
    longest_sentence: int = Field(ge=20, le=1000)
    instructions: dict[Literal["zh", "en"], str]


class _Sentence(BaseModel):
    text: Annotated[str, Field(min_length=1)]
    turns: list[int]


class _Summary(BaseModel):
    sentences: list[_Sentence]


_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["sentences"],
    "properties": {
        "sentences": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["text", "turns"],
                "properties": {"text": {"type": "string"}, "turns": {"type": "array", "items": {"type": "integer"}}},
            },
        }
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarySentence:
    """One sentence and the turns it rests on."""

    text: str
    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """An endpoint that speaks the chat completions of OpenAI's API: vLLM, Ollama, llama.cpp and others do."""

    url: str  # up to and with /v1
    model: str
    key: str
    seconds: float  # for everything; what takes longer is given up

    def complete(self, request: Mapping[str, object]) -> str:
        """The model's answer to one request, asked once; SummaryFailedError says why there is none."""
        gives_up_at = time.monotonic() + self.seconds
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        body = bytearray()
        try:
            with (
                httpx.Client(timeout=self.seconds, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", f"{self.url.rstrip('/')}/chat/completions", json=request, headers=headers) as got,
            ):
                if got.status_code != httpx.codes.OK:
                    raise SummaryFailedError(
                        f"the language model answered {got.status_code}: check SUIFANG_NOTE_MODEL_URL, model and key"
                    )
                for piece in got.iter_bytes():
                    body += piece
                    if time.monotonic() > gives_up_at:
                        raise SummaryFailedError(f"the language model took longer than {self.seconds:g} s")
                    if len(body) > _LARGEST_ANSWER:
                        raise SummaryFailedError("the language model's answer is longer than any summary")
        except httpx.TimeoutException as error:
            raise SummaryFailedError(f"the language model took longer than {self.seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SummaryFailedError(f"the language model cannot be reached: {type(error).__name__}") from error
        return _content_of(bytes(body))


def _content_of(body: bytes) -> str:
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SummaryFailedError("the language model's answer is no chat completion") from error
    if not isinstance(content, str):
        raise SummaryFailedError("the language model's answer holds no text")
    return content


def load_summary_instructions(path: Path) -> SummaryInstructions:
    """What the model is asked, from its YAML file; ContentError says what is wrong in it."""
    return read_content(path, SummaryInstructions)


def summarize(
    turns: Sequence[Turn], language: str, model: LanguageModel, asked: SummaryInstructions, *, at_least: float
) -> list[SummarySentence]:
    """The sentences that may be proposed; SummaryFailedError says why there is none.

    The turns are given as they are: whoever calls has taken out names and numbers. What the engine was less sure of
    than `at_least` is not told to the model.
    """
    told = {number: turn for number, turn in enumerate(turns) if turn.confidence >= at_least and turn.text.strip()}
    if not told:
        raise SummaryFailedError("nothing was clearly heard that could be summed up")
    return grounded(model.complete(request_of(told, language, model.model, asked)), told, asked)


def request_of(turns: Mapping[int, Turn], language: str, model: str, asked: SummaryInstructions) -> dict[str, object]:
    """The request to the endpoint."""
    spoken: Literal["zh", "en"] = "zh" if language == "zh" else "en"
    lines = [f"[{number}] {_SPEAKERS[spoken][turn.channel]}: {turn.as_written}" for number, turn in turns.items()]
    return {
        "model": model,
        "temperature": 0,
        "messages": [
            {"role": "system", "content": asked.instructions[spoken]},
            {"role": "user", "content": "\n".join(lines)},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "note_summary", "strict": True, "schema": _SCHEMA},
        },
    }


def grounded(answer: str, turns: Mapping[int, Turn], asked: SummaryInstructions) -> list[SummarySentence]:
    """Of a model's answer the sentences that name turns which were said and hold no figure of their own."""
    try:
        summary = _Summary.model_validate_json(answer)
    except ValidationError as error:
        raise SummaryFailedError("the language model's answer has not the shape that was asked for") from error
    kept: list[SummarySentence] = []
    for sentence in summary.sentences:
        text = " ".join(sentence.text.split())
        cited = tuple(sorted(set(sentence.turns)))
        if not text or not cited or not set(cited) <= set(turns) or len(text) > asked.longest_sentence:
            continue
        said = {figure for number in cited for figure in _figures(turns[number])}
        if set(_FIGURE.findall(text)) <= said and text not in {each.text for each in kept}:
            kept.append(SummarySentence(text=text, turns=cited))
    if not kept:
        raise SummaryFailedError("no sentence of the language model named the turns it rests on, or held to them")
    return kept[: asked.most_sentences]


def _figures(turn: Turn) -> list[str]:
    return [*_FIGURE.findall(turn.text), *_FIGURE.findall(turn.as_written)]
