"""`python -m suifang.process_entry NAME` runs one of Suifang's processes, loading the modules of that process only.

The command line knows every command; a process that imported it whole would carry the speech engine through the API's
memory and the SIP stack along with it.
"""

import importlib
import sys
from types import ModuleType

from runtime.embedded import EngineError
from runtime.settings import SettingsError, load_settings

PROCESSES = ("api", "scheduler", "worker", "telephony")


def module_of(command: str) -> ModuleType:
    """The module behind a command, loaded when it is asked for."""
    return importlib.import_module(f"suifang.{command}")


def run_process(name: str) -> None:
    """Run the process until it is told to stop; what keeps it from starting is said in words, with exit status 1."""
    if name not in PROCESSES:
        sys.exit(f"there is no process {name}; the processes are {', '.join(PROCESSES)}")
    wrong_start = module_of("start").WrongStartError
    try:
        module_of(f"{name}_process").run(load_settings())
    except (SettingsError, EngineError, wrong_start) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run_process(sys.argv[1])
