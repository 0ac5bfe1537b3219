"""A whole demo round in processes of its own, and what its town saw: for acceptance tests and the soak."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from runtime.settings import REPOSITORY
from tests.support.ports import free_udp_block
from tests.support.waiting import until

PORTS = 900
ROUND_SECONDS = 420.0
FRONT = re.compile(r"-front\d*-")


@dataclass(kw_only=True)
class DemoRound:
    """A running round."""

    state: Path
    report_file: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def wait_for_line(self, words: str, timeout: float) -> str:
        """The first printed line that holds these words."""

        def look() -> str | None:
            if self.process.poll() is not None and not any(words in line for line in self.lines):
                raise AssertionError(f"the demo ended with {self.process.returncode} before it said {words!r}:\n{self}")
            return next((line for line in self.lines if words in line), None)

        return until(look, timeout=timeout, what=f"the demo says {words!r}")

    def finish(self) -> dict[str, Any]:
        """Wait for the end; the report. Fails with everything that was printed unless the exit status is 0."""
        until(lambda: self.process.poll() is not None, timeout=ROUND_SECONDS, what="the round ends", every=0.2)
        assert self.process.returncode == 0, f"exit status {self.process.returncode}\n{self}"
        report: dict[str, Any] = json.loads(self.report_file.read_text(encoding="utf-8"))
        return report

    def town(self) -> list[dict[str, Any]]:
        """What happened at the patients' phones, oldest first."""
        path = self.state / "logs" / "town.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def pid_of(self, program: str) -> int:
        """The process of a supervised program."""
        mark = json.loads((self.state / "run" / "programs" / f"{program}.mark").read_text())
        return int(mark["pid"])

    def front_worker(self) -> int | None:
        """The process that takes calls from outside."""
        return next(iter(self._workers(front=True)), None)

    def call_workers(self) -> list[int]:
        """The processes that hold conversations of ours, oldest first."""
        return self._workers(front=False)

    def _workers(self, *, front: bool) -> list[int]:
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "create_time"]):
            command = process.info["cmdline"] or []
            own = next((word for word in command if str(self.state) in word), None)
            if "telephony.sip.worker" in command and own is not None and bool(FRONT.search(own)) is front:
                found.append((process.info["create_time"], process.info["pid"]))
        return [pid for _, pid in sorted(found)]

    def log_tail(self) -> str:
        """The end of the processes' common log."""
        path = self.state / "logs" / "suifang.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-60:]) if path.exists() else "(no log)"

    def __str__(self) -> str:
        return "\n".join(self.lines[-80:]) + "\n--- suifang.log ---\n" + self.log_tail()


@contextmanager
def demo_round(*arguments: str) -> Iterator[DemoRound]:
    """Start `suifang demo --once` in a folder and a block of ports of its own; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="suifang-round-"))
    # The database server runs as a user of its own and has to pass through.
    folder.chmod(0o755)
    state = folder / "state"
    report_file = folder / "report.json"
    command = [sys.executable, "-m", "suifang", "demo", "--once", "--report", str(report_file)]
    process = subprocess.Popen(
        [*command, "--port-base", str(free_udp_block(PORTS)), *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "SUIFANG_STATE_DIR": str(state), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = DemoRound(state=state, report_file=report_file, process=process)
    reader = threading.Thread(target=lambda: running.lines.extend(iter(process.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in (*running.call_workers(), *filter(None, [running.front_worker()])):
            psutil.Process(pid).kill()
        reader.join(timeout=5)
        shutil.rmtree(folder, ignore_errors=True)


def dialed_twice(report: dict[str, Any], town: list[dict[str, Any]]) -> list[str]:
    """Every way in which somebody was dialed twice: one attempt with two calls, or a phone with two calls at a time."""
    found = []
    invites: dict[str, int] = defaultdict(int)
    for line in town:
        if line["event"] == "invite":
            invites[line["call_id"]] += 1
    found += [f"call {call_id} had {count} INVITE transactions" for call_id, count in invites.items() if count > 1]
    sent = [
        attempt["sip_call_id"]
        for follow_up in report["follow_ups"]
        for attempt in follow_up["attempts"]
        if attempt["sip_call_id"]
    ]
    found += [f"two attempts share the call {call_id}" for call_id in set(sent) if sent.count(call_id) > 1]
    tried = sum(1 for f in report["follow_ups"] for attempt in f["attempts"] if attempt["invite_at"])
    if len(invites) > tried:
        found.append(f"{len(invites)} calls reached the town, but only {tried} attempts say that they dialed")
    by_number: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    ended: set[str] = set()
    for line in town:
        at = datetime.fromisoformat(line["at"])
        if line["event"] == "invite":
            by_number[line["number"]].append((at, 1))
        elif line["event"] in ("bye", "cancel", "refused") and line["call_id"] not in ended:
            ended.add(line["call_id"])
            by_number[line["number"]].append((at, -1))
    for number, steps in by_number.items():
        live = 0
        for _, step in sorted(steps):
            live = max(0, live + step)
            if live > 1:
                found.append(f"the phone {number[-4:]} had two calls at a time")
                break
    return found
