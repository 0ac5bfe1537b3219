"""Far ends who name hosts where an address belongs, and a name server that never answers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sip_peer import REPOSITORY

ALONE = ("unshare", "-n")


def _can_be_alone() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run([*ALONE, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _can_be_alone(), reason="a network of its own needs root, unshare and ip")
def test_a_call_goes_on_while_far_ends_name_hosts_and_the_name_server_is_silent(tmp_path: Path) -> None:
    command = [*ALONE, sys.executable, "-m", "tests.support.silent_name_server", str(tmp_path)]
    told = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr[-3000:]
    seen = json.loads(told.stdout)
    assert seen["questions"] == 0
    assert seen["longest_gap"] < 0.5
    assert (seen["contact_of_stranger"], seen["sdp_of_stranger"]) == ("400", "400")
    assert seen["reinvite"] in {"415", "488", "400"}
    assert seen["sdp_of_answer"] == "network_failure"
    assert seen["contact_of_answer"] == "hang_up", "whom we call may name itself: its BYE goes to where it is"
