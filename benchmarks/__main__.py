"""`python -m benchmarks [--json]`: every benchmark after the other, as one list."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog

from benchmarks import (
    bridge,
    console,
    due_to_invite,
    headset,
    live_captions,
    pacing,
    queue,
    record,
    record_load,
    recordings,
    red_flags,
    search,
    transcription,
    transcription_backlog,
)
from benchmarks.row import Row, print_rows
from runtime.settings import REPOSITORY
from tests.support.hospital_years import WHOLE
from tests.support.red_flag_phrases import HALVES
from transcription.red_flags import load_red_flags

_SPEECH = REPOSITORY / "tests" / "support" / "speech"
_FLAGS = REPOSITORY / "content" / "red_flags"

BENCHMARKS: Mapping[str, Callable[[], Sequence[Row]]] = {
    "bridge": lambda: bridge.rows((5, 25), ("PCMA", "PCMU"), 10.0),
    "headset": lambda: headset.rows(30.0),
    "queue": lambda: queue.rows((1_000, 100_000, 1_000_000), 1.0, 5, 3),
    "due_to_invite": lambda: due_to_invite.rows(200, 0.2),
    "pacing": pacing.rows,
    "record": lambda: record.rows(20_000, rounds=5),
    "record_load": lambda: record_load.rows(200, connections=8, replayed=100, listed=200, past=WHOLE),
    "search": lambda: search.rows(1_000_000, rounds=3),
    "recordings": lambda: recordings.rows(60.0, 7),
    "transcription": lambda: transcription.rows(_SPEECH, "ulaw", 1),
    "transcription_backlog": lambda: transcription_backlog.rows(_SPEECH, "ulaw", 41),
    "live_captions": lambda: live_captions.rows(_SPEECH, (1, 4), peer_too=True),
    "red_flags": lambda: red_flags.rows(load_red_flags(_FLAGS), HALVES, None, listed=False),
    "console": lambda: console.rows(30, REPOSITORY / "console" / "dist"),
    "spoken_flags": lambda: red_flags.spoken_rows(load_red_flags(_FLAGS), 10),
}


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the rows
    print_rows([row for run in BENCHMARKS.values() for row in run()], as_json=arguments.json)


if __name__ == "__main__":
    main()
