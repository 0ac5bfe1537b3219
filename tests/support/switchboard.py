"""A telephony node over loopback lines that a test moves by hand: real rows, real rules, no waiting."""

import wave
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.calls import LegId, LegRole
from followup.inbound import InboundCall, InboundRules
from followup.inbound_menu import DEFAULT_MENU, InboundMenu
from followup.queues import Agent, HeadsetState
from telephony.call_control import LegEvent, OutboundLeg, Trunk
from telephony.causes import cause_of_far_hang_up
from telephony.commands import Commands, DialingRules
from telephony.conversation import Conversation
from telephony.inbound import InboundCalls
from telephony.loopback import LoopbackCallControl
from telephony.loopback_time import ManualScheduler
from telephony.node import TelephonyNode
from telephony.trunks import Trunks
from tests.support.telephony_bench import CONTENT, GATE

PATIENT_WAITING = InboundRules(patience=timedelta(minutes=5), offer=timedelta(minutes=5), comfort=timedelta(minutes=5))
NO_PATIENCE = InboundRules(patience=timedelta(0), offer=timedelta(minutes=5))
HASTY_OFFERS = InboundRules(patience=timedelta(minutes=5), offer=timedelta(0))
MOST_PROMPTS = 6
TRUNK = Trunk(name="loopback", host="127.0.0.1", loopback_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortPrompts:
    """Every prompt is a tenth of a second long and named by its key."""

    folder: Path
    asked: list[tuple[str, bool]] = field(default_factory=list)  # key, and whether slower

    def prompt(
        self,
        key: str,
        language: str,
        values: Mapping[str, str] | None = None,  # noqa: ARG002
        *,
        slow: bool = False,
    ) -> Path:
        self.asked.append((key, slow))
        path = self.folder / language / f"{key}.wav"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(path), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(8000)
                sound.writeframes(bytes(1600))
        return path

    def expect(self, keys: tuple[str, ...], language: str, values: Mapping[str, str]) -> None:
        """Nothing takes time here."""


@dataclass
class LoopbackLines:
    """What a node has to know of its lines, where all of them are loopback's."""

    switchboard: "Switchboard"

    def acknowledge(self, event: LegEvent) -> None:
        """Nothing keeps a journal."""

    def knows(self, leg_id: LegId) -> bool:
        return leg_id in self.switchboard.living()

    def was_anything_sent(self, attempt_id: str) -> bool:  # noqa: ARG002
        return False

    def free(self) -> int:
        return 4


@dataclass
class Switchboard:
    """The node, its lines and its time."""

    units: UnitsOfWork
    database_url: str
    folder: Path
    rules: InboundRules = PATIENT_WAITING
    queue: str = ""
    menu: InboundMenu = DEFAULT_MENU
    gate: Gate = GATE
    time: ManualScheduler = field(default_factory=lambda: ManualScheduler(datetime.now(UTC)))
    waiting: deque[LegEvent] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.control = LoopbackCallControl(sink=self.waiting.append, scheduler=self.time)
        self.prompts = ShortPrompts(folder=self.folder / "prompts")
        lines = LoopbackLines(self)
        trunks = Trunks(patients=TRUNK, headsets=TRUNK)
        conversation = Conversation(
            CONTENT.flows,
            InboundCalls(
                node="node-1",
                spool=self.folder / "spool",
                rules=self.rules,
                profile=CONTENT.jurisdictions["demo"],
                zone="Asia/Shanghai",
                queue=self.queue,
                menu=self.menu,
            ),
            content=CONTENT,
        )
        self.conversation = conversation
        self.node = TelephonyNode(
            name="node-1",
            units=self.units,
            database_url=self.database_url,
            control=self.control,
            lines=lines,
            conversation=conversation,
            commands=Commands(
                conversation=conversation,
                trunks=trunks,
                lines=lines,
                rules=DialingRules(gate=self.gate, ring_seconds=5.0, spool=self.folder / "spool"),
            ),
            trunks=trunks,
            voice=self.prompts,
        )

    def living(self) -> set[str]:
        return {leg.leg_id for leg in self.control.status()}

    def go(self, seconds: float = 0.0) -> None:
        """Let time pass on the lines, and let the node take every event and command there is."""
        self.time.advance(seconds)
        while True:
            while self.waiting:
                self.node._take_event(self.waiting.popleft())
                self.time.advance(0.0)
            self.node._take_commands()
            self.time.advance(0.0)
            if not self.waiting:
                return

    def beat(self) -> None:
        """A second's look of the node."""
        self.node._beat()
        self.go()

    def ring_in(self, caller: str, *keys: str) -> InboundCall:
        """Somebody rings us, is answered and greeted, and presses these keys while he hears the first words."""
        leg = self.control.ring_in(caller=caller, called="+862155550000")
        self.go()
        for key in keys:
            self.press(leg, key)
        return self.caller_on(leg)

    def press(self, leg: LegId, key: str) -> None:
        """A key of the far end."""
        self.control._lines._digit(self.control.leg(leg), key)
        self.go()

    def listen_to_the_end(self) -> None:
        """Let every prompt that plays, and those that follow, be heard."""
        for _ in range(MOST_PROMPTS):
            self.go(0.2)

    def hang_up(self, leg: LegId) -> None:
        """The far end hangs up."""
        self.control._lines.end(self.control.leg(leg), cause_of_far_hang_up(200, role=LegRole.PATIENT))
        self.go()

    def caller_on(self, leg: LegId) -> InboundCall:
        with self.units() as uow:
            every = uow.inbound.recent(live_only=False, agent_id=None, queue_ids=(), before=None, limit=50)
            rows = [row for row in every if row.leg_id == leg]
            assert rows, "nobody rang on this leg"
            return rows[0]

    def heard(self, leg: LegId) -> list[str]:
        """The prompts this far end was played, by key."""
        return [path.stem for path in self.control.leg(leg).heard_prompts]

    def headset_up(self, agent: Agent) -> LegId:
        """The agent's headset, rung and answered; she was heard from just now."""
        leg = LegId(str(agent.headset_leg_id))
        self.control.attach_headset(
            OutboundLeg(leg_id=leg, attempt_id=agent.id, role=LegRole.AGENT, number="desk"), TRUNK
        )
        self.go(2.0)
        with self.units() as uow:
            ready = uow.queues.agent_for_update(agent.id)
            assert ready is not None
            assert ready.headset_state is HeadsetState.UP
            ready.heartbeat_at = uow.now
            uow.commit()
        return leg
