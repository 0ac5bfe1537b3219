"""Recordings: sealing and opening beside plain files and age, the time to a range, the CPU of taking a call in.

An hour of a call as the recorder leaves it (two WAVs, 8 kHz, µ-law speech of the test set with pauses), a real database
for the keys, the vault in a folder. Time is CPU time of this process, one thread, but for ranges, which are waited for.
"""

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import numpy as np
import soundfile
import structlog

from benchmarks.row import Row, print_rows
from db.engine import make_engine
from db.migrate import upgrade
from db.unit_of_work import UnitsOfWork
from recordings.audio import read_spool, write_original
from recordings.object_store import ObjectStore, recording_uri
from recordings.opening import open_vault
from recordings.vault import Vault
from runtime.settings import REPOSITORY, Settings
from tests.support.engines import cloned_database, running_engines
from tests.support.spool import Samples, write_spool

SPEECH = REPOSITORY / "tests" / "support" / "speech"
RATE = 8000
_RANGE = 64 * 1024
_WHEN = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The median of some runs, and their range as a share of it."""

    value: float
    spread: float
    n: int


def rows(minutes: float, rounds: int) -> list[Row]:
    """Every figure."""
    with (
        running_engines() as (_, engines),
        cloned_database(engines, "template1") as database_url,
        tempfile.TemporaryDirectory() as work,
    ):
        upgrade(database_url)
        engine = make_engine(database_url)
        try:
            settings = Settings(state_dir=Path(work) / "state")
            vault = open_vault(settings, UnitsOfWork(engine))
            return _rows(vault, ObjectStore(Path(work) / "plain"), Path(work), minutes, rounds)
        finally:
            engine.dispose()


def _rows(vault: Vault, plain: ObjectStore, work: Path, minutes: float, rounds: int) -> list[Row]:
    spool = write_spool(work / "spool", agent=_side(minutes, 0), patient=_side(minutes, 1))
    print(f"packing {minutes:g} minutes of a call", file=sys.stderr)
    content = write_original(read_spool(spool), spool).path.read_bytes()
    megabytes = len(content) / 1e6
    conditions = f"{minutes:g} min of a call, {megabytes:.1f} MB FLAC, folder on this machine's disk"
    sealed_uri, plain_uri = (recording_uri("bench", _WHEN, sealed=sealed) for sealed in (True, False))
    found = []

    def row(
        name: str, unit: str, ours: Measured, peer: str, other: Measured | None, *, more_is_better: bool, why: str
    ) -> None:
        ratio = None
        if other is not None:
            ratio = ours.value / other.value if more_is_better else other.value / ours.value
        found.append(
            Row(
                name=f"recordings.{name}",
                unit=unit,
                ours=round(ours.value, 3),
                peer=peer,
                peer_value=None if other is None else round(other.value, 3),
                ratio=None if ratio is None else round(ratio, 2),
                bound=None,
                n=ours.n,
                spread=round(ours.spread, 2),
                conditions=f"{conditions}; {why}",
            )
        )

    seal = _rate(lambda: vault.put(sealed_uri, content), megabytes, rounds)
    store = _rate(lambda: plain.put(plain_uri, content), megabytes, rounds)
    opened = _rate(lambda: vault.read(sealed_uri), megabytes, rounds)
    read = _rate(lambda: plain.read(plain_uri), megabytes, rounds)
    why_plain = "the same store without sealing: what encryption costs"
    row("seal_mb_per_cpu_s", "MB/s", seal, "plain", store, more_is_better=True, why=why_plain)
    row("open_mb_per_cpu_s", "MB/s", opened, "plain", read, more_is_better=True, why=why_plain)
    ranged = _ranges(lambda start: vault.read_range(sealed_uri, start, start + _RANGE), len(content), rounds)
    plain_ranged = _ranges(lambda start: plain.read_range(plain_uri, start, start + _RANGE), len(content), rounds)
    row(
        "range_ms",
        "ms",
        ranged,
        "plain",
        plain_ranged,
        more_is_better=False,
        why=f"64 KiB at a random place; {why_plain}",
    )
    try:
        age = import_module("pyrage")
    except ImportError as error:
        for name, unit, ours in (("seal", "MB/s", seal), ("open", "MB/s", opened), ("range", "ms", ranged)):
            row(f"{name}_beside_age", unit, ours, "age", None, more_is_better=True, why=f"cannot run: {error}")
    else:
        identity = age.x25519.Identity.generate()
        kept = age.encrypt(content, [identity.to_public()])
        in_store = recording_uri("age", _WHEN)
        aged = _rate(lambda: plain.put(in_store, age.encrypt(content, [identity.to_public()])), megabytes, rounds)
        row(
            "seal_mb_per_cpu_s", "MB/s", seal, "age", aged, more_is_better=True, why="pyrage, written to the same store"
        )
        opens = _rate(lambda: age.decrypt(plain.read(in_store), [identity]), megabytes, rounds)
        row("open_mb_per_cpu_s", "MB/s", opened, "age", opens, more_is_better=True, why="pyrage, from the same store")
        whole = _ranges(
            lambda start: age.decrypt(plain.read(in_store), [identity])[start : start + _RANGE], len(kept), rounds
        )
        why = "64 KiB at a random place; its Python module cannot seek, so the whole is opened"
        row("range_ms", "ms", ranged, "age", whole, more_is_better=False, why=why)
    hours = minutes / 60

    def take_in(put: Callable[[Path], None]) -> Measured:
        return _cpu(lambda: put(write_original(read_spool(spool), spool).path), 1 / hours, min(rounds, 3))

    ours = take_in(lambda path: vault.put_file(sealed_uri, path))
    other = take_in(lambda path: plain.put_file(plain_uri, path))
    why = f"both WAVs aligned, packed, summed twice, drawn, stored; {why_plain}"
    row("ingest_cpu_s_per_hour", "s", ours, "plain", other, more_is_better=False, why=why)
    simple = _cpu(lambda: _simply(spool, plain, plain_uri), 1 / hours, min(rounds, 3))
    why = "a script that reads both WAVs, writes one FLAC and copies it: no check, no sum, no waveform, no sealing"
    row("ingest_cpu_s_per_hour", "s", ours, "soundfile", simple, more_is_better=False, why=why)
    return found


def _simply(spool: Path, store: ObjectStore, uri: str) -> None:
    sides = [soundfile.read(spool / name, dtype="int16")[0] for name in ("agent.wav", "patient.wav")]
    file = io.BytesIO()
    soundfile.write(file, np.stack(sides, axis=1), RATE, format="FLAC", subtype="PCM_16")
    store.put(uri, file.getvalue())


def _side(minutes: float, turn: int) -> Samples:
    """Speech of the test set over and over, one side after the other, as µ-law leaves it."""
    spoken = []
    for path in sorted(SPEECH.rglob("*.flac"))[:12] or sorted(SPEECH.rglob("*.wav"))[:12]:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        spoken.append(samples[:: max(1, rate // RATE), 0])
    whole = np.concatenate(
        [
            part
            for index, words in enumerate(spoken)
            for part in ((words, np.zeros_like(words)) if index % 2 == turn else (np.zeros_like(words), words))
        ]
    )
    frames = int(minutes * 60 * RATE)
    long = np.resize(whole, frames)
    file = io.BytesIO()
    soundfile.write(file, long, RATE, format="WAV", subtype="ULAW")
    file.seek(0)
    samples, _ = soundfile.read(file, dtype="int16")
    return np.asarray(samples, dtype=np.int16)


def _rate(work: Callable[[], object], megabytes: float, rounds: int) -> Measured:
    return _of([megabytes / seconds for seconds in _runs(work, rounds)])


def _cpu(work: Callable[[], object], factor: float, rounds: int) -> Measured:
    return _of([seconds * factor for seconds in _runs(work, rounds)])


def _runs(work: Callable[[], object], rounds: int) -> list[float]:
    work()
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return taken


def _ranges(read: Callable[[int], object], size: int, rounds: int) -> Measured:
    places = np.random.default_rng(6).integers(0, max(1, size - _RANGE), size=5 * rounds)
    read(0)
    taken = []
    for place in places:
        begun = time.perf_counter()
        read(int(place))
        taken.append((time.perf_counter() - begun) * 1000)
    return _of(taken)


def _of(values: Sequence[float]) -> Measured:
    middle = statistics.median(values)
    return Measured(value=middle, spread=(max(values) - min(values)) / middle, n=len(values))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recordings", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the call")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print_rows(rows(arguments.minutes, arguments.rounds), as_json=arguments.json)


if __name__ == "__main__":
    main()
