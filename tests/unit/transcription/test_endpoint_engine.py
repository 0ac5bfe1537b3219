"""A speech server with OpenAI's audio/transcriptions: what it is sent, what becomes of its answers and its faults."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.speech_server import SpeechServer, speech_server
from transcription.endpoint_engine import SpeechEndpoint, SpeechEndpointError
from transcription.transcriber import SAMPLE_RATE, Samples, SpeechAwayError

WINDOW: Samples = np.full(4 * SAMPLE_RATE, 0.1, np.float32)
SEGMENT = {
    "id": 0, "seek": 0, "start": 0.0, "end": 3.6, "text": " No pain, thank you.", "tokens": [1], "temperature": 0.0,
    "avg_logprob": -0.25, "compression_ratio": 1.1, "no_speech_prob": 0.02,
}  # fmt: skip
ANSWER = {
    "task": "transcribe", "language": "english", "duration": 4.0, "text": "No pain, thank you.", "segments": [SEGMENT],
    "words": [
        {"word": "No", "start": 0.1, "end": 0.4}, {"word": "pain", "start": 0.5, "end": 0.9},
        {"word": "thank", "start": 2.0, "end": 2.4}, {"word": "you", "start": 2.5, "end": 2.7},
    ],
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with speech_server() as served:
        served.answer = dict(ANSWER)
        yield served


def _engine(server: SpeechServer, **changes: object) -> SpeechEndpoint:
    return SpeechEndpoint(**{"url": server.url, "model": "whisper-large-v3", "key": "secret", **changes})  # type: ignore[arg-type]


def test_each_window_is_sent_as_sound_with_the_language_and_nothing_else(server: SpeechServer) -> None:
    texts = _engine(server).transcribe([WINDOW, WINDOW[: 2 * SAMPLE_RATE]], "en")
    assert len(texts) == 2
    assert server.heard_seconds == [4.0, 2.0]
    assert server.keys == ["Bearer secret"] * 2
    assert server.asked[0] == {
        "model": ["whisper-large-v3"], "response_format": ["verbose_json"], "temperature": ["0"], "language": ["en"],
        "timestamp_granularities[]": ["segment", "word"],
    }  # fmt: skip


def test_words_keep_their_seconds_and_the_signs_behind_them(server: SpeechServer) -> None:
    (text,) = _engine(server).transcribe([WINDOW], "en")
    assert [(word.text, word.start, word.end) for word in text.words] == [
        (" No ", 0.1, 0.4), ("pain, ", 0.5, 0.9), ("thank ", 2.0, 2.4), ("you.", 2.5, 2.7),
    ]  # fmt: skip
    assert text.text == "No pain, thank you."
    assert (text.mean_log_probability, text.no_speech_probability) == pytest.approx((-0.25, 0.02))
    assert all(word.probability == pytest.approx(0.7788, abs=1e-4) for word in text.words)


def test_a_server_that_tells_no_words_gets_its_characters_spread_over_the_segment(server: SpeechServer) -> None:
    server.answer = {"text": "胸口不痛", "segments": [{**SEGMENT, "text": "胸口不痛", "start": 1.0, "end": 3.0}]}
    (text,) = _engine(server).transcribe([WINDOW], "zh")
    assert [(word.text, word.start) for word in text.words] == [("胸", 1.0), ("口", 1.5), ("不", 2.0), ("痛", 2.5)]


def test_nothing_heard_is_no_word(server: SpeechServer) -> None:
    server.answer = {"text": "", "segments": []}
    (text,) = _engine(server).transcribe([WINDOW], "zh")
    assert text.words == ()


def test_the_language_is_the_one_the_server_names(server: SpeechServer) -> None:
    server.answer["language"] = "chinese"
    assert _engine(server).language_of([WINDOW], ("en", "zh")) == "zh"
    server.answer["language"] = "welsh"
    assert _engine(server).language_of([WINDOW], ("zh", "en")) == "zh"
    assert "language" not in server.asked[0]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(401, b"{}", "answered 401"), (503, b"busy", "answered 503"), (200, b"{]", "no verbose_json"),
     (200, b'{"text": 7}', "no verbose_json"), (200, b" " * (5 * 1024 * 1024), "longer than any transcript"),
     (200, b'{"text": "yes", "segments": [{"start": 0, "end": 1, "text": "yes", "avg_logprob": NaN}]}', "no verbose")],
)  # fmt: skip
def test_a_refusal_or_a_strange_answer_is_a_sentence(
    server: SpeechServer, status: int, body: bytes, words: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(SpeechEndpointError, match=words):
        _engine(server).transcribe([WINDOW], "zh")


def test_a_server_that_is_too_slow_or_away_is_a_sentence(server: SpeechServer) -> None:
    server.released.clear()
    with pytest.raises(SpeechEndpointError, match=r"took longer than 0\.2 s"):
        _engine(server, seconds=0.2).transcribe([WINDOW], "zh")
    with pytest.raises(SpeechEndpointError, match="cannot be reached"):
        _engine(server, url="http://127.0.0.1:9/v1").transcribe([WINDOW], "zh")


def test_a_server_that_answers_byte_by_byte_is_given_up(server: SpeechServer) -> None:
    server.drips = True
    with pytest.raises(SpeechEndpointError, match=r"took longer than 0\.3 s"):
        _engine(server, seconds=0.3).transcribe([WINDOW], "zh")


@pytest.mark.parametrize(("status", "passes"), [(503, True), (429, True), (401, False), (404, False)])
def test_an_overloaded_server_is_away_and_a_wrong_key_is_not(server: SpeechServer, status: int, passes: bool) -> None:
    server.status = status
    with pytest.raises(SpeechEndpointError) as raised:
        _engine(server).transcribe([WINDOW], "zh")
    assert isinstance(raised.value, SpeechAwayError) is passes
    with pytest.raises(SpeechAwayError):
        _engine(server, url="http://127.0.0.1:9/v1").transcribe([WINDOW], "zh")


def test_a_transcript_tells_the_model_and_the_host_but_never_the_key(server: SpeechServer) -> None:
    made_by = _engine(server).description
    assert (made_by.engine, made_by.model, made_by.parameters["host"]) == ("endpoint", "whisper-large-v3", "127.0.0.1")
    assert "secret" not in str(made_by)
