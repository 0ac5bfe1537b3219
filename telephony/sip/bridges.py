"""The bridges of a worker: which legs are joined, and when each pair is told that it can hear each other."""

from collections.abc import Callable, Mapping

from followup.calls import LegId, LegRole
from telephony.call_control import LegEventKind, RejectedError
from telephony.sip.event_book import EventBook
from telephony.sip.leg import Leg
from telephony.sip.media import Conference


class Bridges:
    """Joins and parts legs."""

    def __init__(self, *, conference: Conference, book: EventBook) -> None:
        self._conference = conference
        self._book = book
        self.parted: list[Callable[[], None]] = []  # called after legs have been parted

    def join(self, leg: Leg, partner: Leg) -> None:
        """Let both hear each other; BRIDGED is told once both have sound."""
        if leg is partner:
            raise RejectedError("a leg cannot be bridged with itself")
        if LegRole.SUPERVISOR in (leg.outbound.role, partner.outbound.role):
            raise RejectedError("a supervisor's leg is not bridged: let it monitor, which is written down")
        self._conference.join(leg.leg_id, partner.leg_id)
        self._tell_when_heard(leg, partner)

    def part(self, leg: Leg, partner: Leg) -> None:
        """Let them no longer hear each other."""
        if not self.joined(leg, partner):
            raise RejectedError(f"legs {leg.leg_id} and {partner.leg_id} are not bridged")
        self.part_if_joined(leg, partner)

    def part_if_joined(self, leg: Leg, partner: Leg) -> None:
        """The same, and nothing where they do not."""
        if self.joined(leg, partner):
            self._conference.part(leg.leg_id, partner.leg_id)
            self._tell_parted(leg, partner)
            self._follow_parting()

    def joined(self, leg: Leg, partner: Leg) -> bool:
        """Whether they are to hear each other, as soon as both have sound."""
        return partner.leg_id in self._conference.joined_with(leg.leg_id)

    def partners(self, leg: Leg, legs: Mapping[LegId, Leg]) -> list[Leg]:
        """All who are joined with the leg."""
        return [legs[other] for other in self._conference.joined_with(leg.leg_id)]

    def sound_changed(self, leg: Leg, legs: Mapping[LegId, Leg]) -> None:
        """The leg's media were set up anew: some pair may hear each other only now."""
        for other in self._conference.joined_with(leg.leg_id):
            self._tell_when_heard(leg, legs[other])

    def ended(self, leg: Leg, legs: Mapping[LegId, Leg]) -> None:
        """The leg is over: those it was bridged with are told."""
        for other in sorted(leg.bridged_with):
            self._tell_parted(legs[other], leg)
        self._follow_parting()

    def _follow_parting(self) -> None:
        for follow in self.parted:
            follow()

    def _tell_when_heard(self, leg: Leg, partner: Leg) -> None:
        both_heard = self._conference.has_audio(leg.leg_id) and self._conference.has_audio(partner.leg_id)
        if partner.leg_id in leg.bridged_with or not both_heard:
            return
        leg.bridged_with.add(partner.leg_id)
        partner.bridged_with.add(leg.leg_id)
        for one, other in ((leg, partner), (partner, leg)):
            one.met_agent = one.met_agent or other.outbound.role in (LegRole.AGENT, LegRole.INTERNAL)
        self._say(LegEventKind.BRIDGED, leg, partner)

    def _tell_parted(self, leg: Leg, partner: Leg) -> None:
        if partner.leg_id in leg.bridged_with:
            leg.bridged_with.discard(partner.leg_id)
            partner.bridged_with.discard(leg.leg_id)
            self._say(LegEventKind.UNBRIDGED, leg, partner)

    def _say(self, kind: LegEventKind, leg: Leg, partner: Leg) -> None:
        # A line to another worker goes by the leg at its far end. Who dialed the line tells, and the other is silent.
        if leg.outbound.role is LegRole.INTERNAL:
            leg, partner = partner, leg
        if not (partner.incoming and partner.outbound.role is LegRole.INTERNAL):
            self._book.say(leg.leg_id, kind, {"with": partner.outbound.stands_for or partner.leg_id})
