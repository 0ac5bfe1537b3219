"""One signalling address: a carrier that hears nobody but the edge is called by several workers, and calls us."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from followup.calls import EndReason, LegId
from suifang.edge_command import write_edge
from telephony.call_control import LegEvent, LegEventKind, Trunk
from telephony.edge.configuration import Edge, EdgeError, EdgePeer, EdgeTls, edge_configuration, tls_configuration
from telephony.sip import wire
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pool_settings import PoolSettings
from telephony.sip.pooled_worker import WorkerPhase
from telephony.sip.rtp_guard import only_from
from tests.support.hostile_sip import OFFER, request
from tests.support.kamailio import needs_kamailio
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.sip_peer import call_worker, outbound
from tests.support.sipp import listens
from tests.support.waiting import until

WORKERS = 3

needs_tls = pytest.mark.skipif(
    not any(Path("/usr/lib").glob("*/kamailio/modules/tls.so")),
    reason="kamailio's tls module is not installed (Debian: apt-get install kamailio-tls-modules)",
)


@dataclass
class EdgeHouse:
    """A pool with a front worker behind a running edge, and two carriers that hear only the edge."""

    edge_port: int
    settings: PoolSettings
    carriers: list[RawPeer]
    events: list[LegEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = WorkerPool(self.settings, self._take)
        self.control = SipCallControl(self.pool)

    def _take(self, event: LegEvent) -> None:
        self.events.append(event)
        self.pool.acknowledge(event)

    def wait_for(self, kind: LegEventKind, leg_id: LegId | None = None) -> LegEvent:
        def found() -> list[LegEvent]:
            return [e for e in self.events if e.kind is kind and leg_id in (None, e.leg_id)]

        return until(found, timeout=10, what=f"{kind} {leg_id}")[-1]

    def trunk(self, carrier: int, *, by_edge: bool = True) -> Trunk:
        return Trunk(
            name=f"carrier-{carrier}",
            host="127.0.0.1",
            port=self.carriers[carrier].port,
            outbound_proxy=f"127.0.0.1:{self.edge_port}" if by_edge else "",
            loopback_only=True,
        )


@contextmanager
def running_edge(folder: Path, edge: Edge) -> Iterator[None]:
    """kamailio with exactly what we generate."""
    folder = folder / "kamailio"
    folder.mkdir()
    files = write_edge(edge, folder / "edge.cfg")
    with running_kamailio(folder, files[0].read_text(), edge.port):
        yield


@contextmanager
def running_kamailio(folder: Path, text: str, port: int) -> Iterator[None]:
    """kamailio with this configuration, listening on this UDP port."""
    folder.mkdir(exist_ok=True)
    configuration = folder / "kamailio.cfg"
    configuration.write_text(text)
    command = ["kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-f", str(configuration), "-Y", str(folder)]
    with (folder / "kamailio.log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: listens(port) or child.poll() is not None, timeout=10, what="kamailio listens")
        assert child.poll() is None, (folder / "kamailio.log").read_text()[-3000:]
        yield
    finally:
        child.terminate()
        child.wait(timeout=10)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeHouse]:
    folder = tmp_path_factory.mktemp("edge")
    ports = free_udp_block(160)
    settings = PoolSettings(
        node="edge-node",
        folder=folder / "telephony",
        socket_folder=folder / "run",
        log_folder=folder / "logs",
        sip_port_base=ports + 4,
        rtp_port_base=ports + 72,
        rtp_ports_each=16,
        front_workers=2,
        workers_warm=2,
        workers_max=WORKERS,
        no_reply_seconds=2.0,
        orphan_seconds=20.0,
    )
    with ExitStack() as open_things:
        carriers = [open_things.enter_context(raw_peer()) for _ in range(2)]
        for carrier in carriers:
            assert only_from(carrier.port, "127.0.0.1", ports)
        edge = Edge(
            host="127.0.0.1",
            port=ports,
            worker_host="127.0.0.1",
            worker_ports=range(ports + 2, ports + 4 + WORKERS + 16),
            front_workers=2,
            peers=tuple(EdgePeer(name=f"c{c.port}", host="127.0.0.1", port=c.port) for c in carriers),
        )
        open_things.enter_context(running_edge(folder, edge))
        house = EdgeHouse(ports, settings, carriers)
        house.pool.start()
        ready = [WorkerPhase.READY] * 4
        until(
            lambda: [worker.phase for worker in house.pool.workers()] == ready,
            timeout=15,
            what="two workers and two front workers are ready",
        )
        yield house
        house.pool.close(quit_idle=True)


def pick_up(carrier: RawPeer, invite: Received) -> None:
    routes = invite.all("Record-Route")
    carrier.answer(invite, rtp_port=free_udp_block(2), headers={"Record-Route": ", ".join(routes)} if routes else None)
    carrier.receive("ACK")


def in_dialog(carrier: RawPeer, house: EdgeHouse, invite: Received, method: str) -> bytes:
    """A request of the carrier's within the dialog that our INVITE made."""
    contact = invite.one("Contact").split("<")[1].split(">")[0]
    return request(
        method,
        ("127.0.0.1", house.edge_port),
        own=("127.0.0.1", carrier.port),
        uri=contact,
        call_id=invite.one("Call-ID"),
        sender=f"{invite.one('To')};tag=far",
        to=invite.one("From"),
        cseq=f"5 {method}",
        branch=f"z9hG4bK{method}{carrier.port}",
        headers=tuple(f"Route: {route}" for route in invite.all("Record-Route")),
    )


@needs_kamailio
def test_calls_of_several_workers_reach_a_carrier_that_hears_only_the_edge(house: EdgeHouse) -> None:
    legs, invites = [], []
    for number, carrier in enumerate(house.carriers):
        leg = outbound(f"+861390000070{number}")
        house.control.originate(leg, house.trunk(number))
        invite = carrier.receive("INVITE")
        assert invite.source == ("127.0.0.1", house.edge_port)
        pick_up(carrier, invite)
        house.wait_for(LegEventKind.ANSWERED, leg.leg_id)
        legs.append(leg.leg_id)
        invites.append(invite)
    used = {worker.sip_port for worker in house.pool.workers() if worker.legs}
    assert len(used) == 2, "the calls are made by two workers"

    house.control.hold(legs[0])
    again = house.carriers[0].receive("INVITE")
    assert again.source == ("127.0.0.1", house.edge_port)
    pick_up(house.carriers[0], again)
    house.wait_for(LegEventKind.HELD, legs[0])

    house.control.hang_up(legs[0], EndReason.HANG_UP)
    house.carriers[0].reply(house.carriers[0].receive("BYE"), "200 OK")
    house.wait_for(LegEventKind.ENDED, legs[0])

    bye = in_dialog(house.carriers[1], house, invites[1], "BYE")
    house.carriers[1].line.sendto(bye, ("127.0.0.1", house.edge_port))
    assert house.carriers[1].receive("SIP/2.0").start == "SIP/2.0 200 OK"
    end = house.wait_for(LegEventKind.ENDED, legs[1]).values
    assert (end["end_reason"], end["party"]) == ("hang_up", "patient")


@needs_kamailio
def test_the_same_carrier_hears_nothing_of_a_worker_that_calls_past_the_edge(house: EdgeHouse) -> None:
    leg = outbound("+8613900000710")
    house.control.originate(leg, house.trunk(0, by_edge=False))
    assert house.wait_for(LegEventKind.ENDED, leg.leg_id).values["end_reason"] == "network_failure"
    assert house.carriers[0].hears_nothing(timeout=0.1)


@needs_kamailio
def test_a_call_given_up_is_cancelled_by_way_of_the_edge(house: EdgeHouse) -> None:
    carrier, leg = house.carriers[1], outbound("+8613900000711")
    house.control.originate(leg, house.trunk(1))
    invite = carrier.receive("INVITE")
    carrier.reply(invite, "180 Ringing")
    house.wait_for(LegEventKind.RINGING, leg.leg_id)
    house.control.hang_up(leg.leg_id, EndReason.CANCELLED)
    carrier.reply(carrier.receive("CANCEL"), "200 OK")
    carrier.reply(invite, "487 Request Terminated")
    assert carrier.receive("ACK").source == ("127.0.0.1", house.edge_port)
    assert house.wait_for(LegEventKind.ENDED, leg.leg_id).values["end_reason"] == "cancelled"


@needs_kamailio
def test_a_carriers_call_rings_at_the_front_worker_and_is_ended_by_us(house: EdgeHouse) -> None:
    carrier = house.carriers[0]
    edge = ("127.0.0.1", house.edge_port)
    own = ("127.0.0.1", carrier.port)
    invite = request("INVITE", edge, own=own, call_id="in@carrier", branch="z9hG4bKin", body=OFFER)
    carrier.line.sendto(invite, edge)
    ringing = carrier.receive("SIP/2.0")
    while not ringing.start.startswith("SIP/2.0 180"):
        ringing = carrier.receive("SIP/2.0")
    leg_id = house.wait_for(LegEventKind.INCOMING).leg_id
    front = next(worker for worker in house.pool.workers() if leg_id in worker.legs)
    assert front.sip_port == house.settings.sip_port_base - 1
    house.control.answer(leg_id)
    answered = carrier.receive("SIP/2.0")
    assert answered.start == "SIP/2.0 200 OK"
    routes = tuple(f"Route: {route}" for route in answered.all("Record-Route"))
    contact = answered.one("Contact").split("<")[1].split(">")[0]
    ack = request(
        "ACK",
        edge,
        own=own,
        uri=contact,
        call_id="in@carrier",
        to=answered.one("To"),
        cseq="1 ACK",
        branch="z9hG4bKinack",
        headers=routes,
    )
    carrier.line.sendto(ack, edge)
    house.wait_for(LegEventKind.ANSWERED, leg_id)
    house.control.hang_up(leg_id, EndReason.HANG_UP)
    bye = carrier.receive("BYE")
    assert bye.source == edge
    carrier.reply(bye, "200 OK")
    house.wait_for(LegEventKind.ENDED, leg_id)


@needs_kamailio
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE"])
def test_a_stranger_finds_nobody_at_the_edge(house: EdgeHouse, method: str) -> None:
    with raw_peer() as stranger:
        edge = ("127.0.0.1", house.edge_port)
        stranger.line.sendto(request(method, edge, own=("127.0.0.1", stranger.port)), edge)
        assert stranger.hears_nothing(timeout=0.5)


@needs_kamailio
def test_a_strangers_answer_is_passed_on_to_nobody(house: EdgeHouse) -> None:
    with raw_peer() as stranger, raw_peer() as victim:
        forged = (
            f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:{house.edge_port};branch=z9hG4bKx\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{victim.port};branch=z9hG4bKy\r\nFrom: <sip:a@b>;tag=1\r\n"
            "To: <sip:c@d>;tag=2\r\nCall-ID: forged\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        stranger.say(forged, ("127.0.0.1", house.edge_port))
        assert victim.hears_nothing(timeout=0.5)


def ringing(house: EdgeHouse, call_id: str) -> Received:
    """A call of the first carrier's comes: the first answer but 100."""
    carrier = house.carriers[0]
    edge, own = ("127.0.0.1", house.edge_port), ("127.0.0.1", carrier.port)
    carrier.line.sendto(request("INVITE", edge, own=own, call_id=call_id, branch=f"z9hG4bK{call_id}", body=OFFER), edge)
    while (answer := carrier.receive("SIP/2.0")).start.startswith("SIP/2.0 100") or answer.one("Call-ID") != call_id:
        pass
    return answer


def refuse_all(house: EdgeHouse, reason: EndReason = EndReason.NO_ANSWER) -> None:
    """Nobody takes those who ring; the carrier hears so of each."""
    front = {worker.sip_port: worker.legs for worker in house.pool.workers()}
    for leg_id in [leg_id for legs in front.values() for leg_id in legs]:
        house.control.hang_up(leg_id, reason)
        house.wait_for(LegEventKind.ENDED, leg_id)
    until(lambda: not any(worker.legs for worker in house.pool.workers()), timeout=5, what="nobody is on the line")


@needs_kamailio
def test_four_callers_find_room_in_two_front_workers_and_a_fifth_hears_busy(house: EdgeHouse) -> None:
    answers = [ringing(house, f"full{number}") for number in range(5)]
    assert [answer.start.split()[1] for answer in answers] == ["180", "180", "180", "180", "486"]
    assert int(answers[-1].one("Retry-After")) > 0
    base = house.settings.sip_port_base
    callers = {worker.sip_port - base: len(worker.legs) for worker in house.pool.workers() if worker.legs}
    assert callers == {-1: 2, -2: 2}
    refuse_all(house)


@needs_kamailio
def test_a_caller_who_is_refused_by_us_does_not_ring_at_the_next_front_worker(house: EdgeHouse) -> None:
    before = len([event for event in house.events if event.kind is LegEventKind.INCOMING])
    assert ringing(house, "refused").start.startswith("SIP/2.0 180")
    until(lambda: any(worker.legs for worker in house.pool.workers()), timeout=5, what="it rings")
    refuse_all(house, EndReason.BUSY)
    while not (answer := house.carriers[0].receive("SIP/2.0")).start.startswith("SIP/2.0 486"):
        assert answer.one("Call-ID") == "refused"
    assert len([event for event in house.events if event.kind is LegEventKind.INCOMING]) == before + 1


@needs_kamailio
def test_while_the_first_front_worker_hangs_callers_ring_at_the_next(house: EdgeHouse) -> None:
    first = next(worker for worker in house.pool.workers() if worker.sip_port == house.settings.sip_port_base - 1)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        assert ringing(house, "hangs").start.startswith("SIP/2.0 180")
    finally:
        os.kill(first.pid, signal.SIGCONT)
    second = house.settings.sip_port_base - 2
    until(lambda: [w for w in house.pool.workers() if w.sip_port == second and w.legs], timeout=5, what="it rings")
    refuse_all(house)


@needs_kamailio
def test_a_dead_front_worker_is_followed_by_another(house: EdgeHouse) -> None:
    port = house.settings.sip_port_base - 1
    before = next(worker for worker in house.pool.workers() if worker.sip_port == port)
    os.kill(before.pid, signal.SIGKILL)
    until(
        lambda: [w for w in house.pool.workers() if w.sip_port == port and w.pid not in (0, before.pid)],
        timeout=20,
        what="another front worker",
    )
    assert house.pool.free() == WORKERS, "the front worker is none of those that make calls"


# --- TLS towards the carrier ----------------------------------------------------------------------------------------

TLS_CARRIER = """#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
enable_tls=yes
auto_aliases=no
dns=no
listen=tls:127.0.0.1:{tls}
listen=udp:127.0.0.1:{udp}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
request_route {{
    xlog("L_NOTICE", "took $rm over $proto\\n");
    if (has_totag()) {{
        if (loose_route() || t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    record_route();
    $du = "sip:127.0.0.1:{onward}";
    $fs = "udp:127.0.0.1:{udp}";
    t_relay();
}}
"""


def make_certificate(folder: Path, name: str) -> EdgeTls:
    """An authority of its own, and a certificate by it for 127.0.0.1."""
    folder.mkdir()
    for command in (
        f"req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN={name}-ca",
        f"req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN={name}",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out certificate.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return EdgeTls(port=1, certificate=folder / "certificate.pem", key=folder / "key.pem", ca_file=folder / "ca.pem")


@needs_kamailio
@needs_tls
@pytest.mark.parametrize("trusted", [True, False])
def test_the_edge_speaks_tls_for_a_worker_that_must_not(tmp_path: Path, *, trusted: bool) -> None:
    theirs, others = make_certificate(tmp_path / "theirs", "carrier"), make_certificate(tmp_path / "others", "other")
    ports = free_udp_block(8)
    with raw_peer() as patient, ExitStack() as open_things:
        carrier = TLS_CARRIER.format(
            tls=ports, udp=ports + 1, onward=patient.port, key=theirs.key, certificate=theirs.certificate
        )
        open_things.enter_context(running_kamailio(tmp_path / "carrier", carrier, ports + 1))
        worker = open_things.enter_context(call_worker(tmp_path / "worker"))
        edge = Edge(
            host="127.0.0.1",
            port=ports + 2,
            worker_host="127.0.0.1",
            worker_ports=range(worker.config.sip_port, worker.config.sip_port + 1),
            peers=(EdgePeer(name="carrier", host="127.0.0.1", port=ports, tls=True),),
            tls=replace(theirs if trusted else others, port=ports + 3),
        )
        open_things.enter_context(running_edge(tmp_path, edge))
        node = worker.connect()
        leg = outbound("+8613900000720")
        trunk = Trunk(
            name="carrier", host="127.0.0.1", port=ports, outbound_proxy=f"127.0.0.1:{edge.port}", loopback_only=True
        )
        node.do(wire.Originate(leg=leg, trunk=trunk))
        if not trusted:
            end = node.wait_for(leg.leg_id, LegEventKind.ENDED, timeout=15).values
            assert end["end_reason"] != "hang_up"
            assert patient.hears_nothing(timeout=0.1), "a carrier that nobody vouches for was spoken to"
            return
        invite = patient.receive("INVITE")
        assert "SIP/2.0/TLS 127.0.0.1" in invite.all("Via")[1]
        pick_up(patient, invite)
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        patient.reply(patient.receive("BYE"), "200 OK")
        node.wait_for(leg.leg_id, LegEventKind.ENDED)
        said = (tmp_path / "carrier" / "kamailio.log").read_text()
        assert [said.count(f"took {method} over tls") for method in ("INVITE", "ACK", "BYE")] == [1, 1, 1]


# --- what is generated (pure) ----------------------------------------------------------------------------------------


def an_edge(**other: object) -> Edge:
    given: dict[str, object] = {
        "host": "192.0.2.1",
        "port": 5060,
        "worker_host": "192.0.2.1",
        "worker_ports": range(15059, 15080),
        "peers": (EdgePeer(name="carrier", host="192.0.2.9", port=5060),),
    }
    return Edge(**(given | other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"peers": ()}, "no trunk"),
        ({"port": 15061}, "belongs to a call worker"),
        ({"port": 0}, "the edge's port"),
        ({"host": 'x"; drop'}, "is no host"),
        ({"peers": (EdgePeer(name="c", host="a b", port=1),)}, "is no host"),
        ({"peers": (EdgePeer(name="c", host="192.0.2.9", port=5061, tls=True),)}, "--certificate"),
        ({"rtpengine": "somewhere"}, "no rtpengine"),
    ],
)
def test_an_edge_that_cannot_be_is_refused_in_words(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(EdgeError, match=says):
        edge_configuration(an_edge(**wrong))


@needs_kamailio
@needs_tls
def test_kamailio_takes_an_edge_with_tls_and_rtpengine(tmp_path: Path) -> None:
    tls = EdgeTls(port=5061, certificate=Path("/c.pem"), key=Path("/k.pem"), ca_file=Path("/ca.pem"))
    edge = an_edge(
        host="127.0.0.1",
        peers=(EdgePeer(name="carrier", host="192.0.2.9", port=5061, tls=True),),
        tls=tls,
        rtpengine="udp:127.0.0.1:2223",
    )
    file = tmp_path / "edge.cfg"
    file.write_text(edge_configuration(edge, tls_file=tmp_path / "tls.cfg"))
    told = subprocess.run(["kamailio", "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    assert "method = TLSv1.2+" in tls_configuration(tls)
    assert "require_certificate = yes" in tls_configuration(tls).partition("[client:default]")[2]
