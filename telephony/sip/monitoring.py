"""Monitorings in a worker: supervisors who follow a conversation, and when there is none to follow any more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from followup.calls import LegId, LegRole
from telephony.call_control import LegEventKind, MonitorMode, RejectedError
from telephony.monitor_rules import AGENT_ENDS, Monitoring, conversation_lasts, refuse_unmonitorable
from telephony.sip.bridges import Bridges
from telephony.sip.event_book import EventBook
from telephony.sip.leg import Leg
from telephony.sip.leg_table import LegTable
from telephony.sip.media import Conference


class Monitorings:
    """Who follows whom. `settle` must be called after every parting: nobody listens to a headset between calls."""

    def __init__(self, *, legs: LegTable, bridges: Bridges, conference: Conference, book: EventBook) -> None:
        self._legs = legs
        self._bridges = bridges
        self._conference = conference
        self._book = book
        self._monitorings: dict[LegId, Monitoring] = {}
        self._disturbances = 0
        self.in_transfer: Callable[[LegId], bool] = lambda _patient: False

    def monitor(self, leg: Leg, other: Leg, mode: MonitorMode) -> None:
        """Follow the patient's conversation in this way; what sounds the same in both ways is not touched."""
        before = self._monitorings.get(leg.leg_id)
        if before is not None and before.patient != other.leg_id:
            raise RejectedError(f"leg {leg.leg_id} follows another conversation: stop monitoring that first")
        if before is not None and before.mode is mode:
            raise RejectedError(f"leg {leg.leg_id} is in mode {mode.value} already")
        if before is None:
            roles = self._joined_roles(other)
            refuse_unmonitorable(leg.leg_id, leg.outbound.role, other.leg_id, other.outbound.role, roles)
            agent = self._agents(other)[0]
            before = Monitoring(supervisor=leg.leg_id, patient=other.leg_id, agent=agent, mode=mode)
        self._monitorings[leg.leg_id] = replace(before, mode=mode)
        self._conference.monitor(self._monitorings.values())
        self._book.say(leg.leg_id, LegEventKind.MONITORED, {"of": other.leg_id, "mode": mode})

    def stop(self, leg: Leg) -> None:
        """Leave the conversation; the leg stays up and hears nothing."""
        if leg.leg_id not in self._monitorings:
            raise RejectedError(f"leg {leg.leg_id} does not monitor anything")
        self._leave(self._monitorings[leg.leg_id])

    def mode_of(self, patient: LegId) -> MonitorMode | None:
        """How the patient's conversation is followed: the most of it, where several do."""
        modes = [monitoring.mode for monitoring in self._monitorings.values() if monitoring.patient == patient]
        return max(modes, key=list(MonitorMode).index, default=None)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """What is parted inside may be joined again before the end; only then it is judged what has ended."""
        self._disturbances += 1
        try:
            yield
        finally:
            self._disturbances -= 1
            self.settle()

    def settle(self) -> None:
        """End what follows a conversation that is over, and follow the agent who is in it now."""
        if self._disturbances:
            return
        for monitoring in list(self._monitorings.values()):
            patient, supervisor = self._legs.get(monitoring.patient), self._legs.get(monitoring.supervisor)
            lasts = (
                supervisor is not None
                and supervisor.ended_at is None
                and patient is not None
                and patient.ended_at is None
                and conversation_lasts(
                    monitoring.mode,
                    joined_roles=self._joined_roles(patient),
                    in_transfer=self.in_transfer(monitoring.patient),
                )
            )
            if not lasts:
                self._leave(monitoring)
            elif patient is not None and (agents := self._agents(patient)) and monitoring.agent not in agents:
                self._monitorings[monitoring.supervisor] = replace(monitoring, agent=agents[0])
                self._conference.monitor(self._monitorings.values())

    def _leave(self, monitoring: Monitoring) -> None:
        del self._monitorings[monitoring.supervisor]
        self._conference.monitor(self._monitorings.values())
        supervisor = self._legs.get(monitoring.supervisor)
        if supervisor is not None and supervisor.ended_at is None:
            self._book.say(monitoring.supervisor, LegEventKind.UNMONITORED, {"of": monitoring.patient})

    def _joined_roles(self, patient: Leg) -> set[LegRole]:
        return {partner.outbound.role for partner in self._bridges.partners(patient, self._legs)}

    def _agents(self, patient: Leg) -> list[LegId]:
        partners = self._bridges.partners(patient, self._legs)
        return [partner.leg_id for partner in partners if partner.outbound.role in AGENT_ENDS]
