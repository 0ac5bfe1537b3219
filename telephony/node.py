"""The telephony node: claims the commands meant for it, owns the call workers, and writes what their legs report."""

import queue
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential

from db.calls import COMMANDS_CHANNEL, CallCommand
from db.listen import Listener
from db.trunks import TrunkCondition
from db.unit_of_work import UnitOfWork, UnitsOfWork, database_is_away
from followup.calls import Call, CallState, EndReason, LegId, LegRole
from followup.events import DomainEvent, EventKind
from followup.ports import Voice
from followup.queues import HeadsetKind, HeadsetState
from runtime.clock import WorkerClock
from runtime.identifiers import new_id
from telephony.call_control import CallControl, CallControlError, LegEvent, OutboundLeg, Refusal, Trunk
from telephony.call_moves import patient_leg_of
from telephony.comfort import Comfort
from telephony.commands import Commands
from telephony.conversation import Conversation
from telephony.effects import (
    AnswerLeg,
    CollectKeys,
    DestroyRecording,
    Effect,
    ExpectPrompts,
    HangUpLeg,
    JoinLegs,
    MonitorLeg,
    PlayPrompt,
    RedialPatient,
    StopPrompt,
    StopRecorder,
    UnmuteLeg,
)
from telephony.headsets.browser_line import BROWSER_LINE
from telephony.lines import Lines
from telephony.refused_command import LineAct
from telephony.trunk_ping import TrunkAnswer
from telephony.trunk_watch import TrunkWatch
from telephony.trunks import Trunks

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

HEADSET_RING_SECONDS = 20.0
HANGS_SECONDS = 20.0
HEADSET_REST = timedelta(seconds=3)
"""Between two tries to ring a headset that did not answer or was lost."""

LOOK_SECONDS = 0.25
"""So often it is looked whether an agent has become free for a patient who waits for one."""

LOOKS_A_BEAT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wake:
    """Look into the table of commands, and after headsets that were lost or are back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beat:
    """Say that the node lives; ring headsets that are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Look for agents for those who were dialed ahead of them and have answered."""


class TelephonyNode:
    """One consumer thread takes events, wake-ups and heartbeats in turn; every one is one transaction."""

    def __init__(
        self,
        *,
        name: str,
        units: UnitsOfWork,
        database_url: str,
        control: CallControl,
        lines: Lines,
        conversation: Conversation,
        commands: Commands,
        trunks: Trunks,
        voice: Voice,
        clock: Callable[[], WorkerClock] = WorkerClock,
    ) -> None:
        self._name = name
        self._units = units
        self._control = control
        self._lines = lines
        self._conversation = conversation
        self._commands = commands
        self._trunks = trunks
        self._voice = voice
        self._inbox: queue.SimpleQueue[LegEvent | _Wake | _Beat | _Look] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._comfort = Comfort()
        self._headset_tries: dict[str, datetime] = {}
        self._new_clock = clock
        self._clock = clock()
        self._last_turn = time.monotonic()
        self._listener = Listener(
            database_url, COMMANDS_CHANNEL, lambda payload: self._inbox.put(_Wake()) if payload in ("", name) else None
        )
        self._trunk_watch = TrunkWatch(trunks.all, self._saw_trunk)
        self._ticker = threading.Thread(target=self._tick, name="node-ticker", daemon=True)

    def on_event(self, event: LegEvent) -> None:
        """The event sink of call control: only enqueues."""
        self._inbox.put(event)

    def stop(self) -> None:
        """Ask `run` to return; calls go on in their workers until another node adopts them."""
        self._stopping.set()
        self._inbox.put(_Beat())

    def run(self) -> None:
        """Work until `stop`."""
        self._take_stock()
        self._in_transaction(self._say_alive)
        self._in_transaction(self._declare_trunks)
        self._listener.start()
        self._trunk_watch.start()
        self._ticker.start()
        log.info("node_started", node=self._name, free_workers=self._lines.free())
        while not self._stopping.is_set():
            item = self._inbox.get()
            self._last_turn = time.monotonic()
            if isinstance(item, LegEvent):
                self._take_event(item)
            elif isinstance(item, _Wake):
                self._take_commands()
                for effect in self._in_transaction(lambda uow: self._comfort.due(uow, self._name)):
                    self._do(effect)
            elif isinstance(item, _Look):
                for effect in self._in_transaction(lambda uow: self._conversation.look_for_agents(uow, self._name)):
                    self._do(effect)
            else:
                self._beat()
        self._trunk_watch.stop()
        self._listener.stop()
        self._ticker.join(timeout=5)
        self._in_transaction(lambda uow: uow.calls.forget_node(self._name))
        log.info("node_stopped", node=self._name)

    # --- events -----------------------------------------------------------------------------------------------------

    def _take_event(self, event: LegEvent) -> None:
        try:
            effects = self._in_transaction(lambda uow: self._conversation.apply(uow, event))
        except Exception as error:
            # One event that cannot be understood must not stop every other call of this node: it is kept, with why.
            log.exception("event_failed", event_id=event.event_id, kind=event.kind.value)
            because = f"failed: {type(error).__name__}"
            self._in_transaction(lambda uow: self._conversation.set_aside(uow, event, because))
            effects = []
        self._lines.acknowledge(event)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        try:
            match effect:
                case HangUpLeg(leg_id=leg_id, reason=reason):
                    self._control.hang_up(leg_id, reason)
                case PlayPrompt(leg_id=leg_id, key=key, language=language, values=values, slow=slow):
                    self._play(leg_id, key, language, values, slow=slow)
                case ExpectPrompts(keys=keys, language=language, values=values):
                    self._voice.expect(keys, language, values)
                case StopPrompt(leg_id=leg_id):
                    self._control.stop_prompt(leg_id)
                case CollectKeys(leg_id=leg_id, count=count, timeout_seconds=seconds):
                    self._control.collect_digits(leg_id, count=count, timeout_seconds=seconds)
                case StopRecorder(leg_id=leg_id):
                    self._control.stop_recording(leg_id)
                case AnswerLeg(leg_id=leg_id, recording_folder=recording_folder):
                    self._control.answer(leg_id, recording_folder=recording_folder)
                case UnmuteLeg(leg_id=leg_id):
                    self._control.unmute(leg_id)
                case JoinLegs():
                    self._join(effect)
                case MonitorLeg():
                    self._let_in(effect)
                case RedialPatient():
                    self._redial(effect)
                case DestroyRecording(folder=folder):
                    shutil.rmtree(folder, ignore_errors=False)
        except CallControlError as error:
            # The leg is over; its own `ended` event tells the rest.
            log.info("effect_refused", effect=type(effect).__name__, leg=effect.leg_id, reason=error.reason)

    def _play(self, leg_id: LegId, key: str, language: str, values: Mapping[str, str], *, slow: bool) -> None:
        """Nobody is left in silence: where a prompt is missing, the call ends, and every other goes on."""
        try:
            prompt = self._voice.prompt(key, language, values, slow=slow)
        except (KeyError, OSError):
            log.exception("prompt_missing", prompt=key, language=language, leg=leg_id)
            self._control.hang_up(leg_id, EndReason.HANG_UP)
            return
        self._control.play(leg_id, prompt)

    def _join(self, effect: JoinLegs) -> None:
        """A patient who cannot be joined is not left in silence: his agent hears of the end, and says what follows."""
        try:
            self._control.bridge(effect.leg_id, effect.other)
        except CallControlError as error:
            log.warning("not_joined", leg=effect.leg_id, headset=effect.other, reason=error.reason)
            self._control.hang_up(effect.leg_id, EndReason.HANG_UP)

    def _let_in(self, effect: MonitorLeg) -> None:
        """A supervisor who cannot be let in is hung up, and told why."""
        try:
            self._control.monitor(effect.leg_id, effect.other, effect.mode)
        except CallControlError as error:
            reason = error.reason
            self._in_transaction(lambda uow: self._conversation.not_let_in(uow, effect.leg_id, reason))
            self._control.hang_up(effect.leg_id, EndReason.HANG_UP)

    def _redial(self, effect: RedialPatient) -> None:
        """A second trunk that cannot be dialed either ends the call; one that may have been is told of by its leg."""
        try:
            self._control.originate(effect.leg, effect.line)
        except CallControlError as error:
            log.warning("redial_refused", leg=effect.leg_id, trunk=effect.line.name, reason=error.reason)
            if error.anything_sent:
                return
            self._in_transaction(lambda uow: self._commands.end_unsent(uow, effect.leg_id))

    # --- commands ---------------------------------------------------------------------------------------------------

    def _take_commands(self) -> None:
        put_off: set[int] = set()
        while self._take_command(put_off):
            pass

    def _take_command(self, put_off: set[int]) -> bool:
        """Decide the oldest pending command, commit, then do it; False when there is none left.

        One that has to wait is put off until the next look: a busy trunk holds up no hang-up behind it.
        """

        def decide(uow: UnitOfWork) -> tuple[CallCommand, LineAct | None] | None:
            for command in uow.calls.take_commands(self._name, 1, besides=put_off):
                return command, self._commands.decide(uow, command)
            return None

        decided = self._in_transaction(decide)
        if decided is None:
            return False
        command, act = decided
        log.info("command_taken", verb=command.verb, subject=command.subject, state=command.state.value)
        if act is None:
            return True
        try:
            act(self._control)
        except CallControlError as error:
            if not self._line_refused(command, error):
                put_off.add(command.id)
        return True

    def _line_refused(self, command: CallCommand, error: CallControlError) -> bool:
        log.warning("line_refused", verb=command.verb, subject=command.subject, reason=error.reason)

        def note(uow: UnitOfWork) -> bool:
            again = uow.calls.command_for_update(command.id)
            self._commands.line_refused(uow, again, error)
            return again.state.value != "pending"

        return self._in_transaction(note)

    # --- heartbeat and headsets ---------------------------------------------------------------------------------------

    def _tick(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_SECONDS):
            if self._conversation.ahead.somebody_waits:
                self._inbox.put(_Look())
            looks = (looks + 1) % LOOKS_A_BEAT
            if looks:
                continue
            self._inbox.put(_Beat())
            self._inbox.put(_Wake())
            # From this thread, because the other may wait seconds for a call worker to start; a node that hangs for
            # longer is given no more calls.
            if time.monotonic() - self._last_turn < HANGS_SECONDS:
                self._in_transaction(self._say_alive)

    def _declare_trunks(self, uow: UnitOfWork) -> None:
        declared = {terms.name: terms.declared() for terms in self._trunks.all}
        uow.trunks.declare(self._name, declared, now=uow.now)

    def _saw_trunk(self, name: str, answer: TrunkAnswer) -> None:
        condition = TrunkCondition.UP if answer.up else TrunkCondition.DOWN

        def note(uow: UnitOfWork) -> bool:
            news = uow.trunks.checked(self._name, name, condition, answer.said, now=uow.now)
            if news:
                ids = {"node": self._name, "condition": condition.value}
                uow.emit(DomainEvent(kind=EventKind.TRUNK_CHANGED, subject=name, ids=ids))
            return news

        if self._in_transaction(note):
            log.warning("trunk_changed", node=self._name, trunk=name, condition=condition.value, said=answer.said)

    def _say_alive(self, uow: UnitOfWork) -> None:
        uow.calls.heartbeat(self._name, uow.now, self._lines.free())

    def _beat(self) -> None:
        jump = self._clock.jump()
        if jump is not None:
            # Gates ask the database's clock and time-outs are monotonic: no call goes wrong, but somebody must look.
            log.error("clock_jumped", node=self._name, seconds=jump.total_seconds())
            self._clock = self._new_clock()
        if self._conversation.inbound is not None:
            for effect in self._in_transaction(self._conversation.inbound.tick):
                self._do(effect)
        free = self._lines.free()
        for leg, trunk in self._in_transaction(lambda uow: self._headsets_to_ring(uow, free)):
            try:
                self._control.attach_headset(leg, trunk)
            except CallControlError as error:
                log.warning("headset_not_rung", agent=leg.attempt_id, reason=error.reason)
                self._in_transaction(partial(self._headset_lost, leg_id=leg.leg_id, error=error))

    def _headsets_to_ring(self, uow: UnitOfWork, free: int) -> list[tuple[OutboundLeg, Trunk]]:
        found: list[tuple[OutboundLeg, Trunk]] = []
        for agent in uow.queues.headsets_to_ring(self._name):
            last = self._headset_tries.get(agent.id)
            if (last is not None and uow.now - last < HEADSET_REST) or len(found) >= free:
                continue
            self._headset_tries[agent.id] = uow.now
            agent.headset_state = HeadsetState.RINGING
            agent.headset_leg_id = new_id()
            agent.headset_node = self._name
            leg = OutboundLeg(
                leg_id=LegId(agent.headset_leg_id),
                attempt_id=agent.id,
                role=LegRole.AGENT,
                number=agent.headset,
                ring_seconds=HEADSET_RING_SECONDS,
            )
            browser = agent.headset_kind is HeadsetKind.BROWSER
            found.append((leg, BROWSER_LINE if browser else self._trunks.headsets))
        return found

    def _headset_lost(self, uow: UnitOfWork, *, leg_id: str, error: CallControlError) -> None:
        agent = uow.queues.agent_by_headset_leg(leg_id)
        if agent is None:
            return
        agent.headset_state = HeadsetState.DOWN
        agent.headset_leg_id = None
        if error.refusal is Refusal.REJECTED:
            # It would be refused for ever: the agent has to put on another one.
            agent.headset_wanted = False
            agent.state_reason = error.reason[:200]
        uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))

    # --- after a start ------------------------------------------------------------------------------------------------

    def _take_stock(self) -> None:
        """Every call and headset that the database believes on this node is held by a worker, or comes to its end.

        The workers have been adopted or buried before; what their journals told is in the inbox and goes first.
        """
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, LegEvent):
                self._take_event(item)
        for effect in self._in_transaction(self._missing_calls):
            self._do(effect)
        self._in_transaction(self._missing_headsets)
        self._in_transaction(self._missing_callers)

    def _missing_calls(self, uow: UnitOfWork) -> list[Effect]:
        effects: list[Effect] = []
        for listed in uow.calls.live_on(self._name):
            call = uow.calls.for_update(listed.id)
            if call is None or call.state is CallState.ENDED or self._is_waiting_to_be_dialed(uow, call):
                continue
            leg = patient_leg_of(call).id
            if self._lines.knows(leg):
                effects.extend(self._conversation.taken_over(uow, call))
                self._commands.end_lost_company(uow, call)
                continue
            self._commands.end_without_worker(uow, call)
        return effects

    @staticmethod
    def _is_waiting_to_be_dialed(uow: UnitOfWork, call: Call) -> bool:
        return call.state is CallState.PLANNED and any(
            command.verb == "dial" and command.state.value == "pending" for command in uow.calls.commands_for(call.id)
        )

    def _missing_callers(self, uow: UnitOfWork) -> None:
        inbound = self._conversation.inbound
        if inbound is None:
            return
        for caller in uow.inbound.live_on(self._name):
            if caller.call_id is None and not self._lines.knows(caller.leg_id):
                inbound.lost(uow, caller)

    def _missing_headsets(self, uow: UnitOfWork) -> None:
        for listed in uow.queues.agents():
            agent = uow.queues.agent_for_update(listed.id)
            if (
                agent is not None
                and agent.headset_node == self._name
                and agent.headset_leg_id is not None
                and not self._lines.knows(LegId(agent.headset_leg_id))
            ):
                agent.headset_state = HeadsetState.DOWN
                agent.headset_leg_id = None

    # --- transactions -------------------------------------------------------------------------------------------------

    def _in_transaction(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Do `work` and commit. While the database is away it is tried again: media goes on, journals keep the rest."""

        def once() -> Result:
            with self._units() as uow:
                result = work(uow)
                uow.commit()
                return result

        return Retrying(
            retry=retry_if_exception(database_is_away),
            wait=wait_exponential(multiplier=0.2, max=2.0),
            before_sleep=_say_database_away,
            reraise=True,
        )(once)


def _say_database_away(state: RetryCallState) -> None:
    log.warning("database_away", tries=state.attempt_number)
