"""The page of stalled states says the truth: every waiting state has a row, every remedy it names is run."""

import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest

from docs.generate_state_machines import page
from runtime.settings import REPOSITORY
from scheduler.timetable import TIMETABLE

PAGE = (REPOSITORY / "docs" / "stalled-states.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:scheduler|db)\.[a-z_.]+\.\w+)`")
BY_THE_LEADER = {"scheduler.due.queue_due_tasks", "scheduler.dialer.match_and_reserve"}


def rows() -> list[list[str]]:
    """The cells of the page's tables."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("|--")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def waiting_states() -> set[tuple[str, str]]:
    """Every state of every machine that something still leads out of."""
    found = set()
    for section in page().split("\n## ")[1:]:
        machine = section.splitlines()[0].strip()
        found |= {(machine, state) for state in re.findall(r"^    (\w+) --> \w+:", section, re.MULTILINE)}
    return found


def test_every_waiting_state_has_an_owner_a_limit_and_a_remedy() -> None:
    told = {(row[0], row[1]): row for row in rows() if len(row) == 5 and row[0] != "machine"}
    assert waiting_states() <= set(told), waiting_states() - set(told)
    assert all(all(row) for row in told.values())
    known = {machine for machine, _ in waiting_states()}
    assert {machine for machine, _ in told} <= known


@pytest.mark.parametrize("named", sorted(set(NAMED.findall(PAGE))))
def test_what_the_page_names_is_there(named: str) -> None:
    module, _, name = named.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    assert isinstance(thing, timedelta) if name.isupper() else callable(thing)


def test_every_entry_of_the_timetable_is_told_of_and_every_remedy_is_run() -> None:
    run = {f"{entry.work.__module__}.{entry.work.__name__}" for entry in TIMETABLE}
    named = {name for name in NAMED.findall(PAGE) if not name.rpartition(".")[2].isupper()}
    assert named - BY_THE_LEADER <= run, "a remedy that nobody runs"
    assert run <= named, "an entry that the page does not tell of"


def test_no_repair_can_reach_what_plans_a_call() -> None:
    """One way leads to a dial command, call_planning; the dialer and the previews go it, and no repair does."""
    planners = {
        path.relative_to(REPOSITORY).as_posix()
        for folder in ("scheduler", "api", "telephony", "interop", "suifang", "db", "recordings", "transcription")
        for path in (REPOSITORY / folder).rglob("*.py")
        if re.search(r"import plan_call\b|\bplan_call\(", path.read_text(encoding="utf-8"))
    }
    verbs = {
        path.relative_to(REPOSITORY).as_posix()
        for path in Path(REPOSITORY / "scheduler").rglob("*.py")
        if 'verb="dial"' in path.read_text(encoding="utf-8")
    }
    assert verbs == {"scheduler/call_planning.py"}
    repairs = {entry.work.__module__.replace(".", "/") + ".py" for entry in TIMETABLE}
    assert planners.isdisjoint(repairs), planners & repairs
    assert planners <= {
        "scheduler/call_planning.py",
        "scheduler/dialer.py",
        "scheduler/previews.py",
        "scheduler/pacing.py",
    }
