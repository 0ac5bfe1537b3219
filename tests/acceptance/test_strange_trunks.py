"""Several trunks of strangers: a full one hands the call on, a rung one keeps it, and who answers a ping is up."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.plans import TaskMode
from runtime.trunks_file import Purpose
from telephony.call_control import Trunk
from telephony.dial_rules import DialRules, NumberFormat
from telephony.trunk_ping import look_at
from telephony.trunks import Trunks, TrunkTerms
from tests.support.baresip import baresip, needs_baresip
from tests.support.ports import free_udp_block
from tests.support.sipp import gists, needs_sipp, sipp
from tests.support.telephony_bench import PORTS, Place, dial, ended, node_at

pytestmark = pytest.mark.stranger

NUMBER = "+8613900000501"


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def terms(name: str, port: int, *, cost: float, rules: DialRules | None = None) -> TrunkTerms:
    trunk = Trunk(name=name, host="127.0.0.1", port=port, caller_id="+861055550000", loopback_only=True)
    return TrunkTerms(
        trunk=trunk, purposes=frozenset({Purpose.PATIENTS}), cost=cost, dial_rules=rules or DialRules(), ping_seconds=0
    )


@needs_sipp
def test_a_full_sipp_hands_the_call_to_the_next_one_and_one_that_rang_keeps_it(
    tmp_path: Path, units: UnitsOfWork, database_url: str
) -> None:
    cheap, dear = free_udp_block(20), free_udp_block(20)
    national = DialRules(number_format=NumberFormat.NATIONAL, outside_line="9")
    desk = Trunk(name="house", host="127.0.0.1", port=cheap + 2, loopback_only=True)
    place = Place(
        folder=tmp_path,
        ports=free_udp_block(PORTS),
        trunks=Trunks.of(
            [
                terms("dear", dear, cost=2.0, rules=national),
                terms("cheap", cheap, cost=1.0),
                TrunkTerms(trunk=desk, purposes=frozenset({Purpose.HEADSETS}), ping_seconds=0),
            ]
        ),
        units=units,
        database_url=database_url,
        screened=False,
    )
    with node_at(place):
        with sipp(tmp_path / "a", "congestion", port=cheap) as full, sipp(tmp_path / "b", "busy", port=dear) as second:
            call_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED)
            call = ended(place, call_id)
            full.wait_for_success()
            second.wait_for_success()
        with sipp(tmp_path / "c", "reject", port=cheap) as rung, sipp(tmp_path / "d", "busy", port=dear) as unasked:
            kept_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED)
            kept = ended(place, kept_id)
            rung.wait_for_success()
            assert unasked.messages() == []
    assert (call.trunk, call.end_reason) == ("dear", "busy")
    assert {leg.trunk: leg.cause for leg in call.legs} == {"cheap": "congestion", "dear": "busy"}
    assert gists(full.messages())[0] == gists(second.messages())[0] == "> INVITE"
    assert second.messages()[0].text.startswith("INVITE sip:913900000501@")
    assert full.messages()[0].headers("Call-ID") != second.messages()[0].headers("Call-ID")
    assert [(leg.trunk, leg.cause) for leg in kept.legs] == [("cheap", "rejected")]


@needs_baresip
def test_a_baresip_answers_our_ping_and_an_empty_port_does_not(tmp_path: Path) -> None:
    with baresip(tmp_path / "pbx") as pbx:
        line = Trunk(name="pbx", host="127.0.0.1", port=pbx.port, loopback_only=True)
        answer = look_at(line, timedelta(seconds=3))
        # It has nobody without a name; that it says so is enough.
        assert (answer.up, answer.status) == (True, 404), answer
    assert not look_at(line, timedelta(seconds=1)).up
