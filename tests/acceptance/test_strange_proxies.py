"""A SIP proxy that is not ours between the call worker and the patient: it asks for a password, or only passes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from followup.calls import EndReason
from telephony.call_control import LegEventKind, Trunk
from telephony.sip import wire
from telephony.sip.burial import open_burial
from telephony.sip.farewell import FarewellOutcome
from tests.support.capture import Capture, capture, why_no_capture
from tests.support.kamailio import Gatekeeper, Kamailio, kamailio, needs_kamailio
from tests.support.sip_peer import NodeConnection, WorkerUnderTest, call_worker, loopback_trunk, outbound
from tests.support.sipp import SippMessage, gists, needs_sipp, sipp

pytestmark = [pytest.mark.stranger, needs_sipp, needs_kamailio]

PASSWORD = "Kranich7Schildkroete"  # stands in no log by chance
WRONG = "Schildkroete7Kranich"
GATEKEEPER = Gatekeeper(realm="pbx.example", username="ward7", password=PASSWORD)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerUnderTest]:
    with call_worker(tmp_path_factory.mktemp("worker")) as running:
        yield running


@pytest.fixture
def node(worker: WorkerUnderTest) -> Iterator[NodeConnection]:
    connection = worker.connect()
    yield connection
    connection.close()


def behind_the_gate(gate: Kamailio, password: str, *, realm: str = GATEKEEPER.realm) -> Trunk:
    return Trunk(
        name="carrier",
        host="127.0.0.1",
        port=gate.port,
        username=GATEKEEPER.username,
        password=password,
        realm=realm,
        loopback_only=True,
    )


def passed_through(messages: list[SippMessage], proxy: Kamailio) -> bool:
    """Whether every request reached sipp by the proxy and not past it."""
    requests = [message for message in messages if message.received and not message.text.startswith("SIP/2.0")]
    return all(f"127.0.0.1:{proxy.port}" in message.headers("Via")[0] for message in requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """A call that had to show its password, and is over."""

    gate: Kamailio
    patient: list[SippMessage]
    kinds: list[LegEventKind]
    end: dict[str, object]
    wire: Capture | None


@pytest.fixture(scope="module")
def challenged(worker: WorkerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Challenged]:
    folder = tmp_path_factory.mktemp("challenged")
    with (
        sipp(folder / "sipp", "answer") as patient,
        kamailio(folder / "gate", onward=patient.port, gatekeeper=GATEKEEPER) as gate,
    ):
        if why_no_capture() is None:
            file = folder / "challenged.pcapng"
            with capture(file, first_port=gate.port, last_port=gate.port, sip_ports=[gate.port]) as heard:
                kinds, end = answered_call(worker, behind_the_gate(gate, PASSWORD))
        else:
            heard, (kinds, end) = None, answered_call(worker, behind_the_gate(gate, PASSWORD))
        patient.wait_for_success()
        yield Challenged(gate=gate, patient=patient.messages(), kinds=kinds, end=end, wire=heard)


def answered_call(worker: WorkerUnderTest, trunk: Trunk) -> tuple[list[LegEventKind], dict[str, object]]:
    node = worker.connect()
    leg = outbound("+8613900000301")
    node.do(wire.Originate(leg=leg, trunk=trunk))
    node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
    node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
    end = node.wait_for(leg.leg_id, LegEventKind.ENDED)
    kinds = node.kinds(leg.leg_id)
    node.close()
    return kinds, dict(end.values)


def test_the_right_password_opens_the_way_and_the_patient_is_rung_once(challenged: Challenged) -> None:
    assert challenged.gate.took("INVITE") == [False, True]
    assert challenged.gate.passed_on("INVITE") == 1
    assert gists(challenged.patient) == ["> INVITE", "< 180", "< 200", "> ACK", "> BYE", "< 200"]
    assert passed_through(challenged.patient, challenged.gate)
    assert challenged.kinds == ["about_to_invite", "invited", "ringing", "answered", "ended"]
    assert challenged.end.items() >= {"end_reason": "hang_up", "party": "us", "sip_status": 0}.items()


def test_the_credentials_go_no_further_than_the_proxy(challenged: Challenged) -> None:
    assert all(not message.headers("Proxy-Authorization") for message in challenged.patient)


def test_the_challenge_on_the_wire_is_one_call_with_the_next_number(
    challenged: Challenged, worker: WorkerUnderTest
) -> None:
    if (reason := why_no_capture()) is not None:
        pytest.skip(reason)
    assert challenged.wire is not None, "this machine can capture, but nothing was captured"
    ours = worker.config.sip_port
    packets = [p for p in challenged.wire.sip() if ours in (p.source, p.target)]
    first = packets[0].cseq[0]
    assert [(packet.gist, packet.cseq[0] - first) for packet in packets] == [
        ("INVITE", 0),
        ("407", 0),
        ("ACK", 0),
        ("INVITE", 1),
        ("100", 1),
        ("180", 1),
        ("200", 1),
        ("ACK", 1),
        ("BYE", 2),
        ("200", 2),
    ]
    assert len({packet.call_id for packet in packets}) == 1
    assert len({packet.from_tag for packet in packets}) == 1


@pytest.mark.parametrize(
    ("trunk", "tries"),
    [
        pytest.param({"password": WRONG}, [False, True], id="wrong password"),
        pytest.param({"password": PASSWORD, "realm": "elsewhere.example"}, [False], id="password of another realm"),
    ],
)
def test_a_refused_password_ends_the_call_and_nobody_rings(
    worker: WorkerUnderTest, tmp_path: Path, trunk: dict[str, str], tries: list[bool]
) -> None:
    with (
        sipp(tmp_path / "sipp", "answer") as patient,
        kamailio(tmp_path / "gate", onward=patient.port, gatekeeper=GATEKEEPER) as gate,
    ):
        node = worker.connect()
        leg = outbound("+8613900000302")
        node.do(wire.Originate(leg=leg, trunk=behind_the_gate(gate, **trunk)))
        end = node.wait_for(leg.leg_id, LegEventKind.ENDED).values
        assert end.items() >= {"end_reason": "network_failure", "party": "us", "sip_status": 407}.items()
        assert node.kinds(leg.leg_id) == ["about_to_invite", "invited", "ended"]
        assert node.status().legs == ()
        assert not node.ask(wire.Originate(leg=leg, trunk=behind_the_gate(gate, PASSWORD))).ok
        assert patient.messages() == []
        # Nothing came after the last refusal; and it spoils nothing for a call with the right password.
        kinds, _ = answered_call(worker, behind_the_gate(gate, PASSWORD))
        assert kinds[-1] == "ended"
        assert gate.took("INVITE") == [*tries, False, True]
        patient.wait_for_success()


def test_no_password_is_written_anywhere(challenged: Challenged, worker: WorkerUnderTest) -> None:
    assert challenged.kinds[-1] == "ended"
    written = [file for file in worker.folder.rglob("*") if file.is_file()]
    assert worker.config.journal in written
    assert [f.name for f in written if PASSWORD.encode() in (text := f.read_bytes()) or WRONG.encode() in text] == []
    # Nor what would let a listener guess at it.
    assert [file.name for file in written if b"response=" in file.read_bytes()] == []


def test_an_outbound_proxy_carries_the_whole_dialog(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path / "sipp", "answer") as patient, kamailio(tmp_path / "proxy") as proxy:
        leg = outbound("+8613900000303")
        trunk = loopback_trunk(patient.port, proxy=f"127.0.0.1:{proxy.port}")
        node.do(wire.Originate(leg=leg, trunk=trunk))
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        assert node.wait_for(leg.leg_id, LegEventKind.ENDED).values["end_reason"] == "hang_up"
        patient.wait_for_success()
        assert gists(patient.messages()) == ["> INVITE", "< 180", "< 200", "> ACK", "> BYE", "< 200"]
        assert passed_through(patient.messages(), proxy)
        assert proxy.took("INVITE") == proxy.took("ACK") == proxy.took("BYE") == [False]


def test_giving_up_through_an_outbound_proxy_stops_the_ringing(node: NodeConnection, tmp_path: Path) -> None:
    with sipp(tmp_path / "sipp", "no_answer") as patient, kamailio(tmp_path / "proxy") as proxy:
        leg = outbound("+8613900000304", ring_seconds=0.5)
        node.do(wire.Originate(leg=leg, trunk=loopback_trunk(patient.port, proxy=f"127.0.0.1:{proxy.port}")))
        end = node.wait_for(leg.leg_id, LegEventKind.ENDED).values
        patient.wait_for_success()
    assert end.items() >= {"end_reason": "no_answer", "party": "patient", "sip_status": 487}.items()
    assert gists(patient.messages()) == ["> INVITE", "< 180", "> CANCEL", "< 200", "< 487", "> ACK"]
    assert passed_through(patient.messages(), proxy)


@pytest.mark.parametrize("gatekeeper", [None, GATEKEEPER], ids=["open", "challenged"])
@pytest.mark.parametrize(
    ("scenario", "last_seen", "farewell"),
    [
        ("answer", LegEventKind.ANSWERED, ["> BYE", "< 200"]),
        ("no_answer", LegEventKind.RINGING, ["> CANCEL", "< 200", "< 487", "> ACK"]),
    ],
)
def test_a_dead_workers_phone_behind_a_proxy_is_let_go(
    tmp_path: Path, scenario: str, last_seen: LegEventKind, farewell: list[str], gatekeeper: Gatekeeper | None
) -> None:
    with (
        sipp(tmp_path / "sipp", scenario) as patient,
        kamailio(tmp_path / "proxy", onward=patient.port if gatekeeper else None, gatekeeper=gatekeeper) as proxy,
        call_worker(tmp_path / "worker") as worker,
    ):
        leg = outbound("+8613900000305")
        by_proxy = loopback_trunk(patient.port, proxy=f"127.0.0.1:{proxy.port}")
        node = worker.connect()
        node.do(wire.Originate(leg=leg, trunk=by_proxy if gatekeeper is None else behind_the_gate(proxy, PASSWORD)))
        node.wait_for(leg.leg_id, last_seen)
        worker.child.kill()
        worker.wait_for_exit()
        outcomes = open_burial(worker.config.journal).part()
        patient.wait_for_success()
    assert outcomes == {leg.leg_id: FarewellOutcome.PARTED}
    assert gists(patient.messages())[-len(farewell) :] == farewell
    assert passed_through(patient.messages(), proxy)
