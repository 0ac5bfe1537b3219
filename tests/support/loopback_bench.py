"""A telephony node whose lines are scripted in memory, on a real database: what a call centre does, without a phone."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from db.calls import CallCommand
from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calls import Call, CallState, LegId, LegRole
from followup.inbound import InboundRules
from followup.ports import Voice
from followup.queues import Agent, AgentState, HeadsetState, Queue
from runtime.identifiers import new_id
from scheduler.dialer import reserve
from telephony.call_control import LegEvent, OutboundLeg, Trunk
from telephony.commands import Commands, DialingRules
from telephony.conversation import Conversation
from telephony.inbound import InboundCalls
from telephony.line_script import LineScript, answer, refuse, ring
from telephony.loopback import LoopbackCallControl
from telephony.loopback_time import RealTimeScheduler
from telephony.node import TelephonyNode
from telephony.trunks import Trunks
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.telephony_bench import CONTENT, GATE, PROMPTS, speech_in
from tests.support.waiting import until

TRUNK = Trunk(name="loopback", host="127.0.0.1", loopback_only=True)
PICKS_UP: LineScript = (ring(0.0), answer(0.05))
IS_BUSY: LineScript = (ring(0.0), refuse(486, after=0.05))


class LoopbackNodeLines:
    """What the node asks of its lines; in memory nothing is ever lost."""

    def __init__(self, control: LoopbackCallControl) -> None:
        self._control = control

    def acknowledge(self, event: LegEvent) -> None:
        """Nothing is kept that could be told again."""

    def knows(self, leg_id: LegId) -> bool:
        """True if the leg is up or on its way."""
        return any(leg.leg_id == leg_id for leg in self._control.status())

    def was_anything_sent(self, attempt_id: str) -> bool:  # noqa: ARG002
        """Nothing is ever sent."""
        return False

    def free(self) -> int:
        """More than any test needs."""
        return 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackPlace:
    """A running node, its lines and its database."""

    units: UnitsOfWork
    control: LoopbackCallControl
    folder: Path

    def call(self, call_id: str) -> Call:
        """The call as it stands."""
        with self.units() as uow:
            call = uow.calls.get(call_id)
            assert call is not None
            return call

    def agent(self, agent_id: str) -> Agent:
        """The agent as she stands."""
        with self.units() as uow:
            agent = uow.queues.agent(agent_id)
            assert agent is not None
            return agent

    def wait_for(self, call_id: str, *states: CallState) -> Call:
        """The call once it is in one of these states."""
        what = f"the call is {' or '.join(states)}"
        until(lambda: self.call(call_id).state in states, timeout=10, what=what)
        return self.call(call_id)

    def ask(self, verb: str, subject: str, **arguments: object) -> int:
        """Command the node; the command's id."""
        key = new_id()
        with self.units() as uow:
            uow.calls.command(
                CallCommand(
                    node="node-1",
                    verb=verb,
                    subject=subject,
                    arguments=arguments,
                    idempotency_key=key,
                    deadline=uow.now + timedelta(seconds=10),
                    created_at=uow.now,
                )
            )
            uow.commit()
        with self.units() as uow:
            return next(each.id for each in uow.calls.commands_for(subject) if each.idempotency_key == key)

    def decided(self, command_id: int) -> CallCommand:
        """The command once the node has taken it."""

        def taken() -> CallCommand | None:
            with self.units() as uow:
                command = uow.calls.command_for_update(command_id)
                return command if command.taken_at is not None else None

        return until(taken, timeout=10, what="the command is taken")

    def refusal(self, verb: str, subject: str, **arguments: object) -> str:
        """Why the node refuses this; a failure where it does not."""
        command = self.decided(self.ask(verb, subject, **arguments))

        def refused() -> str | None:
            with self.units() as uow:
                return uow.calls.command_for_update(command.id).reason or None

        return until(refused, timeout=5, what=f"{verb} is refused")


@contextmanager
def loopback_node(
    units: UnitsOfWork,
    database_url: str,
    folder: Path,
    scripts: Mapping[str, LineScript] | None = None,
    *,
    gate: Gate = GATE,
    trunks: Trunks | None = None,
    voice: Voice | None = None,
    inbound: InboundRules | None = None,
) -> Iterator[LoopbackPlace]:
    """A running node with scripted lines; numbers without a script pick up. With `inbound` it takes callers."""
    nodes: list[TelephonyNode] = []

    def sink(event: LegEvent) -> None:
        nodes[0].on_event(event)

    control = LoopbackCallControl(
        sink=sink,
        scheduler=RealTimeScheduler(),
        scripts=dict(scripts or {}),
        otherwise=PICKS_UP,
        name=f"loopback-{new_id()[:8]}",
    )
    callers = InboundCalls(
        node="node-1",
        spool=folder / "spool",
        rules=inbound or InboundRules(patience=timedelta(minutes=5), offer=timedelta(minutes=5)),
        profile=gate.profile,
        zone="Asia/Shanghai",
    )
    conversation = Conversation(CONTENT.flows, callers if inbound else None, content=CONTENT)
    trunks = trunks or Trunks(patients=TRUNK, headsets=TRUNK)
    lines = LoopbackNodeLines(control)
    rules = DialingRules(gate=gate, ring_seconds=5.0, spool=folder / "spool", music=PROMPTS.prompt("hold_music", "zxx"))
    nodes.append(
        TelephonyNode(
            name="node-1",
            units=units,
            database_url=database_url,
            control=control,
            lines=lines,
            conversation=conversation,
            commands=Commands(conversation=conversation, trunks=trunks, rules=rules, lines=lines),
            trunks=trunks,
            voice=voice or speech_in(folder),
        )
    )
    thread = threading.Thread(target=nodes[0].run, name="loopback-node")
    thread.start()
    try:
        yield LoopbackPlace(units=units, control=control, folder=folder)
    finally:
        nodes[0].stop()
        thread.join(timeout=10)


def put_on_headset(place: LoopbackPlace, agent_id: str, number: str) -> Agent:
    """Ring the agent's headset at once, as the node does every second; the agent once she can be given a call."""
    leg_id = LegId(new_id())
    with place.units() as uow:
        agent = uow.queues.agent_for_update(agent_id)
        assert agent is not None
        agent.headset, agent.headset_wanted, agent.headset_node = number, True, "node-1"
        agent.headset_state, agent.headset_leg_id = HeadsetState.RINGING, leg_id
        agent.state, agent.heartbeat_at = AgentState.AVAILABLE, uow.now + timedelta(seconds=30)
        uow.commit()
    leg = OutboundLeg(leg_id=leg_id, attempt_id=agent_id, role=LegRole.AGENT, number=number)
    place.control.attach_headset(leg, TRUNK)
    until(lambda: place.agent(agent_id).headset_state is HeadsetState.UP, timeout=10, what="the headset is up")
    return place.agent(agent_id)


def a_desk(place: LoopbackPlace, queue: Queue, number: str) -> Agent:
    """An agent with her headset up."""
    with place.units() as uow:
        agent = an_agent(uow, queue, headset_wanted=False, headset_state=HeadsetState.DOWN, headset_leg_id=None)
        uow.commit()
    return put_on_headset(place, agent.id, number)


def a_conversation(place: LoopbackPlace, agent: Agent, queue: Queue, number: str | None = None) -> Call:
    """A call of this agent, joined with its patient."""
    with place.units() as uow:
        patient = a_patient(uow, numbers=2)
        if number is not None:
            patient.contact_points[0].number = number
        task = a_task(uow, patient, queue)
        uow.commit()
    with place.units() as uow:
        stored = uow.plans.task(task.id)
        assert stored is not None
        attempt = reserve(uow, task=stored, agent_id=agent.id, node="node-1", gate=GATE, now=uow.now)
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        uow.commit()
    return place.wait_for(call.id, CallState.BRIDGED)


def a_stored_queue(units: UnitsOfWork, **values: object) -> Queue:
    """A queue of agents."""
    with units() as uow:
        queue = a_queue(uow, **values)
        uow.commit()
    return queue


def audit_rows(uow: UnitOfWork, call_id: str) -> list[tuple[str, str | None, dict[str, object]]]:
    """What the audit log says of a call: action, user, detail, in order."""
    return [(row.action, row.user_id, dict(row.detail)) for row in uow.audit.of_subject("call", call_id)]
