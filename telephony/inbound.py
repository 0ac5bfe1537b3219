"""Callers: who rings us, or presses 0 in an automated call, is greeted, offered to an agent, and never just left."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from care.consent import ConsentScope, Purpose, Standing, standing
from db.unit_of_work import UnitOfWork
from followup.calls import Call, EndReason, LegId
from followup.closing import move_agent, release_agent
from followup.dialing_rules import Profile
from followup.events import DomainEvent, EventKind
from followup.inbound import (
    UNRECORDED,
    InboundCall,
    InboundId,
    InboundMove,
    InboundOrigin,
    InboundReason,
    InboundRules,
    InboundState,
    InboundTrigger,
    end_caller,
    first_words,
    last_words,
    move_after_key,
    move_after_words,
    move_of_time,
    next_inbound_state,
)
from followup.inbound_menu import DEFAULT_MENU, InboundMenu, is_open
from followup.plans import TaskMode
from followup.queues import Agent, AgentTrigger, Queue
from followup.recordings import DISK_FULL, NEVER_BEGUN
from runtime.identifiers import new_id
from runtime.phone_numbers import NumberRefusedError, to_e164
from telephony.automated import Line
from telephony.call_back_wishes import note_wish
from telephony.call_control import LegEvent, LegEventKind
from telephony.call_moves import LateEventError, attempt_of
from telephony.effects import AnswerLeg, DestroyRecording, Effect, HangUpLeg, PlayPrompt, StopRecorder

log = structlog.get_logger(__name__)

_USER = re.compile(r"(?:sips?:|tel:)?([^@;>]+)", re.IGNORECASE)
NOT_TAKEN = "a caller was not taken"


def caller_number(told: str) -> str | None:
    """E.164 of the number that a caller's side told us; None when it withheld it or told no number."""
    address = told.rpartition("<")[2].strip()
    found = _USER.match(address)
    try:
        return to_e164(found[1]) if found else None
    except NumberRefusedError:
        return None


class InboundCalls:
    """The callers of one node; each event, key and second is decided by the pure rules of `followup.inbound`."""

    def __init__(
        self,
        *,
        node: str,
        spool: Path,
        rules: InboundRules,
        profile: Profile,
        zone: str,
        queue: str = "",
        menu: InboundMenu = DEFAULT_MENU,
        region: str | None = None,
    ) -> None:
        self._node = node
        self._spool = spool
        self._rules = rules
        self._profile = profile
        self._zone = zone
        self._queue = queue
        self._menu = menu
        self._region = region  # whose public holidays and make-up days count

    # --- how callers come ---------------------------------------------------------------------------------------------

    def incoming(self, uow: UnitOfWork, event: LegEvent) -> list[Effect]:
        """Somebody rings us: everything that can be known of him is looked up, and he is answered."""
        if uow.inbound.live_on_leg(event.leg_id) is not None:
            raise LateEventError("this caller is known already")
        inbound = InboundCall(
            id=InboundId(new_id()),
            leg_id=event.leg_id,
            node=self._node,
            caller=caller_number(str(event.values.get("caller") or "")),
            sip_call_id=str(event.values.get("sip_call_id") or "") or None,
            rang_at=event.occurred_at,
        )
        self._look_up(uow, inbound)
        inbound.recording_refused = not self._may_record(uow, inbound)
        open_now = self._is_open(uow)
        inbound.to_say = first_words(inbound, open_now=open_now, menu=self._menu)
        uow.inbound.add(inbound)
        uow.flush()
        self._tell(uow, inbound)
        log.info("caller_rings", inbound=inbound.id, candidates=len(inbound.candidates), open_now=open_now)
        recorded = open_now and not inbound.recording_refused
        return [AnswerLeg(leg_id=inbound.leg_id, recording_folder=self._spool / inbound.id if recorded else None)]

    def ask_for_person(self, uow: UnitOfWork, call: Call, line: Line) -> list[Effect]:
        """Key 0 in an automated call: its patient waits for an agent as a caller does."""
        if uow.inbound.live_of_call(call.id) is not None:
            return []
        queue = uow.queues.get(call.queue_id)
        inbound = InboundCall(
            id=InboundId(new_id()),
            leg_id=line.leg_id,
            node=call.node,
            origin=InboundOrigin.KEY_ZERO,
            caller=call.number,
            candidates=[call.patient_id],
            language=line.language,
            queue_id=call.queue_id if queue is not None and queue.mode is TaskMode.AGENT else None,
            call_id=call.id,
            state=InboundState.GREETED,
            rang_at=uow.now,
            answered_at=uow.now,
        )
        last = uow.inbound.last_call_to(call.number, uow.now - self._rules.remember)
        inbound.called_by = last.agent_id if last is not None else None
        if inbound.queue_id is None:
            default = self._default_queue(uow)
            inbound.queue_id = default.id if default else None
        uow.inbound.add(inbound)
        uow.flush()
        return self._seek(uow, inbound)

    def _look_up(self, uow: UnitOfWork, inbound: InboundCall) -> None:
        default = self._default_queue(uow)
        inbound.queue_id = default.id if default else None
        if inbound.caller is None:
            return
        patients = uow.inbound.patients_with_number(inbound.caller)
        last = uow.inbound.last_call_to(inbound.caller, uow.now - self._rules.remember)
        # Whom we called last is the likeliest; the others of the household stay candidates.
        likeliest = last.patient_id if last is not None else None
        inbound.candidates = sorted((patient.id for patient in patients), key=lambda found: found != likeliest)
        languages = {patient.language for patient in patients}
        if len(languages) == 1:
            inbound.language = languages.pop()
        if last is None:
            return
        inbound.called_by = last.agent_id
        queue = uow.queues.get(last.queue_id)
        if queue is not None and queue.mode is TaskMode.AGENT:
            inbound.queue_id = queue.id

    def _is_open(self, uow: UnitOfWork) -> bool:
        today = uow.now.astimezone(ZoneInfo(self._zone)).date()
        return is_open(self._menu, self._profile, self._zone, uow.now, uow.gate_facts.days(self._region, today))

    def _may_record(self, uow: UnitOfWork, inbound: InboundCall) -> bool:
        """Nobody is recorded who said no; which of a household rings is not known yet, so one's no is enough."""
        queue = uow.queues.get(inbound.queue_id) if inbound.queue_id else None
        purpose = queue.purpose if queue is not None else Purpose.CARE
        stands = [Standing.SILENT] if not inbound.candidates else []
        for patient_id in inbound.candidates:
            words = uow.patients.consents_of(patient_id)
            stands.append(standing(words, purpose, ConsentScope.RECORDING))
            if any(standing(words, each, ConsentScope.RECORDING) is Standing.WITHDRAWN for each in Purpose):
                return False
        return all(self._profile.records(where) for where in stands)

    def _default_queue(self, uow: UnitOfWork) -> Queue | None:
        return (uow.queues.by_name(self._queue) if self._queue else None) or uow.inbound.first_agents_queue()

    # --- what happens on their line -----------------------------------------------------------------------------------

    def apply(self, uow: UnitOfWork, inbound: InboundCall, event: LegEvent) -> list[Effect]:
        """One event of a caller's leg that belongs to no call (yet)."""
        match event.kind:
            case LegEventKind.ANSWERED:
                return self._answered(uow, inbound, event)
            case LegEventKind.PROMPT_FINISHED:
                return self.words_over(uow, inbound)
            case LegEventKind.DIGIT:
                return self.key_pressed(uow, inbound, str(event.values.get("digit", "")))
            case LegEventKind.BRIDGED:
                self.joined(uow, inbound, event)
            case LegEventKind.RECORDING_STARTED:
                inbound.spool = str(event.values["folder"])
                inbound.recording_started_at = event.occurred_at
            case LegEventKind.RECORDING_STOPPED:
                if event.values.get("failed"):
                    inbound.recording_failed = NEVER_BEGUN if inbound.spool is None else DISK_FULL
                return self._recorded(inbound)
            case LegEventKind.ENDED:
                lost = event.values.get("end_reason") == EndReason.WORKER_LOST.value
                self.end(uow, inbound, event, InboundReason.LOST if lost else InboundReason.HUNG_UP)
            case _:
                return []
        return []

    def _answered(self, uow: UnitOfWork, inbound: InboundCall, event: LegEvent) -> list[Effect]:
        self._move(uow, inbound, InboundTrigger.ANSWER)
        inbound.answered_at = event.occurred_at
        if inbound.to_say[-len(self._menu.closed) - 1 : -1] == [*self._menu.closed]:
            self._wish(uow, inbound, otherwise=InboundReason.AFTER_HOURS)
            self._move(uow, inbound, InboundTrigger.PART)
        return self._say(inbound)

    def key_pressed(self, uow: UnitOfWork, inbound: InboundCall, key: str) -> list[Effect]:
        """A key of a caller who speaks with nobody yet, or refuses the recording while he does."""
        match move_after_key(inbound, key, self._menu):
            case InboundMove.SEEK_AGENT:
                return self._seek(uow, inbound)
            case InboundMove.NOTE_WISH:
                self._wish(uow, inbound, otherwise=InboundReason.CALL_BACK_WISHED)
                return self._part(uow, inbound, last_words(inbound))
            case InboundMove.REFUSE_RECORDING:
                self.refuse_recording(uow, inbound, by=None)
                stop: list[Effect] = [StopRecorder(leg_id=inbound.leg_id)]
                if inbound.state is InboundState.GREETED:
                    said = (*self._menu.greeting, self._menu.notice)
                    inbound.to_say = [UNRECORDED, *(word for word in inbound.to_say if word not in said)]
                    return [*stop, *self._say(inbound)]
                return stop
            case InboundMove.OTHER_LANGUAGE:
                inbound.language = "en" if inbound.language == "zh" else "zh"
                inbound.to_say = first_words(inbound, open_now=True, menu=self._menu)
                self._tell(uow, inbound)
                return self._say(inbound)
            case _ if inbound.to_say:
                return self.words_over(uow, inbound)  # the key cut the prompt short, and no end of it will be told
        return []

    def refuse_recording(self, uow: UnitOfWork, inbound: InboundCall, *, by: str | None) -> None:
        """The caller says no, by key or to the agent: what was recorded is destroyed when its files are closed."""
        inbound.recording_refused = True
        uow.audit.note(
            user_id=by,
            action="recording_refused",
            subject_kind="inbound_call",
            subject=inbound.id,
            patient_id=inbound.patient_id,
        )

    def words_over(self, uow: UnitOfWork, inbound: InboundCall) -> list[Effect]:
        """A prompt was heard to its end, or cut short by a key without a meaning."""
        inbound.to_say = inbound.to_say[1:]
        if inbound.to_say:
            return self._say(inbound)
        match move_after_words(inbound):
            case InboundMove.SEEK_AGENT:
                return self._seek(uow, inbound)
            case InboundMove.HANG_UP:
                return [HangUpLeg(leg_id=inbound.leg_id, reason=EndReason.HANG_UP)]
        return []

    def _recorded(self, inbound: InboundCall) -> list[Effect]:
        if not inbound.recording_refused or inbound.spool is None:
            return []
        folder, inbound.spool = Path(inbound.spool), None
        return [DestroyRecording(leg_id=inbound.leg_id, folder=folder)]

    # --- agents -------------------------------------------------------------------------------------------------------

    def _seek(self, uow: UnitOfWork, inbound: InboundCall) -> list[Effect]:
        self._move(uow, inbound, InboundTrigger.SEEK)
        inbound.waiting_since = inbound.comforted_at = uow.now
        inbound.to_say = []
        self._offer(uow, inbound)
        return [PlayPrompt(leg_id=inbound.leg_id, key="person", language=inbound.language)]

    def _offer(self, uow: UnitOfWork, inbound: InboundCall) -> bool:
        """Reserve an agent for the caller and show him to her; False when nobody can be given a call now."""
        default = self._default_queue(uow)
        queues = [inbound.queue_id, default.id if default else None]
        agent = uow.inbound.reserve_agent(
            node=inbound.node,
            first=inbound.called_by,
            queue_ids=list(dict.fromkeys(queue for queue in queues if queue is not None)),
            besides=inbound.declined_by,
            now=uow.now,
        )
        if agent is None:
            return False
        uow.emit(move_agent(agent, AgentTrigger.RESERVE, now=uow.now))
        inbound.agent_id, inbound.offered_at, inbound.accepted_at = agent.id, uow.now, None
        self._move(uow, inbound, InboundTrigger.OFFER)
        log.info("caller_offered", inbound=inbound.id, agent=agent.id)
        return True

    def accept(self, uow: UnitOfWork, inbound: InboundCall, agent: Agent) -> LegId:
        """The agent takes the caller: her headset's leg, to be joined with his; ValueError when that cannot be."""
        if inbound.state is not InboundState.OFFERED or inbound.agent_id != agent.id:
            raise ValueError(f"the caller is {inbound.state.value} and is not (any more) offered to you")
        if agent.headset_leg_id is None:
            raise ValueError("your headset is not up; put it on again")
        inbound.accepted_at = uow.now
        return LegId(agent.headset_leg_id)

    def joined(self, uow: UnitOfWork, inbound: InboundCall, event: LegEvent) -> None:
        """Caller and agent hear each other."""
        agent = self._agent(uow, inbound)
        if agent is None or inbound.state is not InboundState.OFFERED:
            raise LateEventError("no agent is reserved for this caller")
        self._move(uow, inbound, InboundTrigger.CONNECT)
        inbound.connected_at = event.occurred_at
        inbound.reason = InboundReason.ANSWERED_BY_AGENT
        uow.emit(move_agent(agent, AgentTrigger.BEGIN_CALL, now=uow.now))
        call = uow.calls.get(inbound.call_id) if inbound.call_id else None
        if call is not None:
            call.agent_id = attempt_of(uow, call).agent_id = agent.id

    def take_back(self, uow: UnitOfWork, inbound: InboundCall) -> list[Effect]:
        """The agent does not take the caller: somebody else is asked, and she is free."""
        agent = self._agent(uow, inbound)
        if agent is not None:
            inbound.declined_by = [*inbound.declined_by, agent.id]
            for event in release_agent(agent, now=uow.now, reason=NOT_TAKEN):
                uow.emit(event)
        inbound.agent_id = inbound.offered_at = inbound.accepted_at = None
        self._move(uow, inbound, InboundTrigger.TAKE_BACK)
        self._offer(uow, inbound)
        return []

    def headset_lost(self, uow: UnitOfWork, agent: Agent) -> list[Effect]:
        """The headset of an agent with a caller is gone: he is not left in silence but offered to somebody else.

        Once the conversation is a call, it is dealt with as any other call whose agent is lost.
        """
        inbound = uow.inbound.live_of_agent(agent.id)
        if inbound is None or inbound.state not in (InboundState.OFFERED, InboundState.CONNECTED):
            return []
        if inbound.state is InboundState.CONNECTED:
            if inbound.call_id is not None:
                return []
            inbound.waiting_since = inbound.comforted_at = uow.now
        self.take_back(uow, inbound)
        return [PlayPrompt(leg_id=inbound.leg_id, key="comfort", language=inbound.language)]

    # --- time ---------------------------------------------------------------------------------------------------------

    def tick(self, uow: UnitOfWork) -> list[Effect]:
        """What the seconds ask for: offers that were not taken, waiting that is long enough, a word of comfort."""
        effects: list[Effect] = []
        for inbound in uow.inbound.live_on(self._node):
            move = move_of_time(inbound, self._rules, uow.now)
            if move is InboundMove.TAKE_BACK:
                effects += self.take_back(uow, inbound)
            elif inbound.state is InboundState.WAITING and self._offer(uow, inbound):
                continue
            elif move is InboundMove.GIVE_UP:
                self._wish(uow, inbound, otherwise=InboundReason.NO_AGENT)
                effects += self._part(uow, inbound, ["nobody_free", *last_words(inbound)])
            effects += self._comfort(uow, inbound)
        return effects

    def _comfort(self, uow: UnitOfWork, inbound: InboundCall) -> list[Effect]:
        waits = inbound.state in (InboundState.WAITING, InboundState.OFFERED) and inbound.accepted_at is None
        if not waits or inbound.comforted_at is None or uow.now - inbound.comforted_at < self._rules.comfort:
            return []
        inbound.comforted_at = uow.now
        return [PlayPrompt(leg_id=inbound.leg_id, key="comfort", language=inbound.language)]

    # --- how they leave -----------------------------------------------------------------------------------------------

    def _part(self, uow: UnitOfWork, inbound: InboundCall, words: list[str]) -> list[Effect]:
        agent = self._agent(uow, inbound)
        self._move(uow, inbound, InboundTrigger.PART)
        if agent is not None:
            inbound.agent_id = None
            for event in release_agent(agent, now=uow.now):
                uow.emit(event)
        inbound.to_say = words
        return self._say(inbound)

    def _wish(self, uow: UnitOfWork, inbound: InboundCall, *, otherwise: InboundReason) -> None:
        """Note the wish to be rung back; without a number there is only the reason why nobody spoke."""
        if inbound.caller is None:
            inbound.reason = otherwise
            return
        queue = uow.queues.get(inbound.queue_id) if inbound.queue_id else None
        note_wish(uow, inbound, queue=queue, profile=self._profile)
        inbound.reason = InboundReason.CALL_BACK_WISHED

    def end(self, uow: UnitOfWork, inbound: InboundCall, event: LegEvent | None, reason: InboundReason) -> None:
        """The caller is gone; an agent who spoke with him has to say what came of it, one only reserved is free."""
        at = event.occurred_at if event is not None else uow.now
        for told in end_caller(inbound, self._agent(uow, inbound), reason=reason, at=at, now=uow.now):
            uow.emit(told)
        self._tell(uow, inbound)

    def call_ended(self, uow: UnitOfWork, call: Call) -> None:
        """The call that a caller's conversation is has ended."""
        inbound = uow.inbound.live_of_call(call.id)
        if inbound is not None:
            self.end(uow, inbound, None, InboundReason.HUNG_UP)
            inbound.wrapped_up_at = uow.now  # the attempt's own wrap-up says what came of it

    def lost(self, uow: UnitOfWork, inbound: InboundCall) -> None:
        """No worker holds the caller's leg any more."""
        log.warning("caller_lost", inbound=inbound.id)
        self.end(uow, inbound, None, InboundReason.LOST)

    # --- small --------------------------------------------------------------------------------------------------------

    def _say(self, inbound: InboundCall) -> list[Effect]:
        return [PlayPrompt(leg_id=inbound.leg_id, key=inbound.to_say[0], language=inbound.language)]

    def _agent(self, uow: UnitOfWork, inbound: InboundCall) -> Agent | None:
        return uow.queues.agent_for_update(inbound.agent_id) if inbound.agent_id else None

    def _move(self, uow: UnitOfWork, inbound: InboundCall, trigger: InboundTrigger) -> None:
        inbound.state = next_inbound_state(inbound.state, trigger)
        self._tell(uow, inbound)

    @staticmethod
    def _tell(uow: UnitOfWork, inbound: InboundCall) -> None:
        ids = {"state": inbound.state.value}
        if inbound.agent_id:
            ids["agent"] = inbound.agent_id
        if inbound.queue_id:
            ids["queue"] = inbound.queue_id
        uow.emit(DomainEvent(kind=EventKind.INBOUND_CHANGED, subject=inbound.id, ids=ids))
