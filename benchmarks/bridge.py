"""What a bridged and recorded call costs: `python -m benchmarks.bridge --json`.

Ours are real call workers on loopback, each with an agent's and a patient's leg against sipp, both sides recorded. The
peer that runs here is kamailio with rtpengine, which relays packets (and keeps them as pcap) without decoding them.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bridge_delay import Phone, delays, own_delay
from benchmarks.driven_worker import AGENT, PATIENT, DrivenWorker, echoing_sipp, quiet_sipp, start_driven
from benchmarks.relay_peer import RelayFigures, measure_relay, missing
from benchmarks.row import Row, print_rows
from telephony.call_control import LegEventKind
from telephony.sip.wire import PauseRecording, ResumeRecording

FIRST_PORT = 16000  # below what tests and a default installation take
RELAY_PORT = 14000
NOT_HERE = "Debian 12 has no package of it: not run; docs/telephony-figures.md cites figures measured elsewhere"
FRAMES = (20, 40)
BYTES_PER_SECOND = 16000
PACKETS_PER_SECOND = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many conversations at once, with this codec and this frame of the bridge."""

    conversations: int
    codec: str
    frame: int

    def __str__(self) -> str:
        return f"{self.conversations} conversations, {self.codec}, {self.frame} ms frames"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What was measured under a load, per conversation."""

    cpu_s_per_call_minute: list[float]
    wakeups_per_second: float
    kilobytes: dict[str, int]
    recorded_share: float  # of the conversation that lost most
    packets_share: float  # of the packets due on both its legs, of the conversation that lost most
    setup_seconds: list[float]
    setups_per_second: float
    cpu_seconds_per_setup: float


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}: {text}\n")


def measure(folder: Path, load: Load, seconds: float) -> Cost:
    """Set the conversations up, let them run for a while, take them down."""
    folder.mkdir()
    with ExitStack() as running, echoing_sipp(folder, 13000, load.codec) as trunk:
        workers = []
        for number in range(load.conversations):
            worker = start_driven(folder, number, FIRST_PORT, frame_milliseconds=load.frame)
            running.callback(worker.close)
            worker.greet()  # one after the other: fifty at once would start for longer than any of them may
            workers.append(worker)
        for worker in workers:
            worker.ring_headset(trunk)
        cpu_before, began, setups = sum(worker.cpu_seconds() for worker in workers), time.monotonic(), []
        for number, worker in enumerate(workers):
            asked = time.monotonic()
            worker.call_patient(trunk, folder / f"recording-{number}")
            setups.append(time.monotonic() - asked)
        setup_rate = load.conversations / (time.monotonic() - began)
        setup_cpu = (sum(worker.cpu_seconds() for worker in workers) - cpu_before) / load.conversations
        time.sleep(1.0)
        came = [_packets(worker) for worker in workers]
        before = [(worker.cpu_seconds(), worker.wakeups()) for worker in workers]
        began = time.monotonic()
        time.sleep(seconds)
        after = [(worker.cpu_seconds(), worker.wakeups()) for worker in workers]
        lasted = time.monotonic() - began
        gone = [_packets(worker) for worker in workers]
        memory = [worker.memory() for worker in workers]
        shares = []
        for number, worker in enumerate(workers):
            started = worker.expect(PATIENT, LegEventKind.RECORDING_STARTED).occurred_at
            worker.hang_up(PATIENT)
            stopped = worker.expect(PATIENT, LegEventKind.RECORDING_STOPPED).occurred_at
            due = (stopped - started).total_seconds() * BYTES_PER_SECOND
            sizes = [file.stat().st_size for file in (folder / f"recording-{number}").glob("*.wav")]
            shares.append(min(sizes) / due)
            worker.hang_up(AGENT)
    return Cost(
        cpu_s_per_call_minute=[(b[0] - a[0]) / lasted * 60 for a, b in zip(before, after, strict=True)],
        wakeups_per_second=statistics.median((b[1] - a[1]) / lasted for a, b in zip(before, after, strict=True)),
        kilobytes={name: round(statistics.median(each[name] for each in memory)) for name in memory[0]},
        recorded_share=min(shares),
        packets_share=min(
            (late[1] - early[1]) / ((late[0] - early[0]) * 2 * PACKETS_PER_SECOND)
            for early, late in zip(came, gone, strict=True)
        ),
        setup_seconds=setups,
        setups_per_second=setup_rate,
        cpu_seconds_per_setup=setup_cpu,
    )


def _packets(worker: DrivenWorker) -> tuple[float, int]:
    """When it was asked, and how many packets had come on its legs."""
    return time.monotonic(), sum(leg.packets_received for leg in worker.status().legs)


def measure_idle(folder: Path, seconds: float) -> tuple[float, float]:
    """The share of a core that a warm worker takes, and one with a headset waiting for a call."""
    folder.mkdir()
    with echoing_sipp(folder, 13000, "PCMA") as trunk, ExitStack() as running:
        idle, waiting = (start_driven(folder, number, FIRST_PORT) for number in range(2))
        for worker in (idle, waiting):
            running.callback(worker.close)
            worker.greet()
        waiting.ring_headset(trunk)
        time.sleep(1.0)
        before, began = (idle.cpu_seconds(), waiting.cpu_seconds()), time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        shares = ((idle.cpu_seconds() - before[0]) / lasted, (waiting.cpu_seconds() - before[1]) / lasted)
        waiting.hang_up(AGENT)
    return shares


def measure_commands(folder: Path, times: int) -> list[float]:
    """Seconds from a command to its answer, given when it has been done, in a live conversation."""
    folder.mkdir()
    with echoing_sipp(folder, 13000, "PCMA") as trunk:
        worker = start_driven(folder, 0, FIRST_PORT)
        try:
            worker.greet()
            worker.ring_headset(trunk)
            worker.call_patient(trunk, folder / "recording")
            took = []
            for number in range(times):
                asked = time.perf_counter()
                worker.ask((PauseRecording if number % 2 == 0 else ResumeRecording)(leg_id=PATIENT))
                took.append(time.perf_counter() - asked)
                time.sleep(0.013)  # so that they fall on every moment of a frame
            worker.hang_up(PATIENT, AGENT)
        finally:
            worker.close()
    return took


def measure_delay(folder: Path, frame: int, seconds: float) -> float:
    """The seconds that the bridge adds from one phone to the other, beyond what the phones themselves do."""
    folder.mkdir()
    own = own_delay(FIRST_PORT + 60, seconds)
    one, other = Phone(FIRST_PORT + 70, bursts=True), Phone(FIRST_PORT + 72, bursts=False)
    with (
        quiet_sipp(folder, 13000, one.port) as to_one,
        quiet_sipp(folder, 13010, other.port) as to_other,
    ):
        worker = start_driven(folder, 0, FIRST_PORT, frame_milliseconds=frame)
        try:
            worker.greet()
            other.start()
            worker.ring_headset(to_other)
            one.start()
            worker.call_patient(to_one, folder / "recording")
            time.sleep(seconds + 4)
            one.stop()
            other.stop()
            worker.hang_up(PATIENT, AGENT)
        finally:
            worker.close()
    return statistics.median(delays(one, other)) - own


def spread(values: Sequence[float]) -> float:
    """The range as a share of the median."""
    return (max(values) - min(values)) / statistics.median(values)


def rows(sizes: Sequence[int], codecs: Sequence[str], seconds: float) -> list[Row]:
    """All figures."""
    found: list[Row] = []
    machine = f"{os.cpu_count()} processors"
    with tempfile.TemporaryDirectory(prefix="bridge-") as place:
        folder = Path(place)
        added = {}
        for frame in FRAMES:
            say(f"delay with {frame} ms frames")
            added[frame] = statistics.median(
                measure_delay(folder / f"delay-{frame}-{again}", frame, seconds) for again in range(3)
            )
            found.append(_alone("bridge.added_delay_ms", "ms one way", added[frame] * 1000, 3, f"{frame} ms frames"))
        for codec in codecs:
            for size in sizes:
                found += _cost_rows(folder, codec, size, seconds, added, machine)
        say("idle")
        idle, waiting = measure_idle(folder / "idle", seconds * 2)
        found.append(_alone("bridge.idle_worker_cpu", "share of a core", idle, 1, "warm worker, no leg up, no clock"))
        found.append(_alone("bridge.waiting_headset_cpu", "share of a core", waiting, 1, "one agent leg up, no call"))
        say("commands")
        took = sorted(measure_commands(folder / "commands", 300))
        for name, value in (("median", statistics.median(took)), ("p99", took[int(len(took) * 0.99)])):
            found.append(_alone(f"bridge.command_{name}_ms", "ms", value * 1000, len(took), "ask to answer, call up"))
    return found


def _cost_rows(folder: Path, codec: str, size: int, seconds: float, added: dict[int, float], machine: str) -> list[Row]:
    relayed: dict[str, RelayFigures | None] = {}
    lacking = missing()
    for record in (True, False):
        what = "kamailio + rtpengine, pcap of both legs" if record else "kamailio + rtpengine, relay only"
        if lacking:
            relayed[what] = None
            continue
        say(f"{what}, {size} calls, {codec}")
        place = folder / f"relay-{codec}-{size}-{record}"
        relayed[what] = measure_relay(place, RELAY_PORT, codec, size, seconds, record=record)
    found = []
    for frame in FRAMES:
        load = Load(conversations=size, codec=codec, frame=frame)
        say(str(load))
        cost = measure(folder / f"load-{codec}-{size}-{frame}", load, seconds)
        ours = statistics.median(cost.cpu_s_per_call_minute)
        conditions = (
            f"{load}, {added[frame] * 1000:.0f} ms added one way, both sides recorded ({cost.recorded_share:.1%} of the"
            f" sound kept, {cost.packets_share:.1%} of the packets come, each of the conversation that lost most),"
            f" {cost.wakeups_per_second:.0f} wake-ups/s, {machine}"
        )
        for peer, figures in relayed.items():
            value = None if figures is None else figures.cpu_s_per_call_minute
            found.append(
                Row(
                    name="bridge.cpu_s_per_call_minute",
                    unit="CPU s",
                    ours=round(ours, 3),
                    peer=peer,
                    peer_value=None if value is None else round(value, 3),
                    ratio=None if value is None else round(value / ours, 3),
                    bound=None,
                    n=size,
                    spread=round(spread(cost.cpu_s_per_call_minute), 3),
                    conditions=f"{conditions}; the peer relays packets: no jitter buffer, no decoding, no mixing"
                    if figures
                    else f"{conditions}; the peer lacks {lacking} here",
                )
            )
        found += [
            Row(
                name="bridge.cpu_s_per_call_minute",
                unit="CPU s",
                ours=round(ours, 3),
                peer=peer,
                peer_value=None,
                ratio=None,
                bound=None,
                n=size,
                spread=round(spread(cost.cpu_s_per_call_minute), 3),
                conditions=f"{conditions}; {NOT_HERE}",
            )
            for peer in ("Asterisk 22 + MixMonitor", "FreeSWITCH 1.10 + record_session")
        ]
        if frame == FRAMES[0]:
            found += [
                _alone(f"bridge.memory_{name.lower()}_kb", "kB a conversation", kilobytes, size, str(load))
                for name, kilobytes in cost.kilobytes.items()
            ]
            found += [
                _alone("bridge.recorded_share", "of the sound", cost.recorded_share, size, str(load)),
                _alone("bridge.packets_share", "of the packets", cost.packets_share, size, str(load)),
                _alone("bridge.setups_per_s", "calls/s", cost.setups_per_second, size, f"{load}, one after the other"),
                _alone(
                    "bridge.setup_ms", "ms", statistics.median(cost.setup_seconds) * 1000, size, f"{load}, to joined"
                ),
                _alone("bridge.setup_cpu_ms", "CPU ms a call", cost.cpu_seconds_per_setup * 1000, size, str(load)),
            ]
    return found


def _alone(name: str, unit: str, ours: float, n: int, conditions: str) -> Row:
    return Row(
        name=name,
        unit=unit,
        ours=round(ours, 5),
        peer="none",
        peer_value=None,
        ratio=None,
        bound=None,
        n=n,
        spread=None,
        conditions=f"{conditions}; no peer measures this here",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bridge", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    parser.add_argument("--sizes", default="5,25,50", help="conversations at once (5,25,50)")
    parser.add_argument("--codecs", default="PCMA,PCMU")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each is watched (15)")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    print_rows(rows(sizes, given.codecs.split(","), given.seconds), as_json=given.json)


if __name__ == "__main__":
    main()
