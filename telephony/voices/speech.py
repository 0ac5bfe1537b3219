"""What a patient hears: prompts, sentences put together from pieces or said by a live voice, and both slower."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import structlog

from followup.ports import TextVoice, VoiceBusyError
from telephony.voices.sentences import SentenceShelf
from telephony.voices.sound import PHONE_RATE, Samples, write_wav
from telephony.voices.spoken_files import SpokenFiles
from telephony.voices.spoken_values import UnspeakableError

log = structlog.get_logger(__name__)

SLOW_TEMPO = 0.8
"""Of a voice for somebody who needs time: a fifth slower, at the same pitch."""

PIECE_PAUSES: Mapping[str, float] = {"zh": 0.1, "en": 0.0}
"""Seconds between two pieces: Chinese ones run into each other, English numbers fall apart with a pause inside."""

MADE_BY = "pieces 2"  # the number grows when the same pieces would sound different


class Speech:
    """A Voice over the shelf of prompts. What it makes is kept by its hash in a private folder of limited size."""

    def __init__(self, shelf: SentenceShelf, files: SpokenFiles, live: TextVoice | None = None) -> None:
        self._shelf = shelf
        self._files = files
        self._live = live

    def prepare(self) -> None:
        """Make the folder; call once before the first prompt."""
        self._files.prepare()

    def prompt(self, key: str, language: str, values: Mapping[str, str] | None = None, *, slow: bool = False) -> Path:
        """The WAV of a prompt or sentence; KeyError names what is missing."""
        if not self._shelf.knows(key):
            plain = self._shelf.prompts.prompt(key, language)
            return self._slower(plain) if slow else plain
        path = self._sentence(key, language, values or {})
        return self._slower(path) if slow and path.is_file() else path

    def expect(self, keys: tuple[str, ...], language: str, values: Mapping[str, str]) -> None:
        """Let the live voice make these sentences now, while the phone rings: they are there when they are wanted."""
        for key in keys:
            if self._shelf.knows(key):
                self._spoken(key, language, values)

    def _sentence(self, key: str, language: str, values: Mapping[str, str]) -> Path:
        spoken = self._spoken(key, language, values)
        if spoken is not None and spoken.is_file():
            return spoken
        if not self._shelf.may_be_joined(key, language):
            # A day that is heard wrong harms more than one that is not said.
            return self._shelf.prompts.prompt(self._shelf.sentences[key].otherwise, language)
        try:
            return self._composed(self._shelf.made_of(key, language, values), language)
        except (UnspeakableError, KeyError) as missing:
            log.info("sentence_not_said", sentence=key, language=language, reason=str(missing))
            return self._shelf.prompts.prompt(self._shelf.sentences[key].otherwise, language)

    def _spoken(self, key: str, language: str, values: Mapping[str, str]) -> Path | None:
        if self._live is None:
            return None
        with suppress(LookupError, VoiceBusyError, UnspeakableError):
            return self._live.speak(self._shelf.words(key, language, values), language)
        return None

    def _composed(self, pieces: tuple[str, ...], language: str) -> Path:
        sources = [self._shelf.piece_file(piece, language) for piece in pieces]
        made = self._files.place(f"{MADE_BY} {_stamp(sources)}", language, " ".join(pieces))
        if not self._files.touch(made):
            self._keep(made, joined([_samples(source) for source in sources], PIECE_PAUSES[language]))
        return made

    def _slower(self, source: Path) -> Path:
        made = self._files.place(f"slow {SLOW_TEMPO} {_stamp([source])}", "", source.stem)
        if not self._files.touch(made):
            self._keep(made, slower(_samples(source), SLOW_TEMPO))
        return made

    def _keep(self, made: Path, samples: Samples) -> None:
        part = made.with_suffix(".part")
        write_wav(part, samples)
        part.chmod(0o600)
        part.replace(made)
        self._files.tidy()


def joined(pieces: list[Samples], pause_seconds: float) -> Samples:
    """One after the other, with a pause between them."""
    pause = np.zeros(round(pause_seconds * PHONE_RATE), dtype=np.int16)
    return np.concatenate([part for piece in pieces for part in (piece, pause)][:-1])


def slower(samples: Samples, tempo: float) -> Samples:
    """The same speech at `tempo` of its pace and at its own pitch (FFmpeg's atempo)."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=PHONE_RATE, format="s16", layout="mono", time_base=Fraction(1, PHONE_RATE))
    tempo_filter = graph.add("atempo", f"{tempo:g}")
    sink = graph.add("abuffersink")
    source.link_to(tempo_filter)
    tempo_filter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = PHONE_RATE
    frame.pts = 0
    graph.push(frame)
    graph.push(None)
    parts: list[Samples] = []
    with suppress(EOFError, av.error.BlockingIOError):
        while True:
            if isinstance(pulled := graph.pull(), av.AudioFrame):
                parts.append(pulled.to_ndarray().reshape(-1).astype(np.int16))
    return np.concatenate(parts) if parts else samples


def _samples(path: Path) -> Samples:
    read, _ = soundfile.read(path, dtype="int16")
    samples: Samples = read
    return samples


def _stamp(sources: list[Path]) -> str:
    """Changes when one of the files does: a hospital may replace a piece while the system runs."""
    facts = "\0".join(f"{source}\0{(status := source.stat()).st_mtime_ns}\0{status.st_size}" for source in sources)
    return hashlib.sha256(facts.encode()).hexdigest()
