"""Comfort for a patient whose agent's browser is lost for a moment: he is asked to hold on until she is back."""

from datetime import datetime, timedelta

import structlog

from db.unit_of_work import UnitOfWork
from followup.calls import CallState, EndReason, LegId
from followup.events import DomainEvent, EventKind
from followup.queues import HEADSET_REJOIN_LIMIT, Agent
from telephony.call_flows import line_of
from telephony.effects import Effect, HangUpLeg, PlayPrompt

log = structlog.get_logger(__name__)

PROMPT = "comfort"
PAUSE = timedelta(seconds=6)
"""From the begin of one prompt to the next: often enough not to be taken for a dead line."""
GATEWAY_GRACE = timedelta(seconds=15)
"""The gateway ends the line of a lost browser itself; when it is gone too, we do so this much later."""


class Comfort:
    """Looks at lost headsets with every beat of the node; what it asks for is done after the commit."""

    def __init__(self) -> None:
        self._said: dict[str, datetime] = {}

    def due(self, uow: UnitOfWork, node: str) -> list[Effect]:
        """What has to be said or ended now."""
        lost = uow.queues.headsets_lost(node)
        effects: list[Effect] = []
        for agent in lost:
            if agent.headset_lost_at is None:
                continue
            if uow.now - agent.headset_lost_at > HEADSET_REJOIN_LIMIT + GATEWAY_GRACE:
                effects += self._give_up(uow, agent)
            elif uow.now - self._said.get(agent.id, agent.headset_lost_at - PAUSE) >= PAUSE:
                effects += self._comfort(uow, agent)
        waiting = {agent.id for agent in lost}
        self._said = {agent_id: at for agent_id, at in self._said.items() if agent_id in waiting}
        return effects

    def _comfort(self, uow: UnitOfWork, agent: Agent) -> list[Effect]:
        attempt = uow.attempts.live_of_agent(agent.id)
        call = uow.calls.of_attempt(attempt.id) if attempt else None
        # On hold he hears music, which is comfort enough.
        if call is None or call.state is not CallState.BRIDGED:
            return []
        if any(leg != agent.headset_leg_id for leg in call.joined):
            return []  # a third party or a supervisor talks with him
        self._said[agent.id] = uow.now
        line = line_of(uow, call)
        return [PlayPrompt(leg_id=line.leg_id, key=PROMPT, language=line.language)]

    def _give_up(self, uow: UnitOfWork, agent: Agent) -> list[Effect]:
        log.warning("headset_gateway_missing", agent=agent.id)
        agent.headset_wanted, agent.headset_lost_at = False, None
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
        if agent.headset_leg_id is None:
            return []
        return [HangUpLeg(leg_id=LegId(agent.headset_leg_id), reason=EndReason.NETWORK_FAILURE)]
