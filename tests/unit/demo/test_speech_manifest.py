"""The speech that is shipped: every file is listed, licensed, in phone format and not larger than it has to be."""

import csv
import wave
from pathlib import Path

import pytest

from suifang.demo.headset import LANGUAGES, SCRIPT
from suifang.demo.speech_manifest import MANIFEST_NAME, SPEECH, SpeechManifestError, load_utterances
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import load_sentences

REPOSITORY = Path(__file__).parents[3]
TEST_SPEECH = REPOSITORY / "tests" / "support" / "speech"
PROMPTS = REPOSITORY / "content" / "prompts"
FREE = ("public domain", "CC0", "CC-BY-4.0", "MIT")
LIMIT_BYTES = 25_000_000


def is_phone_format(path: Path) -> bool:
    with wave.open(str(path), "rb") as sound:
        return (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)


def test_every_file_of_the_demo_is_listed_and_every_listed_file_is_there() -> None:
    assert {utterance.file for utterance in load_utterances()} == {path.name for path in SPEECH.glob("*.wav")}


def test_every_file_that_is_played_is_mono_16_bit_8_khz() -> None:
    files = [*SPEECH.glob("*.wav"), *PROMPTS.rglob("*.wav")]
    assert [path for path in files if not is_phone_format(path)] == []


def test_every_recording_has_a_free_licence() -> None:
    with (TEST_SPEECH / MANIFEST_NAME).open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    licences = {row["file"]: row["license"] for row in rows} | {u.file: u.license for u in load_utterances()}
    assert [file for file, licence in licences.items() if not any(free in licence for free in FREE)] == []
    assert [file for file, licence in licences.items() if "BY-SA" in licence or "AISHELL" in licence] == []


def test_the_test_speech_is_there_in_all_three_conditions() -> None:
    with (TEST_SPEECH / MANIFEST_NAME).open(encoding="utf-8") as stream:
        listed = {row["file"] for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}
    for condition in ("clean", "ulaw", "noisy"):
        assert {path.name for path in (TEST_SPEECH / condition).iterdir()} == listed


def test_the_agents_scripts_are_there_in_every_language() -> None:
    files = {utterance.file for utterance in load_utterances()}
    assert {f"{language}_agent_{part}.wav" for language in LANGUAGES for part in SCRIPT} <= files


def test_every_prompt_has_its_file_and_both_languages_have_the_same_prompts() -> None:
    shelf = load_prompts(PROMPTS)
    keys = {language: {p.key for p in shelf.prompts if p.language == language} for language in ("zh", "en")}
    assert keys["zh"] == keys["en"]
    assert all(shelf.prompt(prompt.key, prompt.language).is_file() for prompt in shelf.prompts)
    listed = {shelf.folder / prompt.file for prompt in shelf.prompts}
    pieces = load_sentences(shelf)
    listed |= {
        pieces.piece_file(key, pieces_of_one.language)
        for pieces_of_one in pieces.piece_sets
        for key in pieces_of_one.texts
    }
    assert set(PROMPTS.rglob("*.wav")) == listed


def test_all_sound_together_stays_small() -> None:
    files = [path for folder in (SPEECH, PROMPTS, TEST_SPEECH) for path in folder.rglob("*.wav")]
    assert sum(path.stat().st_size for path in files) < LIMIT_BYTES


def test_a_manifest_with_a_missing_column_is_refused(tmp_path: Path) -> None:
    head = (SPEECH / MANIFEST_NAME).read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / MANIFEST_NAME).write_text(f"{head}\na.wav\tpatient\tzh\n", encoding="utf-8")
    with pytest.raises(SpeechManifestError, match="line 2"):
        load_utterances(tmp_path)
