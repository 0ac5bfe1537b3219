"""A browser headset in a call: processor time, drop-outs and delay, measured in Chromium with a fake microphone.

Ours is the gateway and what the headset's leg costs its call worker; the peer is aiortc as it is used by the book, one
RTCPeerConnection that decodes what it hears and encodes what it says, with nothing behind it. Both in the same run.
"""

import argparse
import asyncio
import functools
import http.server
import io
import multiprocessing
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import soundfile
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from playwright.sync_api import Page

from benchmarks.row import Row, print_rows
from followup.calls import LegRole
from runtime.settings import REPOSITORY
from telephony.call_control import LegEventKind
from telephony.headsets.browser_line import BROWSER_LINE
from telephony.sip.wire import AttachHeadset, Bridge, Originate
from tests.support.headset_browser import browser_desk, write_tone
from tests.support.headset_gateway import running_gateway
from tests.support.raw_sip import raw_peer
from tests.support.sip_peer import call_worker, loopback_trunk, outbound

_STATIC = REPOSITORY / "api" / "static" / "headset"
_BURST, _EVERY = 0.1, 1.0
_LOUD = 500
_ALAW = (
    32768 * soundfile.read(io.BytesIO(bytes(range(256))), format="RAW", subtype="ALAW", samplerate=8000, channels=1)[0]
)
_PUT_ON = """async () => {
  const {Headset} = await import("/headset.js");
  window.headset = new Headset({
    servers: async () => [],
    connect: async (sdp) => (await fetch("/offer", {method: "POST", body: sdp})).text(),
  });
  await headset.putOn();
}"""
# Looks at every block of a stream and notes when a burst began, by the clock that Python's time.time() reads too.
_WATCH = """async ([which]) => {
  const stream = which === "out" ? headset.remote : headset.stream;
  const context = headset.context;
  const source = `registerProcessor("bursts", class extends AudioWorkletProcessor {
    process([[samples]]) {
      if (samples) { let most = 0; for (const s of samples) most = Math.max(most, Math.abs(s));
        this.port.postMessage([currentTime, most]); }
      return true;
    }});`;
  window.bursts ??= {};
  const found = (window.bursts[which] = []);
  const script = new Blob([source], {type: "text/javascript"});
  if (!window.added) await context.audioWorklet.addModule(URL.createObjectURL(script));
  window.added = true;
  const node = new AudioWorkletNode(context, "bursts", {numberOfOutputs: 0});
  let quiet = 1;
  node.port.onmessage = ({data: [at, most]}) => {
    if (most > 0.02) { if (quiet > 0.3) found.push(performance.timeOrigin + performance.now()); quiet = 0; }
    else quiet += 128 / context.sampleRate;
  };
  context.createMediaStreamSource(stream).connect(node);
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """One run of ours."""

    gateway_share: float
    leg_share: float
    blocks: int
    dropped: int
    mouth_to_patient_ms: float
    patient_to_ear_ms: float


@contextmanager
def _page_server(answer_to: Any) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_POST(self) -> None:
            sdp = self.rfile.read(int(self.headers["content-length"])).decode()
            body = answer_to(sdp).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(_STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/page.html"
    finally:
        server.shutdown()


def rows(seconds: float) -> list[Row]:
    """Measure ours and the peer."""
    with tempfile.TemporaryDirectory(prefix="suifang-benchmark-") as name:
        folder = Path(name)
        microphone = write_tone(folder / "burst.wav", 700, on=_BURST, every=_EVERY)
        steady = write_tone(folder / "steady.wav", 700)
        ours = _ours(folder, microphone, steady, seconds)
        peer = _peer(steady, seconds)
    load = psutil.getloadavg()[0]
    conditions = (
        f"Chromium headless, fake microphone, PCMA, {seconds:.0f} s in a bridged call, load {load:.2f} on "
        f"{psutil.cpu_count()} cores; gateway {ours.gateway_share:.2f} %, in the worker {ours.leg_share:.2f} %; "
        "peer: RTCPeerConnection of aiortc 1.16.0 with PCMA, decoding and encoding, nothing behind it"
    )
    share = ours.gateway_share + ours.leg_share
    return [
        Row(
            name="headset.cpu_share", unit="% of a core per headset", ours=round(share, 2), peer="aiortc",
            peer_value=round(peer, 2), ratio=round(peer / share, 2), bound=None, n=1, spread=None,
            conditions=conditions,
        ),
        Row(
            name="headset.dropped", unit=f"of {ours.blocks} blocks of 20 ms at the patient's phone", ours=ours.dropped,
            peer="none in this run", peer_value=None, ratio=None, bound=0, n=1, spread=None,
            conditions=f"load {load:.2f}; steady tone of the microphone, blocks without it are counted",
        ),
        Row(
            name="headset.mouth_to_patient", unit="ms one way, median", ours=round(ours.mouth_to_patient_ms, 1),
            peer="none in this run", peer_value=None, ratio=None, bound=20, n=1, spread=None,
            conditions="from the microphone's track in the browser to RTP at the patient's port",
        ),
        Row(
            name="headset.patient_to_ear", unit="ms one way, median", ours=round(ours.patient_to_ear_ms, 1),
            peer="none in this run", peer_value=None, ratio=None, bound=20, n=1, spread=None,
            conditions="from RTP at the patient's port to the browser's output stream, its jitter buffer included",
        ),
    ]  # fmt: skip


# --- ours ------------------------------------------------------------------------------------------------------------


class _Phone(threading.Thread):
    """The patient's RTP: sends bursts or a tone, notes when the agent's begin, and keeps the loudness of each block."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.005)
        self.to: tuple[str, int] | None = None
        self.ending = False
        self.steady = False
        self.sent_bursts: list[float] = []
        self.heard_bursts: list[float] = []
        self.levels: list[int] = []

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def run(self) -> None:
        tone = np.sin(2 * np.pi * 1000 * np.arange(160) / 8000) * 9000
        loud = bytes(int(np.argmin(np.abs(_ALAW - sample))) for sample in tone)
        silence = b"\xd5" * 160
        begun, sent, quiet = time.monotonic(), 0, 50
        while not self.ending:
            while self.to is not None and time.monotonic() - begun >= sent * 0.02:
                sounding = self.steady or sent % 50 < _BURST * 50
                if sent % 50 == 0:
                    self.sent_bursts.append(time.time())
                head = struct.pack("!BBHII", 0x80, 8, sent & 0xFFFF, sent * 160, 4711)
                self.socket.sendto(head + (loud if sounding else silence), self.to)
                sent += 1
            try:
                packet, _ = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            if len(packet) < 100 or packet[1] & 0x7F != 8:
                continue
            level = int(np.sqrt(np.mean(_ALAW[np.frombuffer(packet[12:], np.uint8)] ** 2)))
            self.levels.append(level)
            if level > _LOUD:
                if quiet > 15:
                    self.heard_bursts.append(time.time())
                quiet = 0
            else:
                quiet += 1


def _ours(folder: Path, microphone: Path, steady: Path, seconds: float) -> _Measured:
    delays: dict[str, float] = {}
    shares: dict[str, float] = {}
    dropped = blocks = 0
    for sound, what in ((microphone, "delay"), (steady, "cost")):
        door = folder / f"{what}.sock"
        with (
            running_gateway(folder / what, door) as gateway,
            call_worker(folder / f"worker-{what}") as worker,
            raw_peer() as trunk,
            browser_desk(sound) as desk,
        ):
            address: list[str] = []

            def connect(sdp: str, said: list[str] = address, door: Any = gateway.door) -> str:
                connected = door.connect("agent", sdp)
                said.append(connected.address)
                return str(connected.sdp)

            with _page_server(connect) as url:
                desk.page.goto(url)
                desk.page.evaluate(_PUT_ON)
                desk.page.wait_for_function("headset.state === 'on'")
                node = worker.connect()
                call = outbound("patient")
                node.do(Originate(leg=call, trunk=loopback_trunk(trunk.port)))
                phone = _Phone()
                phone.steady = what == "cost"
                invite = trunk.receive("INVITE")
                trunk.answer(invite, rtp_port=phone.port)
                phone.to = ("127.0.0.1", int(invite.body.split("m=audio ")[1].split()[0]))
                phone.start()
                node.wait_for(call.leg_id, LegEventKind.ANSWERED)
                alone = _share(psutil.Process(worker.child.pid), 5.0)
                headset = outbound(address[-1], role=LegRole.AGENT)
                node.do(AttachHeadset(leg=headset, trunk=BROWSER_LINE))
                node.wait_for(headset.leg_id, LegEventKind.ANSWERED)
                node.do(Bridge(leg_id=call.leg_id, other=headset.leg_id))
                time.sleep(3)
                if what == "delay":
                    delays = _delays(desk.page, phone)
                else:
                    before = len(phone.levels)
                    pids = {"gateway": gateway.child.pid, "worker": worker.child.pid}
                    shares = _shares({name: psutil.Process(pid) for name, pid in pids.items()}, seconds)
                    heard = phone.levels[before:]
                    blocks = len(heard)
                    dropped = sum(level < statistics.median(heard) * 0.3 for level in heard)
                    dropped += max(0, round(seconds * 50) - blocks - 5)
                    shares["leg"] = shares["worker"] - alone
                phone.ending = True
    return _Measured(
        gateway_share=shares["gateway"],
        leg_share=shares["leg"],
        blocks=blocks,
        dropped=dropped,
        mouth_to_patient_ms=delays["mouth"],
        patient_to_ear_ms=delays["ear"],
    )


def _delays(page: Page, phone: _Phone) -> dict[str, float]:
    for which in ("in", "out"):
        page.evaluate(_WATCH, [which])
    phone.sent_bursts.clear()
    phone.heard_bursts.clear()
    page.wait_for_timeout(20_000)
    said, heard = page.evaluate("[bursts.in, bursts.out]")
    return {
        "mouth": _between([at / 1000 for at in said], phone.heard_bursts),
        "ear": _between(phone.sent_bursts, [at / 1000 for at in heard]),
    }


def _between(causes: list[float], effects: list[float]) -> float:
    found = []
    for at in causes:
        later = [effect - at for effect in effects if 0 < effect - at < 0.7]
        if later:
            found.append(min(later) * 1000)
    print(f"delays, ms: {[round(delay) for delay in found]}", file=sys.stderr)
    return statistics.median(found)


def _share(process: psutil.Process, seconds: float) -> float:
    return _shares({"it": process}, seconds)["it"]


def _shares(processes: dict[str, psutil.Process], seconds: float) -> dict[str, float]:
    def spent() -> dict[str, float]:
        return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}

    before, begun = spent(), time.monotonic()
    time.sleep(seconds)
    after, passed = spent(), time.monotonic() - begun
    return {name: 100 * (after[name] - before[name]) / passed for name in processes}


# --- the peer --------------------------------------------------------------------------------------------------------


class _Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._begun = time.monotonic()
        self._sound = (np.sin(2 * np.pi * 1000 * np.arange(160) / 8000) * 9000).astype("<i2").reshape(1, -1)

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(max(0.0, self._begun + self._sent * 0.02 - time.monotonic()))
        frame = av.AudioFrame.from_ndarray(self._sound, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, self._sent * 160, Fraction(1, 8000)
        self._sent += 1
        return frame


def _by_the_book(offers: Any, answers: Any) -> None:
    async def serve() -> None:
        link = RTCPeerConnection()
        consuming: list[asyncio.Future[None]] = []

        @link.on("track")
        def heard(track: MediaStreamTrack) -> None:
            async def consume() -> None:
                while True:
                    try:
                        await track.recv()
                    except MediaStreamError:
                        return

            consuming.append(asyncio.ensure_future(consume()))

        await link.setRemoteDescription(RTCSessionDescription(await asyncio.to_thread(offers.get), "offer"))
        link.addTrack(_Tone())
        await link.setLocalDescription(await link.createAnswer())
        answers.put(link.localDescription.sdp)
        await asyncio.sleep(3600)

    asyncio.run(serve())


def _peer(microphone: Path, seconds: float) -> float:
    context = multiprocessing.get_context("spawn")
    offers, answers = context.Queue(), context.Queue()
    child = context.Process(target=_by_the_book, args=(offers, answers), daemon=True)
    child.start()

    def connect(sdp: str) -> str:
        offers.put(sdp)
        return str(answers.get(timeout=20))

    try:
        with browser_desk(microphone) as desk, _page_server(connect) as url:
            desk.page.goto(url)
            desk.page.evaluate(_PUT_ON)
            desk.page.wait_for_function("headset.state === 'on'")
            desk.page.wait_for_timeout(3000)
            return _share(psutil.Process(child.pid), min(seconds, 30.0))
    finally:
        child.kill()
        child.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.headset", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list instead of lines to read")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the call is measured")
    arguments = parser.parse_args()
    print_rows(rows(arguments.seconds), as_json=arguments.json)


if __name__ == "__main__":
    main()
