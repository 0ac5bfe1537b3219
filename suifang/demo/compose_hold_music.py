"""Composes the music a patient hears on hold: `python -m suifang.demo.compose_hold_music`.

A slow melody of soft tones over held chords, made here and free of anybody's rights. It ends as it begins, so that it
can be repeated; its level is that of a quiet voice, and nothing in it lies above what a telephone carries.
"""

import math
import wave
from array import array
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "content" / "prompts" / "zxx" / "hold_music.wav"
RATE = 8000
BEAT_SECONDS = 0.75
PEAK = 0.18 * 32767

# Semitones above A3 (220 Hz), in the pentatonic scale of A major; None is a rest.
MELODY = (12, None, 14, 16, 19, None, 16, 14, 12, None, 9, 7, 9, None, 12, None)
CHORDS = ((0, 4, 7), (-3, 0, 4), (5, 9, 12), (7, 11, 14))


def samples() -> "array[int]":
    """The whole melody."""
    length = int(len(MELODY) * BEAT_SECONDS * RATE)
    sound = [0.0] * length
    for place, semitone in enumerate(MELODY):
        if semitone is not None:
            _tone(sound, place * BEAT_SECONDS, 1.8 * BEAT_SECONDS, semitone, 1.0)
    beats = len(MELODY) // len(CHORDS)
    for place, chord in enumerate(CHORDS):
        for semitone in chord:
            _tone(sound, place * beats * BEAT_SECONDS, beats * BEAT_SECONDS, semitone, 0.28)
    loudest = max(abs(value) for value in sound)
    return array("h", (round(value / loudest * PEAK) for value in sound))


def _tone(sound: list[float], start: float, seconds: float, semitone: int, level: float) -> None:
    """One soft tone with an octave above it; what rings past the end rings on at the begin."""
    frequency = 220.0 * 2 ** (semitone / 12)
    for n in range(int(seconds * RATE)):
        at = n / RATE
        envelope = min(at / 0.04, 1.0) * math.exp(-1.6 * at) * min((seconds - at) / 0.05, 1.0)
        wave_at = math.sin(2 * math.pi * frequency * at) + 0.25 * math.sin(4 * math.pi * frequency * at)
        sound[(int(start * RATE) + n) % len(sound)] += level * envelope * wave_at


def main() -> None:
    """Write the file."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(FILE), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples().tobytes())


if __name__ == "__main__":
    main()
