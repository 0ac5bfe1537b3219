"""A call as callers see it: where it is, who is on it, and what can be asked of it now."""

from collections.abc import Mapping
from enum import StrEnum

from api.auth import Caller
from api.fields import Answer, Instant
from api.masking import masked_number
from care.consent import ConsentScope
from db.unit_of_work import UnitOfWork
from followup.calls import (
    Announcement,
    Answered,
    Call,
    CallState,
    CauseCode,
    EarlySound,
    EndReason,
    Leg,
    LegRole,
    Party,
)
from followup.recordings import Recording, RecordingState
from followup.supervision import SupervisionMode, SupervisionReason, SupervisionShown, SupervisionState, is_shown
from followup.transfers import Transfer, TransferState, TransferTarget
from runtime.content.documents import Wording


class Verb(StrEnum):
    """What may be asked of a call."""

    HANG_UP = "hang_up"
    HOLD = "hold"
    RESUME = "resume"
    MUTE = "mute"
    UNMUTE = "unmute"
    PAUSE_RECORDING = "pause_recording"
    RESUME_RECORDING = "resume_recording"
    STOP_RECORDING = "stop_recording"
    REFUSE_RECORDING = "refuse_recording"  # the patient said no: what was recorded is destroyed
    SEND_DIGITS = "send_digits"


_TALKING = frozenset({CallState.ANSWERED, CallState.BRIDGED, CallState.HELD})
POSSIBLE_IN: Mapping[Verb, frozenset[CallState]] = {
    Verb.HANG_UP: frozenset(CallState) - {CallState.ENDED},
    Verb.HOLD: frozenset({CallState.BRIDGED}),
    Verb.RESUME: frozenset({CallState.HELD}),
    Verb.MUTE: _TALKING,
    Verb.UNMUTE: _TALKING,
    Verb.PAUSE_RECORDING: _TALKING,
    Verb.RESUME_RECORDING: _TALKING,
    Verb.STOP_RECORDING: _TALKING,
    Verb.REFUSE_RECORDING: _TALKING,
    Verb.SEND_DIGITS: _TALKING,
}


_OF_RECORDING = frozenset({Verb.PAUSE_RECORDING, Verb.RESUME_RECORDING, Verb.STOP_RECORDING, Verb.REFUSE_RECORDING})


class LegState(StrEnum):
    """Where a leg is."""

    RINGING = "ringing"
    UP = "up"
    ENDED = "ended"


class LegAnswer(Answer):
    """One party's line in the call; `joined`: the patient and this party hear each other."""

    id: str
    role: LegRole
    state: LegState
    joined: bool
    answered_at: Instant | None
    ended_at: Instant | None


class TransferAnswer(Answer):
    """A transfer; of a number the last four digits are shown."""

    id: str
    call_id: str
    mode: str
    target: TransferTarget
    agent_id: str | None
    directory_id: str | None
    contact_point_id: str | None
    number: str | None
    state: TransferState
    asked_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None
    reason: str


class SupervisorAnswer(Answer):
    """Who of the supervisors is on the line, how, why and since when in this way."""

    supervision_id: str
    supervisor_id: str
    state: SupervisionState
    mode: SupervisionMode
    reason: SupervisionReason
    since: Instant


class RecordingConsentAnswer(Answer):
    """What the patient last said about being recorded in this call, and at which second of it."""

    granted: bool
    at_second: float | None


class CallAnswer(Answer):
    """A call; the number shows its last four digits."""

    id: str
    attempt_id: str
    patient_id: str
    queue_id: str
    agent_id: str | None
    number: str
    state: CallState
    trunk: str | None
    sip_call_id: str | None
    planned_at: Instant
    invite_at: Instant | None
    ringing_at: Instant | None
    answered_at: Instant | None
    bridged_at: Instant | None
    joined_after_ms: int | None  # from the patient's answer to the moment he was joined with somebody
    silent_since: Instant | None  # nothing is heard of the patient's line since then; it is ended after a while
    ended_at: Instant | None
    end_reason: EndReason | None
    cause: CauseCode | None
    cause_words: dict[str, str] | None  # why it ended, for a person's eyes: zh and en
    party: Party | None
    answered_by: Answered | None
    answered_by_confidence: float | None
    answered_by_why: str | None  # what the verdict rests on; for an agent it is a hint
    early_sound: EarlySound | None
    announcement: Announcement | None
    legs: list[LegAnswer]
    held_by: list[str]
    muted: bool  # the agent's headset
    transfer: TransferAnswer | None  # the one under way
    supervisor: SupervisorAnswer | None  # as the queue's policy shows her to the agent; always to supervisors
    recorded: bool  # False: the patient wants no recording; he is told so and none is made
    recording: RecordingState | None
    recording_reason: str  # why nothing is recorded (any more), or what is doubtful about the recording
    recording_paused: bool
    recording_consent: RecordingConsentAnswer | None
    commands: list[Verb]  # what is possible now


def call_answer(uow: UnitOfWork, call: Call, caller: Caller, words: Mapping[CauseCode, Wording]) -> CallAnswer:
    """A call as this caller may see it."""
    recording = uow.recordings.of_call(call.id)
    transfer = uow.transfers.live_of_call(call.id)
    supervisor = _supervisor(uow, call, caller)
    muted, paused = _is_muted(uow, call), _is_paused(recording)
    recorded = recording is None or recording.state is not RecordingState.FAILED
    return CallAnswer(
        id=call.id,
        attempt_id=call.attempt_id,
        patient_id=call.patient_id,
        queue_id=call.queue_id,
        agent_id=call.agent_id,
        number=masked_number(call.number),
        state=call.state,
        trunk=call.trunk,
        sip_call_id=call.sip_call_id,
        planned_at=call.planned_at,
        invite_at=call.invite_at,
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        bridged_at=call.bridged_at,
        joined_after_ms=_joined_after(call),
        silent_since=call.silent_since,
        ended_at=call.ended_at,
        end_reason=call.end_reason,
        cause=call.cause,
        cause_words=words[call.cause].model_dump() if call.cause else None,
        party=call.party,
        answered_by=call.answered_by,
        answered_by_confidence=call.answered_by_confidence,
        answered_by_why=call.answered_by_why,
        early_sound=call.early_sound,
        announcement=call.announcement,
        legs=[
            _leg(call, leg)
            for leg in call.legs
            if leg.role is not LegRole.SUPERVISOR or caller.oversees or supervisor is not None
        ],
        held_by=call.held_by,
        muted=muted,
        transfer=transfer_answer(transfer) if transfer is not None else None,
        supervisor=supervisor,
        recorded=call.recorded,
        recording=recording.state if recording is not None else None,
        recording_reason=recording.reason if recording is not None else "",
        recording_paused=paused,
        recording_consent=_recording_consent(uow, call),
        commands=[verb for verb in Verb if _is_possible(verb, call, muted=muted, paused=paused, recorded=recorded)],
    )


def is_possible(uow: UnitOfWork, verb: Verb, call: Call) -> bool:
    """True if this can be asked of the call now; the node looks again when it takes the command."""
    recording = uow.recordings.of_call(call.id)
    recorded = recording is None or recording.state is not RecordingState.FAILED
    muted = _is_muted(uow, call)
    return _is_possible(verb, call, muted=muted, paused=_is_paused(recording), recorded=recorded)


def transfer_answer(transfer: Transfer) -> TransferAnswer:
    """A transfer as callers see it; an agent's headset has no number to show."""
    return TransferAnswer(
        id=transfer.id,
        call_id=transfer.call_id,
        mode=transfer.mode,
        target=transfer.target,
        agent_id=transfer.agent_id,
        directory_id=transfer.directory_id,
        contact_point_id=transfer.contact_point_id,
        number=None if transfer.target is TransferTarget.AGENT else masked_number(transfer.number),
        state=transfer.state,
        asked_at=transfer.asked_at,
        answered_at=transfer.answered_at,
        ended_at=transfer.ended_at,
        reason=transfer.reason,
    )


def _is_muted(uow: UnitOfWork, call: Call) -> bool:
    agent = uow.queues.agent(call.agent_id) if call.agent_id else None
    return agent is not None and agent.headset_muted and call.state is not CallState.ENDED


def _is_paused(recording: Recording | None) -> bool:
    return recording is not None and bool(recording.pauses) and recording.pauses[-1]["to"] is None


def _is_possible(verb: Verb, call: Call, *, muted: bool, paused: bool, recorded: bool) -> bool:
    if call.state not in POSSIBLE_IN[verb] or (verb in _OF_RECORDING and not recorded):
        return False
    match verb:
        case Verb.MUTE | Verb.UNMUTE:
            return call.agent_id is not None and muted is (verb is Verb.UNMUTE)
        case Verb.PAUSE_RECORDING | Verb.RESUME_RECORDING:
            return paused is (verb is Verb.RESUME_RECORDING)
        case Verb.RESUME:
            return call.held_by != ["far_end"]
        case _:
            return True


def _leg(call: Call, leg: Leg) -> LegAnswer:
    state = LegState.UP if leg.answered_at is not None else LegState.RINGING
    return LegAnswer(
        id=leg.id,
        role=leg.role,
        state=state if leg.ended_at is None else LegState.ENDED,
        joined=leg.id in call.joined,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
    )


def _joined_after(call: Call) -> int | None:
    if call.answered_at is None or call.bridged_at is None:
        return None
    return round((call.bridged_at - call.answered_at).total_seconds() * 1000)


def _supervisor(uow: UnitOfWork, call: Call, caller: Caller) -> SupervisorAnswer | None:
    supervision = uow.supervisions.live_of_call(call.id)
    if supervision is None:
        return None
    stretch = uow.supervisions.open_stretch(supervision.id)
    queue = uow.queues.get(call.queue_id)
    shown = queue.supervision_shown if queue is not None else SupervisionShown.ALWAYS
    mode = stretch.mode if stretch is not None else supervision.mode
    if not caller.oversees and (stretch is None or not is_shown(shown, mode)):
        return None
    return SupervisorAnswer(
        supervision_id=supervision.id,
        supervisor_id=supervision.supervisor_id,
        state=supervision.state,
        mode=mode,
        reason=supervision.reason,
        since=stretch.began_at if stretch is not None else supervision.asked_at,
    )


def _recording_consent(uow: UnitOfWork, call: Call) -> RecordingConsentAnswer | None:
    said = [
        consent
        for consent in uow.patients.consents_of(call.patient_id)
        if consent.call_id == call.id and consent.scope is ConsentScope.RECORDING
    ]
    last = max(said, key=lambda consent: consent.recorded_at, default=None)
    return RecordingConsentAnswer(granted=last.granted, at_second=last.at_second) if last is not None else None
