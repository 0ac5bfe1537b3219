"""Taking a trunk for a call, inside the transaction that dials it: channels and pace are counted over all nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.trunks import TrunkCondition
from db.unit_of_work import UnitOfWork
from runtime.trunks_file import Purpose
from telephony.call_control import Trunk
from telephony.trunk_choice import Hindrance, TrunkUse, choose, full, refilled
from telephony.trunks import Trunks, TrunkTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTrunk:
    """A trunk with room for this call: the line with the caller ID to show, and the number as it is dialed there."""

    terms: TrunkTerms
    line: Trunk
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTrunk:
    """No trunk can take the call now; each with its hindrance."""

    hindered: Mapping[str, Hindrance]

    @property
    def reason(self) -> str:
        """Why, in words."""
        told = ", ".join(f"{name}: {why.value}" for name, why in self.hindered.items())
        return f"no trunk can take the call now ({told or 'none is left'})"


class TrunkTaking:
    """Chooses among one node's trunks."""

    def __init__(self, trunks: Trunks) -> None:
        self._trunks = trunks

    def take(
        self,
        uow: UnitOfWork,
        *,
        node: str,
        purpose: Purpose,
        number: str,
        queue: str = "",
        department: str = "",
        besides: Sequence[str] = (),
    ) -> TakenTrunk | NoTrunk:
        """The cheapest trunk for the purpose that can take a call now; its channel is held once the leg's row is
        there, its pace is counted at once."""
        down = {state.trunk for state in uow.trunks.of_node(node) if state.condition is TrunkCondition.DOWN}

        def look(terms: TrunkTerms) -> TrunkUse:
            if terms.name in down:
                return TrunkUse(up=False, channels_in_use=0, tokens=0.0)
            pace = terms.calls_per_second
            # The row's lock keeps another node from counting the same channels at the same moment.
            tokens, filled_at = uow.trunks.lock_pace(terms.name, full=full(pace), now=uow.now)
            return TrunkUse(
                up=True,
                channels_in_use=uow.trunks.channels_in_use().get(terms.name, 0),
                tokens=refilled(tokens, filled_at, pace, uow.now),
            )

        candidates = [terms for terms in self._trunks.serving(purpose) if terms.name not in besides]
        seen: dict[str, TrunkUse] = {}

        def remember(terms: TrunkTerms) -> TrunkUse:
            seen[terms.name] = look(terms)
            return seen[terms.name]

        chosen, hindered = choose(candidates, remember)
        if chosen is None:
            return NoTrunk(hindered=hindered)
        uow.trunks.put_pace(chosen.name, seen[chosen.name].tokens - 1, uow.now)
        return TakenTrunk(
            terms=chosen,
            line=chosen.line_for(queue=queue, department=department),
            number=chosen.written(number),
        )
