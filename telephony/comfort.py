"""Comfort for a patient whose agent's browser is lost: he is asked to hold on until she is back, or it is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from db.unit_of_work import UnitOfWork
from followup.calls import CallState, EndReason, LegId
from followup.events import DomainEvent, EventKind
from followup.queues import HEADSET_REJOIN_LIMIT, Agent, HeadsetState
from telephony.call_flows import line_of
from telephony.call_moves import patient_leg_of
from telephony.effects import Effect, HangUpLeg, PlayPrompt, StopPrompt

log = structlog.get_logger(__name__)

PROMPT = "comfort"
PAUSE = timedelta(seconds=6)
"""From the begin of one prompt to the next: often enough not to be taken for a dead line."""
GATEWAY_GRACE = timedelta(seconds=15)
"""The gateway ends the line of a lost browser itself; when it is gone too, we do so this much later."""
PARTING_LIMIT = timedelta(seconds=9)
"""Longer than any apology: a line whose apology has not told of its end by then is ended all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comforted:
    """When a patient was last asked to hold on."""

    at: datetime
    leg_id: LegId


class Comfort:
    """Looks at lost headsets whenever the node wakes; what it asks for is done after the commit."""

    def __init__(self) -> None:
        self._said: dict[str, _Comforted] = {}

    def due(self, uow: UnitOfWork, node: str) -> list[Effect]:
        """What has to be said, cut or ended now."""
        lost = uow.queues.headsets_lost(node)
        effects: list[Effect] = [
            HangUpLeg(leg_id=patient_leg_of(call).id, reason=EndReason.HANG_UP)
            for call in uow.calls.parting_on(node, before=uow.now - PARTING_LIMIT)
        ]
        for agent in lost:
            if agent.headset_lost_at is None:
                continue
            if uow.now - agent.headset_lost_at > HEADSET_REJOIN_LIMIT + GATEWAY_GRACE:
                effects += self._give_up(uow, agent)
            elif agent.id not in self._said or uow.now - self._said[agent.id].at >= PAUSE:
                effects += self._comfort(uow, agent)
        return effects + self._hush(uow, {agent.id for agent in lost})

    def _hush(self, uow: UnitOfWork, lost: set[str]) -> list[Effect]:
        """Whose agent is back hears her at once; whose agent has gone for good hears that instead."""
        effects: list[Effect] = []
        for agent_id in self._said.keys() - lost:
            agent = uow.queues.agent(agent_id)
            if agent is not None and agent.headset_lost_at is not None:
                continue  # its row was locked just now
            said = self._said.pop(agent_id)
            if agent is not None and agent.headset_wanted and agent.headset_state is HeadsetState.UP:
                effects.append(StopPrompt(leg_id=said.leg_id))
        return effects

    def _comfort(self, uow: UnitOfWork, agent: Agent) -> list[Effect]:
        attempt = uow.attempts.live_of_agent(agent.id)
        call = uow.calls.of_attempt(attempt.id) if attempt else None
        # On hold he hears music, which is comfort enough.
        if call is None or call.state is not CallState.BRIDGED:
            return []
        if any(leg != agent.headset_leg_id for leg in call.joined):
            return []  # a third party or a supervisor talks with him
        line = line_of(uow, call)
        self._said[agent.id] = _Comforted(at=uow.now, leg_id=line.leg_id)
        return [PlayPrompt(leg_id=line.leg_id, key=PROMPT, language=line.language)]

    def _give_up(self, uow: UnitOfWork, agent: Agent) -> list[Effect]:
        log.warning("headset_gateway_missing", agent=agent.id)
        agent.headset_wanted, agent.headset_lost_at = False, None
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))
        if agent.headset_leg_id is None:
            return []
        return [HangUpLeg(leg_id=LegId(agent.headset_leg_id), reason=EndReason.NETWORK_FAILURE)]
