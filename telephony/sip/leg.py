"""One leg inside a worker: what is known of it between its first line in the journal and its last."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from sched import Event as Timer

from followup.calls import LegId
from telephony.call_control import LegState, OutboundLeg
from telephony.causes import Cause
from telephony.sip.calls import LegCall
from telephony.sip.dialog import DialogWatch
from telephony.sip.invite_watch import InviteWatch


@dataclass(slots=True, kw_only=True)
class Collection:
    """Digits being gathered."""

    count: int
    timeout_seconds: float
    digits: str = ""
    timer: Timer | None = None  # None while a prompt still plays


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedPrompt:
    """A prompt that is still being made."""

    prompt: Path
    patience_seconds: float
    given_up_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Reinvite:
    """A hold or its end that the far end is being asked for."""

    hold: bool
    tries: int = 0
    sent: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Leg:
    """A leg from originate to the moment the library has let go of its call."""

    outbound: OutboundLeg
    dialog: DialogWatch
    call: LegCall | None = None  # the one reference that keeps the call alive
    state: LegState = LegState.INVITING
    incoming: bool = False  # the far end rang us
    words: InviteWatch = field(default_factory=InviteWatch)  # what the network said of our INVITE
    heard: bool = False  # some provisional answer came: somebody is there
    rang: bool = False
    answered: bool = False
    early_media_said: bool = False
    met_agent: bool = False
    bridged_with: set[LegId] = field(default_factory=set)  # with whom BRIDGED has been said
    held_by_us: bool = False
    held_by_far_end: bool = False
    reinvite: Reinvite | None = None
    muted: bool = False
    answered_at: float = 0.0  # monotonic
    invite_open: bool = False  # an INVITE of ours has left and has no final answer yet
    keys_waiting: str = ""  # to be pressed when the sound is settled
    ring_timer: Timer | None = None
    end_timer: Timer | None = None
    our_cause: Cause | None = None  # decided before we sent CANCEL or BYE
    ended_at: datetime | None = None  # the far end or our time limit has ended it
    ended_cause: Cause | None = None
    ended_said: bool = False
    unrung: bool = False  # ended by a refusal that nothing went before: another trunk may be tried
    library_done: bool = False  # DISCONNECTED: the call object may be let go
    patience_over: bool = False  # a far end that never spoke has been given its time to do so
    prompt_files: dict[int, str] = field(default_factory=dict)
    awaited: AwaitedPrompt | None = None
    collection: Collection | None = None
    packets: int = 0
    packets_at: float = 0.0
    kept_out: int = 0  # packets of strangers that the log has told of
    silence_said: bool = False

    @property
    def leg_id(self) -> LegId:
        """The leg's id."""
        return self.outbound.leg_id

    @property
    def up(self) -> bool:
        """Whether the leg is answered and nobody has ended it."""
        return self.answered and self.our_cause is None and self.ended_at is None
