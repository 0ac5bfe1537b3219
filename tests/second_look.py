"""Runs again, alone, what has just failed in company: `python -m tests.second_look MOST [PYTEST ARGUMENTS]`.

Many tests here hold real telephones, browsers and killed processes against a clock, beside another such test on the
other core. What fails there and passes alone was short of time, not wrong; what is wrong fails twice. More failures
than MOST are not looked at again, and each test that needed a second look is named, so that it can be mended
(docs/adr/0058).
"""

import json
import subprocess
import sys

from runtime.settings import REPOSITORY

LAST_FAILED = REPOSITORY / ".pytest_cache" / "v" / "cache" / "lastfailed"


def failed() -> list[str]:
    """The tests that failed in the run before; whole files that could not even be read are among them."""
    if not LAST_FAILED.is_file():
        return []
    return sorted(json.loads(LAST_FAILED.read_text(encoding="utf-8")))


def main(most: int, arguments: list[str]) -> int:
    """0 only if everything that failed passes alone."""
    names = failed()
    if not names or len(names) > most or any("::" not in name for name in names):
        print(f"second look: {len(names)} failures are not looked at again")
        return 1
    print(f"second look: {len(names)} failed beside other tests and are run once more, alone")
    again = subprocess.run([sys.executable, "-m", "pytest", *arguments, *names], cwd=REPOSITORY, check=False)
    if again.returncode == 0:
        print("second look: passed alone; these are unsteady and to be mended:", *names, sep="\n  ")
    return again.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
