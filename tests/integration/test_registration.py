"""Our own number at a carrier that wants it registered: a stranger's registrar with a password."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from followup.calls import EndReason
from runtime.settings import Settings
from runtime.trunks_file import TrunkEntry
from suifang.findings import Verdict
from suifang.registration_check import check_registrations
from telephony.call_control import LegEventKind, LegState, Transport, Trunk
from telephony.sip import wire
from tests.support.kamailio import Gatekeeper, Kamailio, needs_kamailio, registrar
from tests.support.sip_caller import CallPlan, dial
from tests.support.sip_peer import call_worker, loopback_trunk
from tests.support.stream_sip import Authority, authority
from tests.support.waiting import until

PASSWORD = "Kranich7Schildkroete"
GATEKEEPER = Gatekeeper(realm="carrier.example", username="4001", password=PASSWORD)

pytestmark = needs_kamailio


def trunk_to(carrier: Kamailio, password: str = PASSWORD) -> Trunk:
    return loopback_trunk(carrier.port, username=GATEKEEPER.username, password=password)


def standing(file: Path) -> str:
    return str(json.loads(file.read_text())["standing"]) if file.exists() else ""


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Kamailio]:
    with registrar(tmp_path / "carrier", gatekeeper=GATEKEEPER, seconds=7) as running:
        yield running


@pytest.fixture(scope="module")
def believed(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"), "carriers")


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_our_number_is_registered_over_a_connection_by_which_calls_come_in(
    tmp_path: Path, believed: Authority, transport: Transport
) -> None:
    certificate = believed.certify("127.0.0.1") if transport is Transport.TLS else None
    file = tmp_path / "registrations" / "test.json"
    with (
        registrar(tmp_path / "carrier", gatekeeper=GATEKEEPER, certificate=certificate, tcp=True) as carrier,
        call_worker(tmp_path / "worker", front=True) as worker,
    ):
        ca_file = str(believed.ca_file) if transport is Transport.TLS else ""
        trunk = replace(trunk_to(carrier), transport=transport, ca_file=ca_file)
        node = worker.connect()
        node.do(wire.Register(trunk=trunk, standing=file, seconds=60))
        until(lambda: standing(file) == "registered", timeout=5, what="registered")
        call = dial(CallPlan(target=f"sip:4001@127.0.0.1:{carrier.port}"))
        leg = until(
            lambda: [leg for leg in node.status().legs if leg.state is LegState.INCOMING], timeout=5, what="it rings"
        )[0]
        node.do(wire.AnswerLeg(leg_id=leg.leg_id))
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        assert call.result().sip_status == 200
        worker.child.send_signal(signal.SIGTERM)
        worker.wait_for_exit()
        assert set(carrier.ways("REGISTER")) == {transport.value}
        assert carrier.registrations()[-1] == "0"


def test_our_number_is_registered_kept_so_called_and_taken_out_at_the_end(carrier: Kamailio, tmp_path: Path) -> None:
    file = tmp_path / "registrations" / "test.json"
    with call_worker(tmp_path / "worker", front=True) as worker:
        node = worker.connect()
        request = wire.Register(trunk=trunk_to(carrier), standing=file, seconds=60)
        node.do(request)
        until(lambda: standing(file) == "registered", timeout=5, what="registered")
        node.do(request)  # a node that adopts the worker says it again
        assert len(carrier.registrations()) == 1

        call = dial(CallPlan(target=f"sip:4001@127.0.0.1:{carrier.port}"))
        leg = until(
            lambda: [leg for leg in node.status().legs if leg.state is LegState.INCOMING], timeout=5, what="it rings"
        )[0]
        assert node.seen(leg.leg_id, LegEventKind.INCOMING)[0].values["called"] == "4001"
        node.do(wire.AnswerLeg(leg_id=leg.leg_id))
        node.wait_for(leg.leg_id, LegEventKind.ANSWERED)
        node.do(wire.HangUp(leg_id=leg.leg_id, reason=EndReason.HANG_UP))
        assert call.result().sip_status == 200

        until(lambda: len(carrier.registrations()) >= 2, timeout=10, what="registered again before it ran out")
        worker.child.send_signal(signal.SIGTERM)
        worker.wait_for_exit()
    assert carrier.registrations()[-1] == "0"
    assert standing(file) == "unregistered"
    kept = [path for path in worker.folder.rglob("*") if path.is_file()] + [file]
    assert not [path.name for path in kept if PASSWORD in path.read_text(errors="replace")]


def test_a_wrong_password_is_told_and_hurts_no_calls(carrier: Kamailio, tmp_path: Path) -> None:
    file = tmp_path / "test.json"
    with call_worker(tmp_path / "worker", front=True) as worker:
        node = worker.connect()
        node.do(wire.Register(trunk=trunk_to(carrier, "wrong"), standing=file))
        until(lambda: standing(file) == "registration_refused", timeout=5, what="refused")
        assert "registration_refused" in worker.log()
        assert worker.child.poll() is None
    assert carrier.registrations() == []


def test_a_worker_registers_one_number_with_a_user_name(tmp_path: Path) -> None:
    with call_worker(tmp_path, front=True) as worker:
        node = worker.connect()
        bare = wire.Register(trunk=loopback_trunk(9), standing=tmp_path / "x.json")
        assert "username" in node.ask(bare).reason


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (None, Verdict.WRONG),
        ({"standing": "registered", "sip_status": 200, "seconds": 300}, Verdict.GOOD),
        ({"standing": "registered", "sip_status": 200, "seconds": 10}, Verdict.WRONG),
        ({"standing": "registration_refused", "sip_status": 401, "seconds": 0}, Verdict.WRONG),
        ({"standing": "unregistered", "sip_status": 200, "seconds": 0}, Verdict.WRONG),
    ],
)
def test_doctor_tells_how_a_registration_stands(
    tmp_path: Path, told: dict[str, object] | None, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUIFANG_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SUIFANG_TAKE_CALLS", "true")
    settings = Settings()
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    if told is not None:
        file = settings.telephony_dir / "registrations" / "carrier.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({**told, "trunk": "carrier", "at": (now - timedelta(seconds=60)).isoformat()}))
    entry = TrunkEntry.model_validate(
        {"name": "carrier", "host": "127.0.0.1", "username": "4001", "password": "x", "register": True}
    )
    assert [found.verdict for found in check_registrations(settings, (entry,), now)] == [verdict]
