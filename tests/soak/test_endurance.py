"""Two thousand short calls, and five hundred crashes among short calls: nothing leaks, stays up or is lost.

The shares of SOAK_MINUTES are upper bounds: whoever is done earlier leaves the time to the next.
"""

import collections
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from telephony.sip.leases import is_held
from tests.support.ports import free_udp_block
from tests.support.sipp import SCENARIOS, listens, needs_sipp
from tests.support.waiting import until

MINUTES = float(os.environ.get("SUIFANG_SOAK_MINUTES", "30"))
CALLS, CALLS_SHARE = 2000, 0.17
CRASHES, CRASHES_SHARE = 500, 0.25
NODE_GROWTH_MEGABYTES = 12
_MESSAGE = re.compile(
    r"UDP message (sent|received)[^\n]*\n\s*(INVITE sip:([^@]+)@|BYE|CANCEL|SIP/2\.0 200)[^\n]*\n(.*?)(?=\n-{20,} |\Z)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a soak works: a node's folder and ports, and sipp as the far end."""

    folder: Path
    port: int
    peer: int

    def start_node(self, *, total: int, seconds: float, hung_seconds: float = 5.0) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.soak_node", "--folder", str(self.folder)]
        command += ["--port", str(self.port), "--peer", str(self.peer), "--total", str(total)]
        command += ["--seconds", f"{seconds:.1f}", "--hung-seconds", str(hung_seconds)]
        with (self.folder / "node-errors.txt").open("ab") as errors:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def story(self) -> list[dict[str, object]]:
        text = (self.folder / "story.jsonl").read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def workers(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                command = process.cmdline()
                if "telephony.sip.worker" in command and any(str(self.folder) in word for word in command):
                    found.append(process)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    ports = free_udp_block(8)
    with _far_end(tmp_path / "peer", ports):
        yield Place(tmp_path, 21000 + random.randrange(40) * 100, ports)  # noqa: S311 (spreading, not secrecy)


@contextmanager
def _far_end(folder: Path, port: int) -> Iterator[None]:
    folder.mkdir()
    command = ["sipp", "-sf", str(SCENARIOS / "short_call.xml"), "-i", "127.0.0.1", "-p", str(port)]
    command += ["-mi", "127.0.0.1", "-mp", str(port + 2), "-rtp_echo", "-trace_msg", "-message_file", "messages.log"]
    with (folder / "screen.txt").open("wb") as screen:
        child = subprocess.Popen([*command, "-nostdin", "-default_behaviors", "-bye"], cwd=folder, stdout=screen)
    try:
        until(lambda: listens(port) or child.poll() is not None, timeout=10, what="sipp listens")
        yield
    finally:
        child.kill()
        child.wait()


@dataclass(slots=True)
class Sample:
    """What a node holds at a moment."""

    megabytes: float
    descriptors: int
    threads: int
    dialed: int

    def __str__(self) -> str:
        return f"{self.dialed} calls: {self.megabytes:.0f} MB, {self.descriptors} fds, {self.threads} threads"


def _sample(node: subprocess.Popen[bytes], place: Place) -> Sample:
    process = psutil.Process(node.pid)
    dialed = sum(line["kind"] == "dialed" for line in place.story())
    return Sample(process.memory_info().rss / 1e6, process.num_fds(), process.num_threads(), dialed)


@pytest.mark.soak
@needs_sipp
def test_two_thousand_short_calls_leave_nothing_behind(place: Place) -> None:
    seconds = MINUTES * 60 * CALLS_SHARE
    began = time.monotonic()
    node = place.start_node(total=CALLS, seconds=seconds)
    try:
        until(lambda: (place.folder / "story.jsonl").exists() or node.poll() is not None, timeout=30, what="it dials")
        samples: list[Sample] = []
        worker_memory: list[float] = []
        while node.poll() is None:
            with suppress(psutil.NoSuchProcess):
                samples.append(_sample(node, place))
                for worker in place.workers():
                    with suppress(psutil.NoSuchProcess):
                        worker_memory.append(worker.memory_info().rss / 1e6)
            with suppress(subprocess.TimeoutExpired):
                node.wait(max(1.0, seconds / 60))
    finally:
        node.kill()
        node.wait()
    figures = _settle(place)
    lasted = time.monotonic() - began
    settled = samples[len(samples) // 3 :]
    print(f"soak: {figures.dialed} calls in {lasted:.0f} s, {figures.workers} call workers (20 calls each)")
    print(f"soak: node at first {settled[0]}; at last {samples[-1]}; largest worker {max(worker_memory):.0f} MB")
    print(f"soak: ends {figures.ends}; the far end saw {figures.invited} calls, {figures.up} still up")
    print(f"soak: stands for {figures.dialed / 480:.1f} days of a desk with 480 calls a day, without its pauses")
    assert figures.up == 0
    assert figures.lost == [], "attempts without an end"
    assert figures.twice == [], "dialed twice"
    assert figures.ends.keys() == {"hang_up"}
    assert samples[-1].megabytes - settled[0].megabytes < NODE_GROWTH_MEGABYTES
    assert samples[-1].descriptors <= settled[0].descriptors + 16
    assert samples[-1].threads <= settled[0].threads + 8


@pytest.mark.soak
@needs_sipp
def test_five_hundred_crashes_lose_no_call_and_leave_none_up(place: Place, dice: random.Random) -> None:
    seconds = MINUTES * 60 * CRASHES_SHARE
    end = time.monotonic() + seconds
    done: collections.Counter[str] = collections.Counter()

    def start() -> subprocess.Popen[bytes]:
        return place.start_node(total=10**9, seconds=max(1.0, end - time.monotonic()), hung_seconds=2.0)

    node = start()
    try:
        until((place.folder / "story.jsonl").exists, timeout=30, what="it dials")
        while time.monotonic() < end and done.total() < CRASHES:
            _pause(dice.uniform(0.05, 0.9))
            victim = dice.choices(["worker killed", "worker hung", "node killed"], [16, 2, 1])[0]
            if victim == "node killed":
                node.kill()
                node.wait()
                node = start()
            else:
                workers = place.workers()
                if not workers:
                    continue
                stop = signal.SIGKILL if victim == "worker killed" else signal.SIGSTOP
                with suppress(psutil.NoSuchProcess):
                    dice.choice(workers).send_signal(stop)
            done[victim] += 1
        node.kill()
        node.wait()
        node = place.start_node(total=0, seconds=1.0, hung_seconds=2.0)  # takes stock, ends what is up, and leaves
        node.wait(timeout=90)
    finally:
        node.kill()
        node.wait()
    figures = _settle(place)
    print(f"soak: {done.total()} crashes {dict(done)} among {figures.dialed} calls; ends {figures.ends}")
    print(f"soak: {figures.unsent} were never sent; the far end saw {figures.invited}, {figures.up} still up")
    assert figures.up == 0
    assert figures.lost == [], "attempts without an end"
    assert figures.twice == [], "dialed twice"
    assert figures.doubled == [], "events told under one id with two meanings"


def _pause(seconds: float) -> None:
    with suppress(AssertionError):
        until(lambda: False, timeout=seconds, what="nothing", every=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The accounts of both sides, when all is over."""

    dialed: int
    unsent: int
    workers: int
    ends: collections.Counter[str]
    lost: list[str]
    twice: list[str]
    doubled: list[str]
    invited: int
    up: int


def _settle(place: Place) -> Figures:
    """What is left once the node is gone: no process, socket, lease, journal; and the accounts of both sides."""
    until(lambda: not place.workers(), timeout=75, what="every call worker has left")
    assert not list((place.folder / "run").glob("*.sock"))
    leases = sorted((place.folder / "telephony" / "leases").glob("*.lock"))
    assert not [lock for lock in leases if is_held(lock)]
    journals = place.folder / "telephony" / "journals" / "soak"
    assert not list(journals.glob("*.jsonl")), "journals that nobody buried"
    story = place.story()
    kinds: dict[str, list[str]] = collections.defaultdict(list)
    meanings: dict[str, set[tuple[str, str]]] = collections.defaultdict(set)
    for line in story:
        kinds[str(line["kind"])].append(str(line["leg"]))
        if "event" in line:
            meanings[str(line["event"])].add((str(line["leg"]), str(line["kind"])))
    reasons = {str(line["leg"]): str(line["end_reason"]) for line in story if line["kind"] == "ended"}
    invites, up = _seen_by_far_end(place)
    invited_legs = collections.Counter(invites.values())
    unsent = set(kinds["unsent"])
    return Figures(
        dialed=len(kinds["dialed"]),
        unsent=len(unsent - reasons.keys()),
        workers=len(list(journals.glob("buried/*.jsonl"))),
        ends=collections.Counter(reasons.values()),
        lost=sorted(set(kinds["dialed"]) - reasons.keys() - unsent)
        + sorted(leg for leg in unsent if leg in invited_legs and leg not in reasons),
        twice=sorted(leg for leg, times in invited_legs.items() if times > 1),
        doubled=sorted(event for event, meant in meanings.items() if len(meant) > 1),
        invited=len(invites),
        up=len(up),
    )


def _seen_by_far_end(place: Place) -> tuple[dict[str, str], set[str]]:
    """Every call that reached sipp (Call-ID: leg), and those that nobody ended."""
    invites: dict[str, str] = {}
    ended: set[str] = set()
    for found in _MESSAGE.finditer((place.folder / "peer" / "messages.log").read_text(errors="replace")):
        call_id = re.search(r"^Call-ID:\s*(\S+)", found[4], re.MULTILINE | re.IGNORECASE)
        if call_id is None:
            continue
        if found[3]:
            invites[call_id[1]] = found[3]
        elif not found[2].startswith("SIP/2.0"):
            ended.add(call_id[1])
    return invites, invites.keys() - ended
