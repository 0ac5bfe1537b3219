"""Several models in one process: named in the settings, given to queues, held within the memory that is set."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runtime.content.library import Content
from runtime.mode_rules import refusals
from runtime.settings import REPOSITORY, Settings, SpeechEngine
from transcription.engine_choice import Transcribers, child_megabytes
from transcription.weights import find_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = find_weights(None, tmp_path_factory.mktemp("state")).path
    assert path is not None
    return path


def _settings(folder: Path, **changes: Any) -> Settings:
    return Settings.model_validate({"state_dir": folder, **changes})


def test_a_queue_gets_its_model_and_everybody_else_the_usual_one(base: Path, tmp_path: Path) -> None:
    settings = _settings(
        tmp_path, speech_model=str(base), speech_models="gpu=endpoint:whisper-large-v3",
        speech_url="http://127.0.0.1:9/v1",
    )  # fmt: skip
    transcribers = Transcribers(settings)
    assert transcribers("gpu").description.model == "whisper-large-v3"
    usual = transcribers()
    assert usual.description.engine == "faster-whisper"
    assert transcribers("taken out of the settings") is usual
    assert transcribers() is usual
    assert transcribers.loaded == ("gpu", "own")


def test_a_model_is_let_go_when_another_needs_its_room(base: Path, tmp_path: Path) -> None:
    models = [tmp_path / name for name in ("one", "two")]
    for model in models:
        model.symlink_to(base)
    settings = _settings(
        tmp_path, speech_model=str(base), speech_memory_mb=300,  # two of 145
        speech_models=",".join(f"{model.name}=faster-whisper:{model}" for model in models),
    )  # fmt: skip
    transcribers = Transcribers(settings)
    for name in (None, "one", None, "two"):
        transcribers(name)
    assert transcribers.loaded == ("own", "two")


def test_a_process_is_replaced_at_a_size_that_goes_with_its_models(base: Path, tmp_path: Path) -> None:
    one = child_megabytes(_settings(tmp_path, speech_model=str(base)))
    assert 600 < one < 900
    both = _settings(tmp_path, speech_model=str(base), speech_models=f"second=faster-whisper:{base}")
    assert child_megabytes(both) > one
    assert child_megabytes(_settings(tmp_path, speech_engine="endpoint", speech_url="http://127.0.0.1:9/v1")) < one


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speech_models": "small"}, "is not name=engine:model"),
        ({"speech_models": "a=whisper9:x"}, "is not name=engine:model"),
        ({"speech_engine": "endpoint"}, "SUIFANG_SPEECH_URL"),
        ({"speech_models": "gpu=endpoint:large"}, "SUIFANG_SPEECH_URL"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_words(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        _settings(tmp_path, **changes)


def test_a_speech_server_abroad_is_refused_like_any_other_foreign_service(tmp_path: Path) -> None:
    profile = Content(REPOSITORY / "content").jurisdictions["cn"]
    abroad = {
        "speech_engine": "endpoint", "speech_url": "https://api.speech.example/v1", "mode": "trial",
        "trial_allow_list": "+8613800138000",
    }  # fmt: skip
    (only,) = refusals(_settings(tmp_path, **abroad), profile=profile)
    assert "SUIFANG_SPEECH_URL, host api.speech.example" in only
    assert refusals(_settings(tmp_path, **abroad, transfer_assessment_id="PIA-1"), profile=profile) == []
    at_home = {**abroad, "speech_url": "http://10.1.2.3:8000/v1"}
    assert refusals(_settings(tmp_path, **at_home), profile=profile) == []


def test_captions_never_take_a_servers_model_for_a_folder(tmp_path: Path) -> None:
    settings = _settings(
        tmp_path, speech_engine=SpeechEngine.ENDPOINT, speech_model="large", speech_url="http://127.0.0.1:9/v1"
    )
    assert settings.local_speech_model is None
