"""What happens at an agent's desk: the state asked for, the headset taken up and put down."""

from api.node_commands import ask_node
from db.unit_of_work import UnitOfWork
from followup.closing import TRIGGER_TO, move_agent
from followup.events import DomainEvent, EventKind
from followup.queues import Agent, AgentState, HeadsetKind, HeadsetState

IN_A_CALL = frozenset({AgentState.RESERVED, AgentState.ON_CALL, AgentState.WRAP_UP})


def ask_for_state(uow: UnitOfWork, agent: Agent, wanted: AgentState, reason: str) -> None:
    """Move a free agent at once; during a call the wish is kept and taken when the wrap-up ends.

    While lines in flight need her, it is taken as soon as they do not: seconds, no more than they ring.
    """
    if agent.state in IN_A_CALL or agent.kept_for is not None:
        agent.wanted_state = None if wanted is AgentState.AVAILABLE else wanted
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
    elif agent.state is not wanted:
        uow.emit(move_agent(agent, TRIGGER_TO[wanted], now=uow.now, reason=reason))


def attach_headset(uow: UnitOfWork, agent: Agent, headset: str, *, kind: HeadsetKind = HeadsetKind.PHONE) -> None:
    """Want the headset up: a telephony node rings it as soon as it looks."""
    agent.headset, agent.headset_kind = headset, kind
    agent.headset_wanted = True
    uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))


def detach_headset(uow: UnitOfWork, agent: Agent) -> None:
    """Want the headset down; the node that holds its leg is told to end it."""
    if not agent.headset_wanted and agent.headset_state is HeadsetState.DOWN:
        return
    agent.headset_wanted = False
    if agent.headset_node is not None and agent.headset_state is not HeadsetState.DOWN:
        ask_node(uow, node=agent.headset_node, verb="detach_headset", subject=agent.id)
    uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
