"""A node whose machine's clock is set while a call is up: it says so once, and nothing of the call goes wrong."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calls import CallState
from runtime.clock import WorkerClock, now
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.ports import free_udp_block
from tests.support.sip_patient import sip_patient
from tests.support.telephony_bench import PORTS, Place, command, dial, ended, node_at
from tests.support.waiting import until

NUMBER = "+8613900000601"


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    engine = make_engine(database_url)
    with sip_patient(tmp_path / "phone", {"desk": "answer", NUMBER: "ring.answer"}) as phone:
        trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
        yield Place(
            folder=tmp_path,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=UnitsOfWork(engine),
            database_url=database_url,
        )
    engine.dispose()


def place_beat(place: Place) -> datetime:
    with place.units() as uow:
        return uow.calls.living_nodes(uow.now - timedelta(minutes=1))[0].heartbeat_at


def test_a_clock_that_jumps_is_told_of_once_and_no_call_goes_wrong(place: Place) -> None:
    ahead, made = [timedelta(0)], []

    def wall() -> datetime:
        return now() + ahead[0]

    def clock() -> WorkerClock:
        made.append(WorkerClock(wall=wall))
        return made[-1]

    def jumps() -> list[float]:
        return [line["seconds"] for line in logged if line["event"] == "clock_jumped"]

    with capture_logs() as logged, node_at(place, clock=clock):
        call_id, _ = dial(place, NUMBER)
        until(lambda: place.call(call_id).state is CallState.BRIDGED, timeout=20, what="patient and agent are joined")
        assert jumps() == []
        for jump in (
            timedelta(hours=1),
            timedelta(hours=-1),
        ):  # the second sets it right again, which is a jump as well
            ahead[0] += jump
            before = len(made)
            until(lambda before=before: len(made) > before, timeout=10, what="the node takes a new clock")  # type: ignore[misc]
            assert jumps()[-1] == pytest.approx(jump.total_seconds(), abs=1.0)
            assert abs(made[-1].now() - wall()) < timedelta(seconds=1), "the new clock agrees with the machine's"
            with place.units() as uow:
                beats = uow.calls.living_nodes(uow.now - timedelta(seconds=5))
            assert [node.name for node in beats] == ["node-1"], "its heartbeat is the database's time, not its own"
        later = now() + timedelta(seconds=2)
        until(lambda: place_beat(place) > later, timeout=10, what="further beats")
        assert len(jumps()) == 2, "each is told of once, not at every beat"
        assert place.call(call_id).state is CallState.BRIDGED
        command(place, "hang_up", call_id)
        call = ended(place, call_id)
    assert (call.end_reason, call.party) == ("hang_up", "agent")
    assert call.planned_at <= call.invite_at <= call.answered_at <= call.bridged_at <= call.ended_at  # type: ignore[operator]
    assert (call.ended_at - call.planned_at) < timedelta(minutes=1)  # type: ignore[operator]
