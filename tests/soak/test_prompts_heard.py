"""Every shipped prompt that says a number, over A-law and over µ-law, to Whisper: no number is garbled."""

import pytest

from tests.support.prompt_numbers import CODINGS, PROMPTS, heard_over, numbers_of, prompts_with_numbers
from transcription.faster_whisper_engine import FasterWhisper
from transcription.weights import find_weights


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_no_number_of_any_prompt_is_garbled_on_any_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = FasterWhisper(find_weights(None, tmp_path_factory.mktemp("state")))
    prompts = list(prompts_with_numbers())
    garbled = []
    for coding in CODINGS:
        for prompt in prompts:
            heard = heard_over(coding, PROMPTS / prompt.file, engine, prompt.language)
            if numbers_of(heard, prompt.language) != numbers_of(prompt.text, prompt.language):
                garbled.append(f"{coding} {prompt.language}/{prompt.key}: {heard}")
    print(f"soak: {len(prompts) * len(CODINGS) - len(garbled)} of {len(prompts) * len(CODINGS)} prompts heard right")
    assert garbled == []
