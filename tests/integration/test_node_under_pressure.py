"""A telephony node whose call workers are all engaged: calls wait for one, and none of them fails for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calls import CallState
from followup.plans import TaskMode
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.support.ports import free_udp_block
from tests.support.sip_patient import sip_patient
from tests.support.telephony_bench import PORTS, WORKERS, Place, command, dial, ended, node_at
from tests.support.waiting import until

NUMBERS = [f"+861390000020{index}" for index in range(WORKERS + 1)]


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    engine = make_engine(database_url)
    with sip_patient(tmp_path / "phone", dict.fromkeys(NUMBERS, "ring.answer")) as phone:
        trunk = Trunk(name="test", host=phone.host, port=phone.port, loopback_only=True)
        yield Place(
            folder=tmp_path,
            ports=free_udp_block(PORTS),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=UnitsOfWork(engine),
            database_url=database_url,
        )
    engine.dispose()


def test_a_call_for_which_no_worker_is_free_waits_and_is_dialed_when_one_is(place: Place) -> None:
    with node_at(place):
        talking = []
        for number in NUMBERS[:WORKERS]:
            call_id, _ = dial(place, number, mode=TaskMode.AUTOMATED)
            until(lambda call_id=call_id: place.call(call_id).answered_at, timeout=20, what="the patient answers")  # type: ignore[misc]
            talking.append(call_id)
        waiting, _ = dial(place, NUMBERS[WORKERS], mode=TaskMode.AUTOMATED)
        until(lambda: _taken(place, waiting), timeout=10, what="the node has tried to dial")
        assert place.call(waiting).state is CallState.PLANNED
        command(place, "hang_up", talking[0])
        ended(place, talking[0])
        until(lambda: place.call(waiting).answered_at, timeout=20, what="the call that waited is answered")
        for call_id in [*talking[1:], waiting]:
            command(place, "hang_up", call_id)
            ended(place, call_id)
    assert place.call(waiting).end_reason == "hang_up"


def _taken(place: Place, call_id: str) -> bool:
    with place.units() as uow:
        return any(command.taken_at is not None for command in uow.calls.commands_for(call_id))
