"""A telephony node that dials by itself for a soak: `python -m tests.support.soak_node --folder F --peer P ...`.

Several lanes dial one short call after the other, half of which we hang up ourselves. What was dialed, told and refused
is in `story.jsonl`; a successor on the same folder goes on where a killed one was. It ends when `--total` calls were
dialed or `--seconds` have passed, and every leg's end is known.
"""

import argparse
import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    LegEvent,
    LegEventKind,
    OutboundLeg,
    RejectedError,
    Trunk,
    TrunkBusyError,
    UnreachableError,
)
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings

LANES = 5
WORKERS = 7
LAST_WORDS_SECONDS = 40.0
PORTS = 100 + 40 * (WORKERS + 16)


class SoakNode:
    """The pool, its story and its lanes."""

    def __init__(self, folder: Path, first_port: int, peer: int, hung_seconds: float) -> None:
        self._story = folder / "story.jsonl"
        self._told = threading.Condition()
        self._dialed: set[str] = set()
        self._over: set[str] = set()
        self._answered: set[str] = set()
        for line in self._read():
            self._note(line)
        self._trunk = Trunk(name="far-end", host="127.0.0.1", port=peer, loopback_only=True)
        self._folder = folder
        self._file = self._story.open("a", buffering=1)
        self._pool = WorkerPool(
            PoolSettings(
                node="soak",
                folder=folder / "telephony",
                socket_folder=folder / "run",
                log_folder=folder / "logs",
                sip_port_base=first_port,
                rtp_port_base=first_port + 100,
                workers_warm=2,
                workers_max=WORKERS,
                calls_per_worker=20,
                no_reply_seconds=4.0,
                hung_seconds=hung_seconds,
                rest_seconds=2.0,
            ),
            self._take,
        )
        self._control = SipCallControl(self._pool)

    def run(self, total: int, seconds: float) -> None:
        """Dial, then wait for every end."""
        self._pool.start()
        end = time.monotonic() + seconds
        numbers = itertools.count(len(self._dialed))
        for leg in sorted(self._dialed - self._over):
            if not self._pool.knew(LegId(leg)):
                self._write({"leg": leg, "kind": "unsent"})
        lanes = [threading.Thread(target=self._lane, args=(numbers, total, end)) for _ in range(LANES)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        with self._told:
            self._told.wait_for(lambda: self._dialed <= self._over, LAST_WORDS_SECONDS)
        self._pool.close(quit_idle=True)

    def _lane(self, numbers: Iterator[int], total: int, end: float) -> None:
        while time.monotonic() < end and (number := next(numbers)) < total:
            self._one(f"leg-{number}", hang_up=number % 2 == 0)

    def _one(self, leg_id: str, *, hang_up: bool) -> None:
        leg = OutboundLeg(
            leg_id=LegId(leg_id),
            attempt_id=f"attempt-{leg_id}",
            role=LegRole.PATIENT,
            number=leg_id,
            recording_folder=self._folder / "spool" / leg_id,
        )
        self._write({"leg": leg_id, "kind": "dialed"})
        while True:
            try:
                self._control.originate(leg, self._trunk)
                break
            except TrunkBusyError:
                self._write({"leg": leg_id, "kind": "busy"})
                time.sleep(0.1)
            except (UnreachableError, RejectedError) as refused:
                if not refused.anything_sent:
                    self._write({"leg": leg_id, "kind": "unsent"})
                    return
                break
        if hang_up:
            with self._told:
                self._told.wait_for(lambda: leg_id in self._answered or leg_id in self._over, LAST_WORDS_SECONDS)
            try:
                self._control.hang_up(LegId(leg_id), EndReason.HANG_UP)
            except (UnreachableError, RejectedError) as refused:
                self._write({"leg": leg_id, "kind": "hang_up_refused", "why": refused.reason})
        with self._told:
            self._told.wait_for(lambda: leg_id in self._over, LAST_WORDS_SECONDS)

    def _take(self, event: LegEvent) -> None:
        self._write({"leg": event.leg_id, "kind": event.kind.value, "event": event.event_id, **event.values})
        self._pool.acknowledge(event)

    def _write(self, line: dict[str, object]) -> None:
        with self._told:
            self._file.write(json.dumps(line) + "\n")
            self._note(line)
            self._told.notify_all()

    def _note(self, line: dict[str, object]) -> None:
        leg, kind = str(line["leg"]), line["kind"]
        if kind == "dialed":
            self._dialed.add(leg)
        elif kind in (LegEventKind.ENDED.value, "unsent"):
            self._over.add(leg)
        elif kind == LegEventKind.ANSWERED.value:
            self._answered.add(leg)

    def _read(self) -> Iterator[dict[str, object]]:
        if self._story.exists():
            text = self._story.read_text()
            whole = text[: text.rfind("\n") + 1]
            self._story.write_text(whole)  # the last line of a killed node may be torn
            yield from map(json.loads, whole.splitlines())


def main() -> None:
    """Run one node."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("folder", Path), ("port", int), ("peer", int), ("total", int)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--hung-seconds", type=float, default=5.0)
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory((given.folder / "node.log").open("a")))
    SoakNode(given.folder, given.port, given.peer, given.hung_seconds).run(given.total, given.seconds)


if __name__ == "__main__":
    main()
