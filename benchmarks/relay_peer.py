"""The peer of the bridge benchmark: kamailio with rtpengine, which relays packets and can keep them as pcap."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
SCENARIOS = Path(__file__).with_name("sipp")
PAYLOADS = {"PCMA": "8", "PCMU": "0"}
NEEDED = ("kamailio", "rtpengine", "sipp")
SETTLING_SECONDS = 4.0

_CONFIGURATION = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{host}:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:{host}:{control}")
request_route {{
    if (has_totag()) {{
        loose_route();
        if (is_method("BYE")) {{ rtpengine_delete(); }}
        t_relay();
        exit;
    }}
    if (!is_method("INVITE")) {{ exit; }}
    record_route();
    $du = "sip:{host}:{onward}";
    rtpengine_offer("replace-origin replace-session-connection {record}");
    t_on_reply("answered");
    t_relay();
}}
onreply_route[answered] {{
    if (has_body("application/sdp")) {{ rtpengine_answer("replace-origin replace-session-connection"); }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFigures:
    """What relaying so many calls cost."""

    cpu_s_per_call_minute: float
    pss_kilobytes: int
    recorded_bytes_per_call_second: float


def missing() -> str:
    """Which programs the peer lacks here; empty when none."""
    return ", ".join(name for name in NEEDED if shutil.which(name) is None)


def measure_relay(
    folder: Path, first_port: int, codec: str, calls: int, seconds: float, *, record: bool
) -> RelayFigures:
    """Relay `calls` calls between a sipp that speaks and a sipp that echoes for `seconds`."""
    folder.mkdir()
    recordings = folder / "pcap"
    recordings.mkdir()
    with ExitStack() as running:
        engines = running.enter_context(_engines(folder, first_port, record=record))
        running.enter_context(_far_ends(folder, first_port, codec, calls, seconds))
        time.sleep(SETTLING_SECONDS + calls / 10)
        before, began, kept = _cpu_seconds(engines), time.monotonic(), _bytes_in(recordings)
        time.sleep(seconds)
        lasted = time.monotonic() - began
        return RelayFigures(
            cpu_s_per_call_minute=(_cpu_seconds(engines) - before) / lasted * 60 / calls,
            pss_kilobytes=sum(map(_pss, _family(engines))),
            recorded_bytes_per_call_second=(_bytes_in(recordings) - kept) / lasted / calls,
        )


@contextmanager
def _engines(folder: Path, first_port: int, *, record: bool) -> Iterator[list[int]]:
    configuration = folder / "kamailio.cfg"
    configuration.write_text(
        _CONFIGURATION.format(
            host=HOST,
            port=first_port,
            control=first_port + 1,
            onward=first_port + 2,
            record="record-call=on" if record else "",
        )
    )
    rtpengine = ["rtpengine", "-f", "-E", "--table=-1", "-L", "3", f"--interface={HOST}"]
    rtpengine += [f"--listen-ng={HOST}:{first_port + 1}", "-m", "40000", "-M", "44000", f"--pidfile={folder}/pid"]
    if record:
        rtpengine += [f"--recording-dir={folder}/pcap", "--recording-method=pcap", "--recording-format=eth"]
    proxy = ["kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-f", str(configuration), "-Y", str(folder)]
    children = []
    with (folder / "engines.txt").open("wb") as output:
        for command in (rtpengine, proxy):
            children.append(
                subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            )
            time.sleep(1.5)
    try:
        yield [child.pid for child in children]
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(8)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def _far_ends(folder: Path, first_port: int, codec: str, calls: int, seconds: float) -> Iterator[None]:
    sound = folder / "sound.g711"
    sound.write_bytes(bytes(range(256)) * 125)
    speaking = (SCENARIOS / "speak.xml").read_text().replace("SOUND", f"{sound},-1,{PAYLOADS[codec]}")
    (folder / "speak.xml").write_text(speaking)
    keys = ["-key", "payload", PAYLOADS[codec], "-key", "codec", codec, "-nostdin"]
    media = ["-i", HOST, "-mi", HOST]
    hold = str(int((seconds + SETTLING_SECONDS * 2 + calls / 10) * 1000))
    echo = ["sipp", "-sf", str(SCENARIOS / "echo.xml"), *media, "-p", str(first_port + 2), "-mp", str(first_port + 4)]
    speak = ["sipp", "-sf", str(folder / "speak.xml"), *media, "-p", str(first_port + 8)]
    speak += ["-mp", "45000", "-d", hold, "-m", str(calls), "-r", "10"]
    children = []
    with (folder / "sipp.txt").open("wb") as screen:
        for command in ([*echo, "-rtp_echo", *keys], [*speak, "-l", str(calls), *keys, f"{HOST}:{first_port}"]):
            children.append(subprocess.Popen(command, cwd=folder, stdout=screen, stderr=screen))
            time.sleep(1.0)
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def _family(pids: list[int]) -> list[int]:
    found = list(pids)
    for pid in pids:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found += _family([int(child) for child in children])
    return found


def _cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in _family(pids):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _pss(pid: int) -> int:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:"))


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
