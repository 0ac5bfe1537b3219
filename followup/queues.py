"""Queues, agents and desks: who waits for whom, and when an agent can be given a call."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from care.consent import Purpose
from followup.plans import TaskMode
from followup.screening import OnMachine
from followup.states import follow
from followup.supervision import SupervisionShown

HEARTBEAT_LIMIT = timedelta(seconds=15)
HEADSET_REJOIN_LIMIT = timedelta(seconds=30)
"""So long a patient is kept on the line while an agent's browser is away."""


class DialStyle(StrEnum):
    """Who presses dial, and when."""

    PREVIEW = "preview"  # the agent sees patient and form first, then dials or skips
    PROGRESSIVE = "progressive"  # dialed as soon as an agent is free, one call for each
    PREDICTIVE = "predictive"  # more calls than free agents, held back by the abandonment limit
    AGENTLESS = "agentless"  # a machine speaks


class ExpiredPreview(StrEnum):
    """Where an agent goes who let a preview run out."""

    BREAK = "break"
    AVAILABLE = "available"


class MergeRule(StrEnum):
    """Which other due tasks of the same patient a call of this queue may take along."""

    NEVER = "never"
    SAME_QUEUE = "same_queue"
    ANY = "any"


def usual_style(mode: TaskMode, purpose: Purpose) -> DialStyle:
    """A new queue's style unless it says another: care and complaints are looked at before anybody rings."""
    if mode is TaskMode.AUTOMATED:
        return DialStyle.AGENTLESS
    return DialStyle.PREVIEW if purpose in (Purpose.CARE, Purpose.COMPLAINT) else DialStyle.PROGRESSIVE


def style_fits(style: DialStyle, mode: TaskMode) -> bool:
    """Agentless belongs to automated queues, every other style to agents'."""
    return (style is DialStyle.AGENTLESS) is (mode is TaskMode.AUTOMATED)


@dataclass(kw_only=True, eq=False)
class Queue:
    """Tasks that share rules. Paused means: nothing of it is dialed, by an agent or a machine."""

    id: str
    name: str
    mode: TaskMode
    purpose: Purpose
    language: str | None = None
    policy: str = "default"
    ring_seconds: int = 30
    wrap_up_seconds: int = 60
    lines: int = 1  # automated calls at one time
    paused: bool = False
    supervision_shown: SupervisionShown = SupervisionShown.ALWAYS
    free_numbers: bool = False  # agents may type a number to transfer to, or to bring into a call
    played_notice: bool = False  # a machine says the recording notice at the answer, besides the agent's own words
    on_machine: OnMachine = OnMachine.HANG_UP  # when a machine answers an automated call
    style: DialStyle = DialStyle.PROGRESSIVE
    dialect: str | None = None  # what its agents must speak besides the language
    skills: list[str] = field(default_factory=list)  # what its agents must be able to do
    preview_seconds: int = 120  # so long an agent may look before she dials or skips
    expired_preview: ExpiredPreview = ExpiredPreview.BREAK
    same_nurse_seconds: int = 0  # so long a task waits for the agent who last spoke with the patient; 0: it does not
    merges: MergeRule = MergeRule.ANY
    speech_model: str | None = None  # which of SUIFANG_SPEECH_MODELS writes its calls down; none: the usual one
    pacing_alarm_on: date | None = None  # the last hospital day on which most of the abandonment limit was used
    created_at: datetime

    def __post_init__(self) -> None:
        if self.mode is TaskMode.AUTOMATED and self.style is DialStyle.PROGRESSIVE:
            self.style = DialStyle.AGENTLESS


class AgentState(StrEnum):
    """Where an agent is."""

    OFFLINE = "offline"
    AVAILABLE = "available"
    RESERVED = "reserved"
    ON_CALL = "on_call"
    WRAP_UP = "wrap_up"
    BREAK = "break"
    TRAINING = "training"


class AgentTrigger(StrEnum):
    """What moves an agent."""

    BECOME_AVAILABLE = "become_available"
    RESERVE = "reserve"
    RELEASE = "release"  # the reserved call came to nothing
    BEGIN_CALL = "begin_call"
    BEGIN_WRAP_UP = "begin_wrap_up"
    FINISH_WRAP_UP = "finish_wrap_up"
    TAKE_BREAK = "take_break"
    BEGIN_TRAINING = "begin_training"
    GO_OFFLINE = "go_offline"


IDLE_AGENT_STATES = (AgentState.OFFLINE, AgentState.AVAILABLE, AgentState.BREAK, AgentState.TRAINING)
"""States without a call or its wrap-up."""

AGENT_TRANSITIONS: dict[tuple[AgentState, AgentTrigger], AgentState] = {
    **{(state, AgentTrigger.BECOME_AVAILABLE): AgentState.AVAILABLE for state in IDLE_AGENT_STATES},
    (AgentState.AVAILABLE, AgentTrigger.RESERVE): AgentState.RESERVED,
    (AgentState.RESERVED, AgentTrigger.RELEASE): AgentState.AVAILABLE,
    (AgentState.RESERVED, AgentTrigger.BEGIN_CALL): AgentState.ON_CALL,
    (AgentState.ON_CALL, AgentTrigger.BEGIN_WRAP_UP): AgentState.WRAP_UP,
    (AgentState.RESERVED, AgentTrigger.BEGIN_WRAP_UP): AgentState.WRAP_UP,
    (AgentState.WRAP_UP, AgentTrigger.FINISH_WRAP_UP): AgentState.AVAILABLE,
    (AgentState.AVAILABLE, AgentTrigger.TAKE_BREAK): AgentState.BREAK,
    (AgentState.AVAILABLE, AgentTrigger.BEGIN_TRAINING): AgentState.TRAINING,
    **{(state, AgentTrigger.GO_OFFLINE): AgentState.OFFLINE for state in IDLE_AGENT_STATES},
}


def next_agent_state(state: AgentState, trigger: AgentTrigger) -> AgentState:
    """The state after `trigger`; IllegalTransitionError if the agent cannot do that now."""
    return follow("agent", AGENT_TRANSITIONS, state, trigger)


class HeadsetKind(StrEnum):
    """What an agent wears."""

    PHONE = "phone"  # a desk phone or extension, rung at its own address
    BROWSER = "browser"  # her console, behind the headset gateway of its node


class HeadsetState(StrEnum):
    """Whether a desk's headset leg is up."""

    DOWN = "down"
    RINGING = "ringing"
    UP = "up"


@dataclass(kw_only=True, eq=False)
class Agent:
    """A user at a desk: what he speaks, which queues he serves, and what he is doing."""

    id: str  # the user's id
    languages: list[str] = field(default_factory=list)
    dialects: list[str] = field(default_factory=list)
    skills: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    state: AgentState = AgentState.OFFLINE
    state_since: datetime
    state_reason: str = ""
    wanted_state: AgentState | None = None  # asked for during a call; taken when the wrap-up ends
    heartbeat_at: datetime | None = None
    headset: str = ""  # SIP user or URI of the phone
    headset_kind: HeadsetKind = HeadsetKind.PHONE
    headset_wanted: bool = False
    headset_state: HeadsetState = HeadsetState.DOWN
    headset_leg_id: str | None = None
    headset_node: str | None = None
    headset_lost_at: datetime | None = None  # its browser is away since then; the line is kept for a while
    headset_muted: bool = False
    kept_for: str | None = None  # the queue whose lines in flight need her: nobody else is given to her


def can_be_given_a_call(agent: Agent, now: datetime) -> bool:
    """Available, headset up and not lost, heard from within HEARTBEAT_LIMIT, kept for no lines of a queue.

    The reserving statement asks it in SQL.
    """
    return (
        agent.state is AgentState.AVAILABLE
        and agent.headset_state is HeadsetState.UP
        and agent.headset_lost_at is None
        and agent.kept_for is None
        and agent.heartbeat_at is not None
        and now - agent.heartbeat_at < HEARTBEAT_LIMIT
    )


def can_be_dialed_for(agent: Agent, now: datetime) -> bool:
    """True if an agent who is reserved already can still take the call: headset up and not lost, console heard."""
    return (
        agent.state is AgentState.RESERVED
        and agent.headset_state is HeadsetState.UP
        and agent.headset_lost_at is None
        and agent.heartbeat_at is not None
        and now - agent.heartbeat_at < HEARTBEAT_LIMIT
    )
