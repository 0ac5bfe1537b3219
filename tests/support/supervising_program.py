"""`suifang up` in small for the tests of supervision: `python -m tests.support.supervising_program STATE FOLDER`."""

import signal
import sys
from pathlib import Path

from runtime.settings import Settings
from suifang.supervision import Supervision
from tests.integration.test_supervision import obedient


def main() -> None:
    """Supervise two programs until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    folder = Path(sys.argv[2])
    with Supervision(Settings(state_dir=Path(sys.argv[1])), [obedient("a", 1, folder), obedient("b", 2, folder)]):
        print("supervising", flush=True)
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
