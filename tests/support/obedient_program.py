"""A program for the tests of supervision: `python -m tests.support.obedient_program NAME FOLDER`.

It writes a line at its start and at its end into FOLDER/order.txt, and lives until SIGTERM.
"""

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Live, and tell."""
    name, folder = sys.argv[1], Path(sys.argv[2])

    def tell(what: str) -> None:
        with (folder / "order.txt").open("a") as file:
            file.write(f"{what} {name}\n")

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    tell("start")
    print(f"{name} says {os.environ.get('SUIFANG_TEST_WORD', 'nothing')} and {os.environ.get('OWN_WORD', 'nothing')}")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    tell("end")


if __name__ == "__main__":
    main()
