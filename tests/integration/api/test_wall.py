"""The wall of a moment: true states, what is stuck, help asked and taken, shares of the day with what they are of."""

from datetime import timedelta

from db.users import Role
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.inbound import InboundCall, InboundId, InboundState
from followup.outcomes import AttemptOutcome
from followup.queues import AgentState, DialStyle
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_agent, an_attempt


def at_a_desk(house: House) -> Asking:
    """An agent who is logged in and has a desk."""
    return house.caller(Role.AGENT)


def test_the_wall_tells_states_ages_stuck_ones_and_who_can_be_joined(house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        queue = a_queue(uow, ring_seconds=20, wrap_up_seconds=60)
        talking, writing, silent = (
            an_agent(uow, queue, state=AgentState.ON_CALL, state_since=uow.now - timedelta(minutes=3)),
            an_agent(uow, queue, state=AgentState.WRAP_UP, state_since=uow.now - timedelta(seconds=90)),
            an_agent(uow, queue, heartbeat_at=uow.now - timedelta(minutes=2)),
        )
        attempt = an_attempt(
            uow, a_task(uow, a_patient(uow), queue), agent_id=talking.id, state=AttemptState.IN_CALL, wrap_up_at=None
        )
        call = a_call(
            uow,
            attempt,
            state=CallState.BRIDGED,
            bridged_at=uow.now,
            ended_at=None,
            end_reason=None,
            party=None,
        )
        an_attempt(uow, a_task(uow, a_patient(uow), queue), agent_id=writing.id)
        rings = an_attempt(uow, a_task(uow, a_patient(uow), queue), state=AttemptState.RESERVED, wrap_up_at=None)
        late = a_call(
            uow,
            rings,
            state=CallState.RINGING,
            planned_at=uow.now - timedelta(minutes=2),
            answered_at=None,
            ended_at=None,
            end_reason=None,
            party=None,
        )
    wall = supervisor.get("/wall").json()
    agents = {each["agent_id"]: each for each in wall["agents"]}
    assert agents[talking.id]["call_id"] == call.id
    assert agents[talking.id]["stuck"] is None
    assert agents[writing.id]["wrap_up_limit_at"] < wall["as_of"]
    assert agents[silent.id]["stuck"] == "not_heard"
    assert not agents[silent.id]["ready"]
    calls = {each["call_id"]: each for each in wall["calls"]}
    assert calls[call.id]["can_be_joined"]
    assert calls[late.id]["stuck"] == "rings_too_long"
    assert not calls[late.id]["can_be_joined"]
    assert calls[call.id]["number"].startswith("***")
    assert wall["figures"]["agents_on_call"] == 1
    assert wall["figures"]["wrap_ups_over_limit"] == 1
    assert house.caller(Role.AGENT).get("/wall").status_code == 403


def test_shares_of_the_day_have_numerator_and_denominator(house: House) -> None:
    with house.rows() as uow:
        queue = a_queue(uow, style=DialStyle.PREDICTIVE)
        for number, outcome in enumerate(
            (
                AttemptOutcome.CONNECTED_PATIENT,
                AttemptOutcome.NO_ANSWER,
                AttemptOutcome.WRONG_NUMBER,
                AttemptOutcome.NETWORK_FAILURE,
            )
        ):
            an_attempt(
                uow,
                a_task(uow, a_patient(uow), queue),
                state=AttemptState.CLOSED,
                outcome=outcome,
                closed_at=uow.now,
                ahead=number < 2,
                person_at=uow.now if number < 2 else None,
                agent_id=an_agent(uow, queue).id if number == 0 else None,
                abandoned_at=uow.now if number == 1 else None,
            )
        # Yesterday's count no more.
        an_attempt(
            uow,
            a_task(uow, a_patient(uow), queue),
            state=AttemptState.CLOSED,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            closed_at=uow.now - timedelta(days=1, minutes=1),
        )
        for waited in (2, 40):
            uow.inbound.add(
                InboundCall(
                    id=InboundId(new_id()),
                    leg_id=new_id(),  # type: ignore[arg-type]
                    node="node-1",
                    state=InboundState.ENDED,
                    reason="hung_up",  # type: ignore[arg-type]
                    rang_at=uow.now,
                    waiting_since=uow.now,
                    ended_at=uow.now + timedelta(seconds=waited),
                )
            )
    wall = house.caller(Role.ADMIN).get("/wall").json()
    assert wall["figures"]["contact"] == {"count": 1, "of": 3}
    assert wall["figures"]["answered"] == {"count": 2, "of": 3}
    assert wall["figures"]["abandoned"] == {"count": 1, "of": 2}
    assert wall["figures"]["abandonment_limit"] == 0.03
    assert wall["figures"]["callers_gave_up"] == {"count": 1, "of": 1}
    assert wall["queues"][0]["near_limit"]


def test_help_is_asked_once_taken_by_one_and_ends_with_its_call(house: House) -> None:
    agent, first, second = house.caller(Role.AGENT), house.caller(Role.SUPERVISOR), house.caller(Role.SUPERVISOR)
    with house.rows() as uow:
        queue = a_queue(uow)
        attempt = an_attempt(
            uow,
            a_task(uow, a_patient(uow), queue),
            agent_id=agent.user_id,
            state=AttemptState.IN_CALL,
            wrap_up_at=None,
        )
        call = a_call(uow, attempt, state=CallState.BRIDGED, ended_at=None, end_reason=None, party=None)
    asked = agent.post("/agents/me/help", {"call_id": call.id}).json()
    assert agent.post("/agents/me/help", {"call_id": call.id}).json()["id"] == asked["id"]
    assert [each["id"] for each in first.get("/wall").json()["help"]] == [asked["id"]]
    assert first.post(f"/help-requests/{asked['id']}/take").json()["state"] == "coming"
    assert second.post(f"/help-requests/{asked['id']}/take").status_code == 409
    assert agent.get("/agents/me/help").json()["help"]["taken_by"] == first.user_id
    with house.rows() as uow:
        ended = uow.calls.get(call.id)
        assert ended is not None
        ended.state, ended.ended_at = CallState.ENDED, uow.now
    assert agent.get("/agents/me/help").json()["help"] is None
    assert first.get("/wall").json()["help"] == []
    again = agent.post("/agents/me/help", {}).json()
    assert again["id"] != asked["id"]
    assert agent.post("/agents/me/help/withdraw").json()["state"] == "closed"
    assert agent.post("/agents/me/help/withdraw").status_code == 409
    other = house.caller(Role.AGENT)
    assert other.post("/agents/me/help", {"call_id": call.id}).status_code == 403
