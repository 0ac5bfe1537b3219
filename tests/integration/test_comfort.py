"""A patient whose agent's browser is lost is comforted, and nobody waits for ever for a browser or its gateway."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import Call, CallState
from followup.queues import HEADSET_REJOIN_LIMIT, Agent, AgentState, HeadsetKind, HeadsetState
from runtime.identifiers import new_id
from telephony.comfort import GATEWAY_GRACE, PAUSE, Comfort
from telephony.effects import HangUpLeg, PlayPrompt
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt


@pytest.fixture
def uow(database_url: str) -> Iterator[UnitOfWork]:
    engine = make_engine(database_url)
    with UnitsOfWork(engine)() as opened:
        yield opened
    engine.dispose()


def lost_agent(uow: UnitOfWork, state: CallState, *, for_so_long: timedelta) -> tuple[Agent, Call]:
    """An agent in a call of this state, whose browser is lost."""
    queue = a_queue(uow)
    agent = an_agent(
        uow,
        queue,
        state=AgentState.ON_CALL,
        headset_kind=HeadsetKind.BROWSER,
        headset_state=HeadsetState.UP,
        headset_wanted=True,
        headset_leg_id=new_id(),
        headset_node="node-1",
        headset_lost_at=uow.now - for_so_long,
    )
    task = a_task(uow, a_patient(uow, language="en"), queue)
    attempt = an_attempt(uow, task, agent_id=agent.id, state=AttemptState.IN_CALL)
    call = a_call(uow, attempt, state=state, ended_at=None, end_reason=None, party=None)
    uow.flush()
    return agent, call


def test_a_joined_patient_is_asked_to_hold_on_at_once_and_again_after_a_pause(uow: UnitOfWork) -> None:
    agent, call = lost_agent(uow, CallState.BRIDGED, for_so_long=timedelta(seconds=1))
    comfort = Comfort()
    prompt = PlayPrompt(leg_id=call.legs[0].id, key="comfort", language="en")
    assert comfort.due(uow, "node-1") == [prompt]
    assert comfort.due(uow, "node-1") == [], "not again within the pause"
    comfort._said[agent.id] -= PAUSE
    assert comfort.due(uow, "node-1") == [prompt]
    assert comfort.due(uow, "node-2") == [], "another node's agents are another's matter"
    agent.headset_lost_at = None
    uow.flush()
    assert comfort.due(uow, "node-1") == [], "she is back"


@pytest.mark.parametrize("state", [CallState.DIALING, CallState.HELD])
def test_nobody_else_is_spoken_to(uow: UnitOfWork, state: CallState) -> None:
    lost_agent(uow, state, for_so_long=timedelta(seconds=1))
    assert Comfort().due(uow, "node-1") == []


def test_a_patient_who_talks_with_somebody_else_is_not_talked_over(uow: UnitOfWork) -> None:
    agent, call = lost_agent(uow, CallState.BRIDGED, for_so_long=timedelta(seconds=1))
    assert agent.headset_leg_id is not None
    call.joined = [agent.headset_leg_id, new_id()]
    uow.flush()
    assert Comfort().due(uow, "node-1") == []
    call.joined = [agent.headset_leg_id]
    uow.flush()
    assert len(Comfort().due(uow, "node-1")) == 1


def test_a_gateway_that_is_gone_too_does_not_keep_the_patient(uow: UnitOfWork) -> None:
    agent, _ = lost_agent(
        uow, CallState.BRIDGED, for_so_long=HEADSET_REJOIN_LIMIT + GATEWAY_GRACE + timedelta(seconds=1)
    )
    leg = agent.headset_leg_id
    (effect,) = Comfort().due(uow, "node-1")
    assert isinstance(effect, HangUpLeg)
    assert effect.leg_id == leg
    assert agent.headset_wanted is False
    assert agent.headset_lost_at is None


def test_an_agent_whose_browser_is_lost_is_given_no_call(uow: UnitOfWork) -> None:
    queue = a_queue(uow)
    agent = an_agent(uow, queue, heartbeat_at=uow.now)
    a_task(uow, a_patient(uow), queue)
    agent.headset_lost_at = uow.now
    uow.flush()
    assert uow.attempts.match_agents(uow.now, 5) == []
    agent.headset_lost_at = None
    uow.flush()
    assert [match.agent_id for match in uow.attempts.match_agents(uow.now, 5)] == [agent.id]
