"""What really went over loopback: a capture by dumpcap, read by tshark, neither of them ours."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.ports import free_udp_block
from tests.support.waiting import until


@cache
def why_no_capture() -> str | None:
    """Why nothing can be captured here, or None when it can."""
    if shutil.which("tshark") is None or shutil.which("dumpcap") is None:
        return "tshark and dumpcap are not installed (Debian: apt-get install tshark)"
    if os.geteuid() != 0:
        return "capturing on loopback needs root"
    tried = subprocess.run(["dumpcap", "-L", "-i", "lo"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"dumpcap may not capture on loopback: {tried.stderr.strip()[:200]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SipPacket:
    """A SIP message on the wire; `gist` is its method or status."""

    at: float
    source: int
    target: int
    gist: str
    cseq: tuple[int, str]
    call_id: str
    from_tag: str
    to_tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicePacket:
    """An RTP packet on the wire; `payload` is in hexadecimal."""

    at: float
    source: int
    source_id: str
    payload_type: int
    number: int
    stamp: int
    payload: str


@dataclass(frozen=True, slots=True)
class Capture:
    """A finished capture; `sip_ports` are those that tshark is to read as SIP."""

    file: Path
    sip_ports: Sequence[int]

    def fields(self, display_filter: str, *names: str) -> list[dict[str, list[str]]]:
        """The named fields of each packet that passes tshark's filter; a field that occurs twice has two values."""
        command = ["tshark", "-n", "-r", str(self.file), "-Y", display_filter, "-T", "fields"]
        command += ["-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=|"]
        for port in self.sip_ports:
            command += ["-d", f"udp.port=={port},sip"]
        for name in names:
            command += ["-e", name]
        read = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert read.returncode == 0, f"tshark ended with {read.returncode}: {read.stderr[-1000:]}"
        rows = (line.split("\t") for line in read.stdout.splitlines())
        return [
            {name: value.split("|") if value else [] for name, value in zip(names, row, strict=True)} for row in rows
        ]

    def sip(self) -> list[SipPacket]:
        """The SIP messages in order, without those that were sent again."""
        names = ["frame.time_epoch", "udp.srcport", "udp.dstport", "sip.Method", "sip.Status-Code", "sip.CSeq.seq"]
        names += ["sip.CSeq.method", "sip.Call-ID", "sip.from.tag", "sip.to.tag"]
        return [
            SipPacket(
                at=float(at),
                source=int(source),
                target=int(target),
                gist=method or status,
                cseq=(int(number), numbered),
                call_id=call_id,
                from_tag=from_tag,
                to_tag=to_tag,
            )
            for at, source, target, method, status, number, numbered, call_id, from_tag, to_tag in self._singles(
                "sip && !(sip.resend == 1)", *names
            )
        ]

    def voices(self) -> list[VoicePacket]:
        """The RTP packets in order, of every stream."""
        names = ["frame.time_epoch", "udp.srcport", "rtp.ssrc", "rtp.p_type", "rtp.seq", "rtp.timestamp", "rtp.payload"]
        return [
            VoicePacket(
                at=float(at),
                source=int(source),
                source_id=source_id,
                payload_type=int(kind),
                number=int(number),
                stamp=int(stamp),
                payload=payload,
            )
            for at, source, source_id, kind, number, stamp, payload in self._singles("rtp && !rtcp", *names)
        ]

    def _singles(self, display_filter: str, *names: str) -> list[list[str]]:
        return [[(row[name] or [""])[0] for name in names] for row in self.fields(display_filter, *names)]


@contextmanager
def capture(file: Path, *, first_port: int, last_port: int, sip_ports: Sequence[int]) -> Iterator[Capture]:
    """Everything that passes to or from these UDP ports on loopback, complete once the block is left."""
    mark = free_udp_block(1)
    wanted = f"udp and (portrange {first_port}-{last_port} or port {mark})"
    child = subprocess.Popen(
        ["dumpcap", "-q", "-i", "lo", "-f", wanted, "-w", str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_mark(b"the capture has begun", mark, file)
        yield Capture(file, sip_ports)
        _wait_for_mark(b"the capture may end", mark, file)
    finally:
        child.terminate()
        child.wait(timeout=10)


def _wait_for_mark(text: bytes, port: int, file: Path) -> None:
    """Send a packet that belongs to no call until it is in the file: so is all that went before it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def arrived() -> bool:
            sender.sendto(text, ("127.0.0.1", port))
            return file.exists() and text in file.read_bytes()

        until(arrived, timeout=15, what=f"dumpcap writes that {text.decode()}", every=0.1)
