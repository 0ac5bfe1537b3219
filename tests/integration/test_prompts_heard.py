"""What prompts say over a telephone line is understood: a sample of them; all of them in tests/soak."""

import pytest

from tests.support.prompt_numbers import PROMPTS, heard_over, numbers_of, prompts_with_numbers
from transcription.faster_whisper_engine import FasterWhisper
from transcription.weights import find_weights

SAMPLE = [("zh", "weight_example", "ALAW"), ("zh", "recording_notice", "ULAW"), ("en", "birthday", "ULAW")]
"""A value with a decimal, a key that sounds like another word, digits one by one."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FasterWhisper:
    return FasterWhisper(find_weights(None, tmp_path_factory.mktemp("state")))


@pytest.mark.parametrize(("language", "key", "coding"), SAMPLE)
def test_a_prompts_numbers_come_back_as_numbers(engine: FasterWhisper, language: str, key: str, coding: str) -> None:
    (prompt,) = [one for one in prompts_with_numbers() if (one.language, one.key) == (language, key)]
    heard = heard_over(coding, PROMPTS / prompt.file, engine, language)
    assert numbers_of(heard, language) == numbers_of(prompt.text, language), heard


@pytest.mark.parametrize(
    ("language", "said", "numbers"),
    [
        ("zh", "确认，请按1。取消，请按吧。", (["1", "8"], [])),
        ("zh", "例如六十三点二公斤，请按632", (["632"], ["63.2"])),
        ("zh", "四月十二号，请按零、四、一、二。", (["0412"], ["4", "12"])),
        ("en", "For sixty-three point two kilograms, press 6 3 2, and then hash.", (["632"], ["63.2"])),
        ("en", "To speak to a person, press zero.", (["0"], [])),
    ],
)
def test_numbers_are_told_apart_from_words(language: str, said: str, numbers: tuple[list[str], list[str]]) -> None:
    assert numbers_of(said, language) == numbers
