"""A hospital's own samples are read, heard and scored; what is wrong with the folder is told."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from followup.recordings import Channel
from runtime.settings import REPOSITORY, Settings
from suifang.evaluate_command import models_at_hand, run
from tests.unit.transcription.test_pipeline import ScriptedTranscriber, _spread
from transcription.evaluation import Evaluation, HeardSample, SamplesError, evaluate, read_samples

SPEECH = REPOSITORY / "tests" / "support" / "speech" / "clean" / "en_jfk.wav"


def _sound(path: Path, channels: int = 1) -> Path:
    soundfile.write(path, np.zeros((800, channels), dtype=np.float32), 8000)
    return path


def test_a_text_beside_a_sound_is_its_reference_by_side_where_the_lines_say_so(tmp_path: Path) -> None:
    _sound(tmp_path / "one.wav")
    (tmp_path / "one.txt").write_text("血压一百四十\n心率七十", encoding="utf-8")
    _sound(tmp_path / "two.flac", channels=2)
    (tmp_path / "two.txt").write_text("医护：您好\n患者: 挺好的\nAgent: 再见\n", encoding="utf-8")
    _sound(tmp_path / "without.wav")
    one, two = read_samples(tmp_path, "zh")
    assert one.references == {None: "血压一百四十 心率七十"}
    assert two.references == {Channel.AGENT: "您好 再见", Channel.PATIENT: "挺好的"}


def test_a_manifest_names_files_languages_and_references(tmp_path: Path) -> None:
    _sound(tmp_path / "a.wav")
    (tmp_path / "manifest.tsv").write_text("file\tlanguage\treference\na.wav\ten\tgood morning\n", encoding="utf-8")
    (sample,) = read_samples(tmp_path, "zh")
    assert (sample.language, sample.references) == ("en", {None: "good morning"})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "holds no sample"),
        ({"a.txt": "you there"}, "holds no sample"),
        ({"a.wav": "", "a.txt": "\n \n"}, "its reference is empty"),
        ({"a.wav": "", "a.txt": "agent: hello\nhello"}, "use one or the other"),
        ({"manifest.tsv": "file\ttext\n"}, "has no column reference"),
        ({"manifest.tsv": "file\treference\nb.wav\thello\n"}, "names b.wav, which is not in the folder"),
        ({"manifest.tsv": "file\tlanguage\treference\na.wav\tde\thallo\n", "a.wav": ""}, "'de' is not one of"),
    ],
)
def test_what_is_wrong_with_the_folder_is_told(tmp_path: Path, files: dict[str, str], told: str) -> None:
    for name, content in files.items():
        if name.endswith(".wav"):
            _sound(tmp_path / name)
        else:
            (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(SamplesError, match=told):
        read_samples(tmp_path, "zh")


def test_the_command_says_in_a_sentence_that_there_is_no_folder(tmp_path: Path) -> None:
    out, progress = StringIO(), StringIO()
    settings = Settings(state_dir=tmp_path)
    status = run(tmp_path / "no", settings, models=[], as_json=True, language="zh", out=out, progress=progress)
    assert (status, out.getvalue()) == (2, "")
    assert "is no folder" in progress.getvalue()


def test_a_sample_is_scored_with_its_cost(tmp_path: Path) -> None:
    (tmp_path / "jfk.wav").write_bytes(SPEECH.read_bytes())
    (tmp_path / "jfk.txt").write_text("nobody said this", encoding="utf-8")
    told: list[str] = []
    found = evaluate(read_samples(tmp_path, "en"), lambda: ScriptedTranscriber(_spread), told.append)
    (sample,) = found.samples
    assert (sample.of, sample.turns > 0, sample.errors > 0) == (3, True, True)
    assert sample.seconds == pytest.approx(11, abs=0.1)
    assert found.peak_megabytes > 10
    assert told == ["1 of 1 samples heard"]


def test_error_rates_are_by_language_and_long_samples_weigh_more() -> None:
    def heard(language: str, errors: int, of: int) -> HeardSample:
        return HeardSample(
            file="a", language=language, seconds=1, errors=errors, of=of, turns=1, confidence=1, cpu_seconds=1
        )

    samples = (heard("zh", 1, 10), heard("zh", 5, 90), heard("en", 1, 4))
    found = Evaluation(engine="e", model="m", load_cpu_seconds=0, peak_megabytes=1, samples=samples)
    assert found.error_rates() == {"en": 0.25, "zh": 0.06}


def test_every_model_in_the_state_folder_is_at_hand_besides_the_one_that_is_set(tmp_path: Path) -> None:
    for name in ("small", "whisper-base-d01c3014", "large"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.bin").touch()
    packaged = models_at_hand(Settings(state_dir=tmp_path))
    assert packaged == ["", str(tmp_path / "models" / "large"), str(tmp_path / "models" / "small")]
    chosen = models_at_hand(Settings(state_dir=tmp_path, speech_model=packaged[1]))
    assert chosen == [packaged[1], packaged[2]]
    assert json.dumps(chosen)
