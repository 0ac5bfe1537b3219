"""How long the recorded prompts are, read from their files' heads."""

import wave
from pathlib import Path


def prompt_lengths(folder: Path) -> dict[str, float]:
    """Seconds of each prompt in a language's folder, by its key."""
    lengths: dict[str, float] = {}
    for path in sorted(folder.glob("*.wav")):
        with wave.open(str(path), "rb") as sound:
            lengths[path.stem] = sound.getnframes() / sound.getframerate()
    return lengths
