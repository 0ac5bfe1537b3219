"""A voice program for tests: a tone of 1200 Hz, 0.02 s for each character, in Chinese only.

A text that holds `when PATH` is spoken once that file is there; `cannot` is refused, `dies` ends the program.
"""

import json
import sys
import threading
from pathlib import Path

from tests.support.tones import write_tone

HERTZ = 1200
SECONDS_EACH = 0.02


def main() -> None:
    """Answer line for line."""
    sys.stdout.write(json.dumps({"languages": ["zh"], "version": "stand-in"}) + "\n")
    sys.stdout.flush()
    pause = threading.Event()
    for line in sys.stdin:
        asked = json.loads(line)
        text, file = asked["text"], Path(asked["file"])
        if text == "dies":
            return
        _, _, gate = text.partition("when ")
        while gate and not Path(gate).exists():
            pause.wait(0.02)
        if text != "cannot":
            write_tone(file.with_suffix(".part"), HERTZ, seconds=SECONDS_EACH * len(text)).replace(file)
        sys.stdout.write(json.dumps({"reason": "this text has no sound"} if text == "cannot" else {}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
