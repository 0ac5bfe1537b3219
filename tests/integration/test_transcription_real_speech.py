"""Real speech through the real model: both engines, both languages, and nothing made up."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from followup.recordings import Channel
from tests.support.spoken_calls import RATE, SpokenCall, spoken_call
from transcription.audio import CallAudio, call_audio_from
from transcription.error_rate import error_rate
from transcription.faster_whisper_engine import FasterWhisper
from transcription.languages import AUTO
from transcription.pipeline import TranscribedCall, transcribe_recording
from transcription.transcriber import SAMPLE_RATE, Transcriber
from transcription.weights import Weights, find_weights

AGENT, PATIENT = Channel.AGENT, Channel.PATIENT

ENGLISH = [
    (AGENT, "en_az_weather"),
    (PATIENT, "en_lv_0870"),
    (AGENT, "en_fw_left"),
    (PATIENT, "en_jfk"),
    (AGENT, "en_lv_0880"),
    (PATIENT, "en_lv_0890"),
    (PATIENT, "en_libri_2412-0000"),
]
CHINESE = [
    (AGENT, "zh_az_09"),
    (PATIENT, "zh_az_01"),
    (AGENT, "zh_funasr_asr_example"),
    (PATIENT, "zh_az_02"),
    (PATIENT, "zh_az_03"),
    (AGENT, "zh_az_05"),
    (PATIENT, "zh_az_08"),
]
SHORT = [(AGENT, "en_lv_0880"), (PATIENT, "en_lv_0890")]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return find_weights(None, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def engine(weights: Weights) -> FasterWhisper:
    return FasterWhisper(weights)


@pytest.fixture(scope="module")
def other_engine(weights: Weights) -> Transcriber:
    missing = [package for package in ("torch", "whisper") if find_spec(package) is None]
    if missing:
        pytest.skip(f"the extra openai-whisper is not installed: no {' and no '.join(missing)}")
    from transcription.openai_whisper_engine import OpenAIWhisper

    return OpenAIWhisper(weights)


def _transcribed(call: SpokenCall, engine: Transcriber, language: str | None = None) -> TranscribedCall:
    return transcribe_recording(call_audio_from(call.stereo, RATE), engine, language or call.language)


def _errors(call: SpokenCall, found: TranscribedCall, channel: Channel) -> float:
    heard = " ".join(turn.text for turn in found.turns if turn.channel is channel)
    return error_rate(call.text_of(channel), heard, call.language)


def _assert_nothing_made_up(call: SpokenCall, found: TranscribedCall) -> None:
    """Every turn lies where its own side speaks: not in the hold, the pauses or the other side's crosstalk."""
    for turn in found.turns:
        own = [said for said in call.said if said.channel is turn.channel]
        assert any(said.start - 0.3 <= turn.start and turn.end <= said.end + 0.3 for said in own), turn


def _assert_every_utterance_is_heard(call: SpokenCall, found: TranscribedCall) -> None:
    for said in call.said:
        assert any(
            turn.channel is said.channel and turn.start < said.end and turn.end > said.start for turn in found.turns
        ), said


def test_an_english_call_with_crosstalk_pauses_and_a_hold(engine: FasterWhisper) -> None:
    call = spoken_call(ENGLISH, pauses=[1.2, 1.6], hold_after=3, hold_seconds=40)
    found = _transcribed(call, engine, AUTO)
    assert found.language == "en"
    assert _errors(call, found, AGENT) <= 0.10
    assert _errors(call, found, PATIENT) <= 0.10
    _assert_nothing_made_up(call, found)
    _assert_every_utterance_is_heard(call, found)
    assert all(turn.confidence > 0.5 for turn in found.turns)


def test_a_chinese_call_with_crosstalk_pauses_and_a_hold(engine: FasterWhisper) -> None:
    call = spoken_call(CHINESE, pauses=[1.2, 1.6], hold_after=3, hold_seconds=40)
    found = _transcribed(call, engine, AUTO)
    assert found.language == "zh"
    assert _errors(call, found, AGENT) <= 0.20
    assert _errors(call, found, PATIENT) <= 0.30  # the base model on a narrow line
    _assert_nothing_made_up(call, found)
    _assert_every_utterance_is_heard(call, found)


def test_a_noisy_line_with_lost_packets(engine: FasterWhisper) -> None:
    call = spoken_call(ENGLISH, pauses=[1.2], line="noisy")
    found = _transcribed(call, engine)
    assert _errors(call, found, PATIENT) <= 0.15
    _assert_nothing_made_up(call, found)
    _assert_every_utterance_is_heard(call, found)


def test_the_other_engine_hears_the_same_with_the_same_weights(
    engine: FasterWhisper, other_engine: Transcriber
) -> None:
    call = spoken_call(SHORT, pauses=[1.2])
    one, two = _transcribed(call, engine), _transcribed(call, other_engine)
    assert two.made_by.engine == "openai-whisper"
    for channel in Channel:
        assert _errors(call, two, channel) <= _errors(call, one, channel) + 0.1
        assert _errors(call, two, channel) <= 0.2
    assert [(turn.channel, turn.start, turn.end) for turn in one.turns] == [
        (turn.channel, turn.start, turn.end) for turn in two.turns
    ]
    _assert_nothing_made_up(call, two)


_TIME = np.arange(25 * SAMPLE_RATE) / SAMPLE_RATE
_RINGBACK = (0.2 * np.sin(2 * np.pi * 450 * _TIME) * (_TIME % 5 < 1)).astype(np.float32)
_NOISE = np.random.default_rng(7).normal(0, 10 ** (-60 / 20), _TIME.size).astype(np.float32)
_LOUD_NOISE = np.random.default_rng(8).normal(0, 10 ** (-35 / 20), _TIME.size).astype(np.float32)


def _music(seed: int) -> np.ndarray:
    """Chords as a hold plays them: notes with overtones that swell and fade."""
    notes, sound, at = np.random.default_rng(seed), np.zeros_like(_TIME), 0
    while at < sound.size:
        length = min(round(notes.choice([0.25, 0.5, 0.75]) * SAMPLE_RATE), sound.size - at)
        time, pitch = np.arange(length) / SAMPLE_RATE, 220 * 2 ** (notes.integers(0, 24) / 12)
        for interval in (1, 1.26, 1.5):
            for overtone in range(1, 6):
                wave = np.sin(2 * np.pi * pitch * interval * overtone * time)
                sound[at : at + length] += np.exp(-3 * time) * np.minimum(100 * time, 1) * wave / overtone
        at += length
    music: np.ndarray = (0.15 * sound / np.max(np.abs(sound))).astype(np.float32)
    return music


@pytest.mark.parametrize(
    ("agent", "patient"),
    [
        pytest.param(np.zeros_like(_NOISE), np.zeros_like(_NOISE), id="digital silence"),
        pytest.param(_NOISE, _NOISE[::-1], id="noise at -60 dB"),
        pytest.param(_NOISE, _RINGBACK, id="ringback"),
        pytest.param(_LOUD_NOISE, _NOISE, id="a noisy headset"),
        pytest.param(_music(3), _music(4), id="hold music on both sides"),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_where_nobody_speaks_nothing_is_written(
    engine: FasterWhisper, agent: np.ndarray, patient: np.ndarray, language: str
) -> None:
    found = transcribe_recording(CallAudio(agent=agent, patient=patient), engine, language)
    assert found.turns == ()


def test_a_side_that_only_hears_crosstalk_says_nothing(engine: FasterWhisper) -> None:
    call = spoken_call([(AGENT, "en_fw_left"), (AGENT, "en_lv_0890")], crosstalk_db=-30)
    found = _transcribed(call, engine)
    assert {turn.channel for turn in found.turns} == {AGENT}


def test_what_the_engine_says_over_plain_noise_is_not_believed(engine: FasterWhisper) -> None:
    """Past the voice detector too: the model itself is given noise as if somebody spoke there."""
    from transcription.plausibility import LAST_HEARING, doubt_about_turn, doubt_about_window

    windows = [_LOUD_NOISE[: 20 * SAMPLE_RATE], _RINGBACK[: 20 * SAMPLE_RATE]]
    for language in ("zh", "en"):
        for text in engine.transcribe(windows, language):
            confidence = float(np.mean([word.probability for word in text.words])) if text.words else 0.0
            assert doubt_about_window(text, LAST_HEARING) or doubt_about_turn(
                text.text, seconds=20.0, confidence=confidence, language=language
            ), text.text


@pytest.fixture
def without_torch() -> Callable[[str], subprocess.CompletedProcess[str]]:
    def run(code: str) -> subprocess.CompletedProcess[str]:
        blocked = f"import sys; sys.modules['torch'] = None\n{code}"
        return subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False, timeout=60)

    return run


def test_without_its_extra_the_other_engine_says_what_to_install(
    without_torch: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    finished = without_torch("import transcription.openai_whisper_engine")
    assert finished.returncode != 0
    assert "pip install 'suifang[openai-whisper]'" in finished.stderr
    assert "SUIFANG_SPEECH_ENGINE=faster-whisper" in finished.stderr


def test_the_checkpoint_holds_the_same_numbers(weights: Weights, tmp_path: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("the extra openai-whisper is not installed: no torch")
    from transcription.checkpoint import dimensions, read_arrays, state

    assert weights.path is not None
    arrays = read_arrays(weights.path / "model.bin")
    renamed = state(arrays)
    config = json.loads((weights.path / "config.json").read_text())
    sizes = dimensions(arrays)
    assert (sizes["n_vocab"], sizes["n_audio_layer"], sizes["n_text_head"]) == (51865, 6, 8)
    assert all(layer < sizes["n_text_layer"] for layer, _ in config["alignment_heads"])
    assert len(renamed) == 245
    query, key, value = (renamed[f"decoder.blocks.3.attn.{part}.weight"].numpy() for part in ("query", "key", "value"))
    fused = arrays["decoder/layer_3/self_attention/linear_0/weight"]
    assert np.array_equal(np.concatenate([query, key, value]), fused)
