"""Several trunks under one node: which one rings the patient, what a refusal leads to, and what waits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.engine import make_engine
from db.trunks import TrunkCondition
from db.unit_of_work import UnitsOfWork
from followup.calls import CallState
from followup.plans import TaskMode
from runtime.trunks_file import Purpose
from telephony.call_control import Trunk
from telephony.dial_rules import DialRules, NumberFormat
from telephony.trunks import Trunks, TrunkTerms
from tests.support.ports import free_udp_block
from tests.support.raw_sip import RawPeer, Received, raw_peer
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.telephony_bench import PORTS, Place, command, dial, ended, node_at
from tests.support.waiting import until

NUMBER = "+8613900000201"
PATIENTS = frozenset({Purpose.PATIENTS})


@pytest.fixture
def cheap() -> Iterator[RawPeer]:
    with raw_peer() as peer:
        yield peer


@pytest.fixture
def dear() -> Iterator[RawPeer]:
    with raw_peer() as peer:
        yield peer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SipPatient]:
    with sip_patient(tmp_path / "phone", {"desk": "answer"}) as running:
        yield running


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def line(name: str, port: int, **changes: str) -> Trunk:
    return Trunk(name=name, host="127.0.0.1", port=port, loopback_only=True, **changes)  # type: ignore[arg-type]


def at(tmp_path: Path, units: UnitsOfWork, database_url: str, *terms: TrunkTerms) -> Place:
    return Place(
        folder=tmp_path,
        ports=free_udp_block(PORTS),
        trunks=Trunks.of(terms),
        units=units,
        database_url=database_url,
        screened=False,
    )


def two_trunks(cheap: RawPeer, dear: RawPeer, desk: SipPatient) -> tuple[TrunkTerms, ...]:
    return (
        TrunkTerms(
            trunk=line("dear", dear.port, caller_id="01055550002"),
            purposes=PATIENTS,
            cost=2.0,
            dial_rules=DialRules(number_format=NumberFormat.NATIONAL, outside_line="9"),
        ),
        TrunkTerms(trunk=line("cheap", cheap.port, caller_id="+861055550001"), purposes=PATIENTS, cost=1.0),
        TrunkTerms(trunk=line("house", desk.port), purposes=frozenset({Purpose.HEADSETS})),
    )


def refuse(peer: RawPeer, invite: Received, *answers: str) -> None:
    for answer in answers:
        peer.reply(invite, answer)


def test_a_full_trunk_hands_the_call_to_the_next_one_and_each_is_invited_once(
    tmp_path: Path, units: UnitsOfWork, database_url: str, cheap: RawPeer, dear: RawPeer, desk: SipPatient
) -> None:
    place = at(tmp_path, units, database_url, *two_trunks(cheap, dear, desk))
    with node_at(place):
        call_id, _ = dial(place, NUMBER)
        first = cheap.receive("INVITE", timeout=10)
        refuse(cheap, first, "100 Trying", "503 Service Unavailable")
        second = dear.receive("INVITE", timeout=10)
        dear.reply(second, "486 Busy Here")
        call = ended(place, call_id)
        assert cheap.receive("ACK").one("Call-ID") == first.one("Call-ID")
        assert cheap.hears_nothing(timeout=0.5)
    assert first.start.startswith("INVITE sip:+8613900000201@")
    assert second.start.startswith("INVITE sip:913900000201@")
    assert "01055550002" in second.one("From")
    assert (call.end_reason, call.cause, call.trunk) == ("busy", "busy", "dear")
    legs = {leg.trunk: leg for leg in call.legs}
    assert (legs["cheap"].cause, legs["cheap"].replaces, legs["cheap"].caller_id) == (
        "congestion",
        None,
        "+861055550001",
    )
    assert (legs["dear"].cause, legs["dear"].replaces) == ("busy", legs["cheap"].id)
    assert legs["cheap"].ended_at <= legs["dear"].ended_at  # type: ignore[operator]
    with units() as uow:
        told = [row for row in uow.outbox.unpublished(500) if row.kind == "trunk_failed_over"]
        assert [(row.subject, row.ids["from"], row.ids["to"]) for row in told] == [(call_id, "cheap", "dear")]
        attempt = uow.attempts.get(call.attempt_id)
        assert attempt is not None
        assert attempt.outcome == "busy"


def test_what_may_have_rung_is_tried_nowhere_else(
    tmp_path: Path, units: UnitsOfWork, database_url: str, cheap: RawPeer, dear: RawPeer, desk: SipPatient
) -> None:
    place = at(tmp_path, units, database_url, *two_trunks(cheap, dear, desk))
    with node_at(place):
        for answers in (
            ("180 Ringing", "503 Service Unavailable"),
            ("183 Session Progress", "503 Service Unavailable"),
            ("486 Busy Here",),
            ("408 Request Timeout",),
        ):
            call_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED)
            refuse(cheap, cheap.receive("INVITE", timeout=10), *answers)
            assert len(ended(place, call_id).legs) == 1, answers
        assert dear.hears_nothing(timeout=0.3)


def test_a_trunk_that_does_not_answer_is_passed_over_before_anything_is_sent(
    tmp_path: Path, units: UnitsOfWork, database_url: str, dear: RawPeer, desk: SipPatient
) -> None:
    nobody = free_udp_block(1)
    place = at(
        tmp_path,
        units,
        database_url,
        TrunkTerms(trunk=line("dead", nobody), purposes=PATIENTS, cost=1.0, ping_seconds=1),
        TrunkTerms(trunk=line("dear", dear.port), purposes=PATIENTS, cost=2.0),
        TrunkTerms(trunk=line("house", desk.port), purposes=frozenset({Purpose.HEADSETS})),
    )

    def seen() -> str:
        with units() as uow:
            return {state.trunk: state.condition.value for state in uow.trunks.of_node("node-1")}.get("dead", "")

    with node_at(place):
        until(lambda: seen() == TrunkCondition.DOWN, timeout=10, what="the dead trunk is known to be down")
        call_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED)
        dear.reply(dear.receive("INVITE", timeout=10), "486 Busy Here")
        call = ended(place, call_id)
    assert [(leg.trunk, leg.replaces) for leg in call.legs] == [("dear", None)]
    with units() as uow:
        assert [row.subject for row in uow.outbox.unpublished(500) if row.kind == "trunk_changed"] == ["dead"]
        states = {state.trunk: state for state in uow.trunks.of_node("node-1")}
    assert set(states) == {"dead", "dear", "house"}
    assert "password" not in states["dead"].declared


def test_a_full_trunk_lets_a_call_wait_and_a_hang_up_behind_it_is_not_held_up(
    tmp_path: Path, units: UnitsOfWork, database_url: str, cheap: RawPeer, desk: SipPatient
) -> None:
    place = at(
        tmp_path,
        units,
        database_url,
        TrunkTerms(trunk=line("narrow", cheap.port), purposes=PATIENTS, channels=1),
        TrunkTerms(trunk=line("house", desk.port), purposes=frozenset({Purpose.HEADSETS})),
    )
    with node_at(place):
        first_id, _ = dial(place, NUMBER, mode=TaskMode.AUTOMATED)
        first = cheap.receive("INVITE", timeout=10)
        cheap.reply(first, "180 Ringing")
        second_id, _ = dial(place, "+8613900000202", mode=TaskMode.AUTOMATED)
        until(lambda: waits(units, second_id), timeout=10, what="the second call is put off")
        assert place.call(second_id).state is CallState.PLANNED
        command(place, "hang_up", first_id)
        cancel = cheap.receive("CANCEL", timeout=5)
        cheap.reply(cancel, "200 OK")
        cheap.reply(first, "487 Request Terminated")
        ended(place, first_id)
        second = cheap.receive("INVITE", timeout=10)
        cheap.reply(second, "404 Not Found")
        call = ended(place, second_id)
    assert (call.end_reason, call.cause) == ("invalid_number", "empty_number")


def waits(units: UnitsOfWork, call_id: str) -> bool:
    with units() as uow:
        return any(row.state.value == "pending" and row.taken_at for row in uow.calls.commands_for(call_id))
