"""The shelf of prompts, and sound brought to what a phone line carries."""

from pathlib import Path

import numpy as np
import pytest

from telephony.voices.prompts import PromptError, load_prompts
from telephony.voices.sound import PHONE_RATE, at_speech_level, phone_band, write_wav

LIST = """
source: nobody
license: CC0-1.0
prompts:
  - {key: greeting, language: zh, text: 您好。, voice: "kokoro:zf_xiaobei", version: 1, status: draft}
"""


def shelf_folder(tmp_path: Path, text: str = LIST) -> Path:
    (tmp_path / "prompts.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_prompt_is_given_by_key_and_language(tmp_path: Path) -> None:
    shelf = load_prompts(shelf_folder(tmp_path))
    write_wav(tmp_path / "zh" / "greeting.wav", np.zeros(80, dtype=np.int16))
    assert shelf.prompt("greeting", "zh") == tmp_path / "zh" / "greeting.wav"
    assert shelf.prompts[0].license == "CC0-1.0"


def test_a_prompt_that_is_not_listed_or_has_no_file_is_named(tmp_path: Path) -> None:
    shelf = load_prompts(shelf_folder(tmp_path))
    with pytest.raises(KeyError, match="'farewell' in 'zh'"):
        shelf.prompt("farewell", "zh")
    with pytest.raises(KeyError, match="render or record"):
        shelf.prompt("greeting", "zh")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("status: draft", "status: shiny"), "status"),
        (("source: nobody", ""), "source"),
        (("key: greeting", "key: ../greeting"), "key"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_in_words(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        load_prompts(shelf_folder(tmp_path, LIST.replace(*change)))


def test_two_entries_for_one_prompt_are_refused(tmp_path: Path) -> None:
    doubled = LIST + LIST.splitlines()[-1] + "\n"
    with pytest.raises(PromptError, match=r"zh/greeting\.wav"):
        load_prompts(shelf_folder(tmp_path, doubled))


def test_what_lies_above_the_phone_band_is_taken_out_instead_of_folding_back() -> None:
    rate = 3 * PHONE_RATE
    at = np.arange(rate) / rate
    kept = np.sin(2 * np.pi * 1000 * at)
    both = phone_band((kept + np.sin(2 * np.pi * 5000 * at)).astype(np.float32), rate)
    spectrum = np.abs(np.fft.rfft(both))
    hertz = np.fft.rfftfreq(len(both), 1 / PHONE_RATE)
    folded = spectrum[(hertz > 2900) & (hertz < 3100)].max()  # 5 kHz comes back at 3 kHz when sampled 8,000 times
    assert folded < spectrum[(hertz > 900) & (hertz < 1100)].max() / 100


def test_quiet_and_loud_speech_come_out_equally_loud_and_unclipped() -> None:
    noise = np.random.default_rng(7).normal(size=PHONE_RATE).astype(np.float32)
    levels = [float(np.sqrt(np.mean(at_speech_level(noise * gain).astype(float) ** 2))) for gain in (0.001, 3.0)]
    assert levels[0] == pytest.approx(levels[1], rel=0.02)
    assert np.abs(at_speech_level(noise * 3)).max() < 32767
    assert not at_speech_level(np.zeros(800, dtype=np.float32)).any()
