"""`python -m suifang.process_entry NAME` runs one of Suifang's processes, loading the modules of that process only.

The command line knows every command; a process that imported it whole would carry the speech engine through the API's
memory and the SIP stack along with it.
"""

import importlib
import os
import sys
from types import ModuleType

from db.refusals import DatabaseUnavailableError
from runtime.content.documents import ContentError
from runtime.embedded import EngineError
from runtime.settings import SettingsError, load_settings

PROCESSES = ("api", "scheduler", "worker", "telephony", "headsets", "feeds", "captions")


def loaded(module: str) -> ModuleType:
    """A module that is loaded when it is asked for and not before."""
    return importlib.import_module(module)


def run_process(name: str) -> None:
    """Run the process until it is told to stop; what keeps it from starting is said in words, with exit status 1."""
    if name not in PROCESSES:
        sys.exit(f"there is no process {name}; the processes are {', '.join(PROCESSES)}")
    wrong_start = loaded("suifang.start").WrongStartError
    weights_error = loaded("transcription.weights").WeightsError
    os.umask(0o077)  # whatever a process writes is its own
    try:
        loaded(f"suifang.{name}_process").run(load_settings())
    except (SettingsError, EngineError, ContentError, weights_error, wrong_start) as error:
        sys.exit(str(error))
    except DatabaseUnavailableError as error:
        sys.exit(f"the database cannot be reached ({type(error).__name__}): ask `suifang doctor`, then start again")


if __name__ == "__main__":
    run_process(sys.argv[1])
