"""A patient whose agent's browser is lost is comforted, and nobody waits for ever for a browser or its gateway."""

import wave
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.calls import Call, CallState, EndReason, LegId
from followup.queues import HEADSET_REJOIN_LIMIT, Agent, AgentState, HeadsetKind, HeadsetState
from runtime.identifiers import new_id
from scheduler.waiting_line import keep_lanes
from telephony.being_alone import left_alone
from telephony.call_control import LegEvent, LegEventKind
from telephony.comfort import GATEWAY_GRACE, PARTING_LIMIT, PAUSE, Comfort
from telephony.conversation import Conversation
from telephony.effects import Effect, HangUpLeg, PlayPrompt, StopPrompt
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt
from tests.support.telephony_bench import CONTENT, PROMPTS


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
    comfort._said[agent.id] = replace(comfort._said[agent.id], at=uow.now - PAUSE)
    assert comfort.due(uow, "node-1") == [prompt]
    assert comfort.due(uow, "node-2") == [], "another node's agents are another's matter"
    agent.headset_lost_at = None
    uow.flush()
    assert comfort.due(uow, "node-1") == [StopPrompt(leg_id=call.legs[0].id)], "she is back, and is heard at once"
    assert comfort.due(uow, "node-1") == []


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


def test_an_agent_who_is_gone_for_good_cuts_no_prompt(uow: UnitOfWork) -> None:
    agent, _ = lost_agent(uow, CallState.BRIDGED, for_so_long=timedelta(seconds=1))
    comfort = Comfort()
    assert len(comfort.due(uow, "node-1")) == 1
    agent.headset_lost_at, agent.headset_wanted = None, False  # as the gateway notes it
    uow.flush()
    assert comfort.due(uow, "node-1") == []


def event_of(call: Call, kind: LegEventKind, leg_id: str | None = None, **values: str) -> LegEvent:
    leg = LegId(leg_id) if leg_id else call.legs[0].id
    return LegEvent(event_id=new_id(), leg_id=leg, kind=kind, occurred_at=call.planned_at, values=values)


def left_for_good(uow: UnitOfWork, agent: Agent, call: Call) -> list[Effect]:
    """The gateway ends her line: the patient is parted from it, then it ends."""
    assert agent.headset_leg_id is not None
    headset = agent.headset_leg_id
    call.joined, call.bridged_at, call.answered_at = [headset], uow.now, uow.now
    uow.flush()
    conversation = Conversation(CONTENT.flows)
    parted = conversation.apply(uow, event_of(call, LegEventKind.UNBRIDGED, **{"with": headset}))
    assert parted == []
    return conversation.apply(
        uow, event_of(call, LegEventKind.ENDED, headset, end_reason="hang_up", party="agent", sip_status="200")
    )


@pytest.mark.parametrize("what_then", ["its end", "a key", "nothing"])
def test_a_patient_is_told_before_his_line_is_ended_when_the_browser_did_not_come_back(
    uow: UnitOfWork, what_then: str
) -> None:
    agent, call = lost_agent(uow, CallState.BRIDGED, for_so_long=timedelta(seconds=31))
    leg = call.legs[0].id
    assert left_for_good(uow, agent, call) == [PlayPrompt(leg_id=leg, key="sorry_line_lost", language="en")]
    end = [HangUpLeg(leg_id=leg, reason=EndReason.HANG_UP)]
    conversation, node = Conversation(CONTENT.flows), Comfort()
    comfort_over = event_of(call, LegEventKind.PROMPT_FINISHED, prompt="/prompts/en/comfort.wav")
    assert conversation.apply(uow, comfort_over) == [], "what played before is not what he is to hear"
    assert node.due(uow, "node-1") == []
    if what_then == "its end":
        over = event_of(call, LegEventKind.PROMPT_FINISHED, prompt="/prompts/en/sorry_line_lost.wav")
        assert conversation.apply(uow, over) == end
    elif what_then == "a key":
        assert conversation.apply(uow, event_of(call, LegEventKind.DIGIT, digit="1")) == end
    else:
        call.parting_at = uow.now - PARTING_LIMIT - timedelta(seconds=1)
        uow.flush()
        assert Comfort().due(uow, "node-1") == end, "whichever node looks, the one that played it or its successor"
        assert Comfort().due(uow, "node-2") == []


def test_an_apology_is_said_once_whoever_notices_first_that_he_is_alone(uow: UnitOfWork) -> None:
    agent, call = lost_agent(uow, CallState.BRIDGED, for_so_long=timedelta(seconds=31))
    call.bridged_at, call.answered_at = uow.now, uow.now
    uow.flush()  # the headset is parted from him already: so a supervisor's leg notices, before its end is told
    assert left_alone(uow, call) == [PlayPrompt(leg_id=call.legs[0].id, key="sorry_line_lost", language="en")]
    assert left_alone(uow, call) == []
    end = event_of(call, LegEventKind.ENDED, agent.headset_leg_id, end_reason="hang_up", party="agent")
    assert Conversation(CONTENT.flows).apply(uow, end) == []


def test_a_telephone_that_is_put_down_ends_the_call_without_a_word(uow: UnitOfWork) -> None:
    agent, call = lost_agent(uow, CallState.BRIDGED, for_so_long=timedelta(0))
    agent.headset_kind, agent.headset_lost_at = HeadsetKind.PHONE, None
    assert left_for_good(uow, agent, call) == [HangUpLeg(leg_id=call.legs[0].id, reason=EndReason.HANG_UP)]


def test_every_apology_is_shorter_than_a_node_s_patience() -> None:
    for language in ("zh", "en"):
        with wave.open(str(PROMPTS.prompt("sorry_line_lost", language)), "rb") as sound:
            assert sound.getnframes() / sound.getframerate() < PARTING_LIMIT.total_seconds() - 2


def test_an_agent_whose_browser_is_lost_is_given_no_call(uow: UnitOfWork) -> None:
    queue = a_queue(uow)
    agent = an_agent(uow, queue, heartbeat_at=uow.now)
    task = a_task(uow, a_patient(uow), queue)
    keep_lanes(uow, profile=CONTENT.jurisdictions["demo"], now=uow.now)
    agent.headset_lost_at = uow.now
    uow.flush()
    assert uow.claims.for_agents(uow.now, nodes=["node-1"]) == []
    agent.headset_lost_at = None
    uow.flush()
    (claim,) = uow.claims.for_agents(uow.now, nodes=["node-1"])
    assert (claim.task_id, claim.agent_id) == (task.id, agent.id)
