"""A language model's summary: what it is asked, and what of its answer is kept."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.language_model import LanguageModelServer, language_model
from tests.support.spoken_turns import a_talk
from transcription.free_summary import (
    LanguageModel,
    SummaryFailedError,
    grounded,
    load_summary_instructions,
    summarize,
)

ASKED = load_summary_instructions(Path(__file__).parents[3] / "content" / "note_summary.yaml")
TURNS = a_talk("A: 血压多少？\nP: 一百四十到九十\nP?: 听不清的话\nA: 请按时吃药")


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageModelServer]:
    with language_model() as told:
        yield told


def _model(server: LanguageModelServer, seconds: float = 5.0) -> LanguageModel:
    return LanguageModel(url=server.url, model="qwen", key="secret", seconds=seconds)


def _answer(*sentences: tuple[str, list[int]]) -> str:
    return json.dumps({"sentences": [{"text": text, "turns": turns} for text, turns in sentences]})


def test_the_model_gets_numbered_turns_that_were_clearly_heard_and_a_schema(server: LanguageModelServer) -> None:
    server.says(("患者血压140/90。", [1]), ("医护嘱按时服药。", [3]))
    found = summarize(TURNS, "zh", _model(server), ASKED, at_least=0.45)
    assert [(each.text, each.turns) for each in found] == [("患者血压140/90。", (1,)), ("医护嘱按时服药。", (3,))]
    request = server.asked[-1]
    assert request["messages"][1]["content"] == "[0] 医护: 血压多少？\n[1] 患者: 140/90\n[3] 医护: 请按时吃药"
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["sentences"]
    assert (request["model"], request["temperature"], server.keys[-1]) == ("qwen", 0, "Bearer secret")


@pytest.mark.parametrize(
    "sentence",
    [
        ("患者情况稳定。", []),
        ("患者情况稳定。", [9]),
        ("患者情况稳定。", [2]),  # of a turn that was not clearly heard
        ("患者血压150/90。", [1]),
        ("患者血压140/90。", [3]),
        ("  ", [1]),
        ("长" * 500, [1]),
    ],
)
def test_a_sentence_that_does_not_rest_on_its_turns_is_dropped(sentence: tuple[str, list[int]]) -> None:
    told = {number: turn for number, turn in enumerate(TURNS) if turn.confidence > 0.45}
    kept = grounded(_answer(sentence, ("患者报了血压。", [1])), told, ASKED)
    assert [each.text for each in kept] == ["患者报了血压。"]
    with pytest.raises(SummaryFailedError, match="named the turns"):
        grounded(_answer(sentence), told, ASKED)


@given(answer=st.text(max_size=80) | st.builds(json.dumps, st.recursive(st.integers() | st.text(max_size=5), st.lists)))
def test_whatever_a_model_writes_it_is_a_summary_or_a_reason(answer: str) -> None:
    with suppress(SummaryFailedError):
        assert grounded(answer, dict(enumerate(TURNS)), ASKED)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, None, "answered 500"),
        (401, None, "answered 401"),
        (200, b"{}", "no chat completion"),
        (200, b"not json", "no chat completion"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "holds no text"),
        (200, b'{"choices": [{"message": {"content": "free text"}}]}', "not the shape"),
        (200, b" " * 300_000, "longer than any summary"),
    ],
)
def test_an_endpoint_that_fails_is_told_in_words(
    server: LanguageModelServer, status: int, body: bytes | None, reason: str
) -> None:
    server.status, server.body = status, body
    try:
        with pytest.raises(SummaryFailedError, match=reason):
            summarize(TURNS, "zh", _model(server), ASKED, at_least=0.45)
    finally:
        server.status, server.body = 200, None


def test_a_model_that_thinks_too_long_is_given_up(server: LanguageModelServer) -> None:
    server.released.clear()
    try:
        with pytest.raises(SummaryFailedError, match=r"longer than 0\.2 s"):
            summarize(TURNS, "zh", _model(server, seconds=0.2), ASKED, at_least=0.45)
    finally:
        server.released.set()


def test_an_endpoint_that_is_not_there_and_a_call_without_a_clear_word_have_a_reason() -> None:
    nowhere = LanguageModel(url="http://127.0.0.1:9/v1", model="m", key="", seconds=1)
    with pytest.raises(SummaryFailedError, match="cannot be reached"):
        summarize(TURNS, "zh", nowhere, ASKED, at_least=0.45)
    with pytest.raises(SummaryFailedError, match="nothing was clearly heard"):
        summarize(a_talk("P?: 喂"), "zh", nowhere, ASKED, at_least=0.45)
