"""The bridges of a worker: which legs are joined, and when each pair is told that it can hear each other."""

from collections.abc import Mapping

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

    def join(self, leg: Leg, partner: Leg) -> None:
        """Let both hear each other; BRIDGED is told once both have sound."""
        if leg is partner:
            raise RejectedError("a leg cannot be bridged with itself")
        self._conference.join(leg.leg_id, partner.leg_id)
        self._tell_when_heard(leg, partner)

    def part(self, leg: Leg, partner: Leg) -> None:
        """Let them no longer hear each other."""
        if partner.leg_id not in self._conference.joined_with(leg.leg_id):
            raise RejectedError(f"legs {leg.leg_id} and {partner.leg_id} are not bridged")
        self._conference.part(leg.leg_id, partner.leg_id)
        self._tell_parted(leg, partner)

    def sound_changed(self, leg: Leg, legs: Mapping[LegId, Leg]) -> None:
        """The leg's media were set up anew: some pair may hear each other only now."""
        for other in self._conference.joined_with(leg.leg_id):
            self._tell_when_heard(leg, legs[other])

    def ended(self, leg: Leg, legs: Mapping[LegId, Leg]) -> None:
        """The leg is over: those it was bridged with are told."""
        for other in sorted(leg.bridged_with):
            self._tell_parted(legs[other], leg)

    def _tell_when_heard(self, leg: Leg, partner: Leg) -> None:
        both_heard = self._conference.has_audio(leg.leg_id) and self._conference.has_audio(partner.leg_id)
        if partner.leg_id in leg.bridged_with or not both_heard:
            return
        leg.bridged_with.add(partner.leg_id)
        partner.bridged_with.add(leg.leg_id)
        for one, other in ((leg, partner), (partner, leg)):
            one.met_agent = one.met_agent or other.outbound.role is LegRole.AGENT
        self._book.say(leg.leg_id, LegEventKind.BRIDGED, {"with": partner.leg_id})

    def _tell_parted(self, leg: Leg, partner: Leg) -> None:
        if partner.leg_id in leg.bridged_with:
            leg.bridged_with.discard(partner.leg_id)
            partner.bridged_with.discard(leg.leg_id)
            self._book.say(leg.leg_id, LegEventKind.UNBRIDGED, {"with": partner.leg_id})
