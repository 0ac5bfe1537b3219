"""Finding the speech model: a setting, the packages, or a download by the engine."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from transcription.weights import WeightsError, WeightsSource, describe, find_weights

_FIND = """
import sys
from pathlib import Path
from transcription.weights import find_weights
print(find_weights(None, Path(sys.argv[1])).path)
"""


def test_two_processes_put_the_packaged_parts_together_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _FIND, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    (folder,) = {Path(out.strip()) for out, _ in said}
    with (folder / "model.bin").open("rb") as model:
        assert hashlib.file_digest(model, "sha256").hexdigest().startswith("d01c3014881c9c6f")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]  # nothing half built is left
    assert {path.name for path in folder.iterdir()} == {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}

    weights = find_weights(None, tmp_path)
    assert weights.source is WeightsSource.PACKAGES
    assert "145 MB, sha256 d01c3014" in describe(weights)

    (folder / "model.bin").write_bytes(b"cut off")
    assert find_weights(None, tmp_path).path == folder
    assert (folder / "model.bin").stat().st_size == 145_217_532

    with (folder / "model.bin").open("r+b") as model:
        model.write(b"damaged")
    assert "DAMAGED" in describe(weights)


def test_a_folder_or_file_in_the_settings_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "model.bin").write_bytes(b"weights")
    weights = find_weights(str(tmp_path / "large"), tmp_path)
    assert (weights.source, weights.path, weights.name) == (WeightsSource.SETTING, tmp_path / "large", "large")
    (tmp_path / "small.pt").write_bytes(b"weights")
    assert find_weights(str(tmp_path / "small.pt"), tmp_path).name == "small"


def test_a_path_that_is_not_there_or_holds_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"/no/such/model is not there; mend SUIFANG_SPEECH_MODEL"):
        find_weights("/no/such/model", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"empty holds no model\.bin"):
        find_weights(str(tmp_path / "empty"), tmp_path)


def test_a_name_is_left_to_the_engines_own_download(tmp_path: Path) -> None:
    weights = find_weights("large-v3-turbo", tmp_path)
    assert (weights.source, weights.path, weights.name) == (WeightsSource.DOWNLOAD, None, "large-v3-turbo")
    assert "not on this machine" in describe(weights)
