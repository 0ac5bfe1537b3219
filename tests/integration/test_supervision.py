"""Processes under the real supervisord: order, restart, leftovers of killed ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from runtime.settings import Settings
from suifang.supervision import Program, Supervision, SupervisionError
from tests.support.engines import temporary_settings
from tests.support.waiting import until


@pytest.fixture
def settings() -> Iterator[Settings]:
    with temporary_settings() as made:
        yield made


def obedient(name: str, order: int, folder: Path) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-m", "tests.support.obedient_program", name, str(folder)),
        order=order,
        environment={"OWN_WORD": f'100% of {name}\'s "own"'},
    )


def told(folder: Path) -> list[str]:
    file = folder / "order.txt"
    return file.read_text().splitlines() if file.exists() else []


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_programs_start_in_order_share_one_log_and_stop_in_reverse(settings: Settings, tmp_path: Path) -> None:
    lines: list[str] = []
    programs = [obedient("second", 2, tmp_path), obedient("first", 1, tmp_path), obedient("third", 3, tmp_path)]
    with Supervision(settings, programs, environment={"SUIFANG_TEST_WORD": "hello"}, on_line=lines.append) as running:
        running.wait_running(timedelta(seconds=30))
        assert set(running.states().values()) == {"RUNNING"}
        until(lambda: len(told(tmp_path)) == 3, timeout=30, what="all three began")
    assert told(tmp_path)[3:] == ["end third", "end second", "end first"]
    assert 'second says hello and 100% of second\'s "own"' in lines
    assert "first says hello and" in (settings.logs_dir / "suifang.log").read_text()


def test_a_killed_program_is_started_again_alone(settings: Settings, tmp_path: Path) -> None:
    with Supervision(settings, [obedient("a", 1, tmp_path), obedient("b", 2, tmp_path)]) as running:
        running.wait_running(timedelta(seconds=30))
        killed, other = running.pid("a"), running.pid("b")
        os.kill(killed, signal.SIGKILL)
        until(lambda: running.pid("a") not in (0, killed), timeout=30, what="a was started again")
        assert running.pid("b") == other


def test_a_killed_supervisord_takes_its_programs_along_and_is_revived(settings: Settings, tmp_path: Path) -> None:
    with Supervision(settings, [obedient("a", 1, tmp_path)]) as running:
        running.wait_running(timedelta(seconds=30))
        first = running.pid("a")
        supervisord = psutil.Process(first).parent()
        assert supervisord is not None
        supervisord.kill()
        until(lambda: not lives(first), timeout=30, what="the kernel told the program to end")
        until(lambda: running.revive() == ["supervisord"], timeout=30, what="supervisord was started again")
        until(lambda: running.pid("a") not in (0, first), timeout=30, what="a runs under the new one")


def test_a_program_that_supervisord_gave_up_is_tried_again(settings: Settings, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    script = f"test -e {allowed} && exec sleep 1000; exit 1"
    failing = Program(name="failing", command=("/bin/sh", "-c", script), order=1, start_tries=1)
    with Supervision(settings, [failing]) as running:
        until(lambda: running.states()["failing"] == "FATAL", timeout=20, what="supervisord gave up")
        with pytest.raises(SupervisionError, match=r"failing is fatal.*suifang\.log"):
            running.wait_running(timedelta(seconds=0))
        allowed.touch()
        assert running.revive() == ["failing"]
        running.wait_running(timedelta(seconds=20))


def test_a_second_start_in_the_same_folder_is_refused_in_words(settings: Settings, tmp_path: Path) -> None:
    with (
        Supervision(settings, [obedient("a", 1, tmp_path)]),
        pytest.raises(SupervisionError, match="already runs"),
        Supervision(settings, [obedient("a", 1, tmp_path)]),
    ):
        pass
    assert told(tmp_path).count("start a") <= 1


def test_after_a_kill_of_everything_above_the_next_start_finds_a_clean_place(
    settings: Settings, tmp_path: Path
) -> None:
    supervising = subprocess.Popen(
        [sys.executable, "-m", "tests.support.supervising_program", str(settings.state_dir), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervising.stdout is not None
    assert supervising.stdout.readline() == "supervising\n"
    until(lambda: len(told(tmp_path)) == 2, timeout=30, what="both programs began")
    before = {child.pid for child in psutil.Process(supervising.pid).children(recursive=True)}
    supervising.kill()
    supervising.wait()
    with Supervision(settings, [obedient("a", 1, tmp_path), obedient("b", 2, tmp_path)]) as running:
        assert not [pid for pid in before if lives(pid)]
        running.wait_running(timedelta(seconds=30))
        until(lambda: told(tmp_path).count("start b") == 2, timeout=30, what="b began again")
        until(lambda: told(tmp_path).count("start a") == 2, timeout=30, what="a began again")
    assert told(tmp_path).count("start a") == told(tmp_path).count("end a") == 2
