"""How a supervised program begins: `python -m suifang.supervised_program SPECIFICATION` becomes that program.

It asks the kernel to be told to end when its parent ends (a killed supervisor can stop nobody), notes who it is so that
the next start can wait for it, and then executes the program in its own place.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

import psutil

from runtime.private_files import write_private
from runtime.processes import ProcessMark

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program that the specification file names."""
    specification = json.loads(Path(sys.argv[1]).read_text())
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused PR_SET_PDEATHSIG")
    if os.getppid() != parent or parent == 1:
        sys.exit("the supervisor ended before this program began")
    mark = ProcessMark.of(psutil.Process())
    write_private(Path(specification["mark"]), json.dumps({"pid": mark.pid, "started": mark.started}))
    command = specification["command"]
    # Whoever started the supervisor may block or ignore signals for his own reasons; they would be inherited for ever.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for ignored in (signal.SIGPIPE, signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_DFL)
    os.execvpe(command[0], command, {**os.environ, **specification["environment"]})  # noqa: S606 named in full by us


if __name__ == "__main__":
    main()
