"""Incoming legs of a worker: lines from other workers that are expected, and patients who ring the front worker."""

import sched
import time
from collections.abc import Callable, Container, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pjsua2 as pj
import structlog

from followup.calls import EndReason, LegId, LegRole, Party
from telephony.call_control import EventValue, LegEventKind, LegState, OutboundLeg, RejectedError, TrunkBusyError
from telephony.causes import Cause
from telephony.sip.calls import Rang
from telephony.sip.config import WorkerConfig
from telephony.sip.dialog import DialogWatch, SipMessage, UnreadableMessageError, caller_and_called
from telephony.sip.endpoint import Endpoint, TokenBucket
from telephony.sip.event_book import EventBook
from telephony.sip.far_names import name_to_ask
from telephony.sip.gate import DROPPED, LET_IN, Admission, Gate, Knock
from telephony.sip.leg import Leg
from telephony.sip.wire import Expect

log = structlog.get_logger(__name__)

ANSWERS_PER_SECOND = 50.0  # to strangers; a flood is not worth a reply to each
RETRY_AFTER_SECONDS = 5
TELL_SECONDS = 5.0  # how often the log tells of those who were turned away
LEGS_PER_CALLER = 2  # his own, and the line to the desk that he is joined with: who is let in can always be joined
OK, RINGING, BUSY, UNAVAILABLE, DECLINED = 200, 180, 486, 480, 603
BAD_REQUEST, FORBIDDEN, NOT_ALLOWED, NO_SUCH_CALL, OVERLOADED = 400, 403, 405, 481, 503
REFUSALS = {EndReason.BUSY: BUSY, EndReason.REJECTED: DECLINED}
STACKS_OWN = frozenset({"ACK", "CANCEL"})  # answered or passed over by the library, without cost


@dataclass(slots=True, kw_only=True)
class Doorman:
    """Decides which request outside a dialog comes in."""

    front: bool
    own_host: str
    awaited: MutableMapping[str, LegId]
    limit: int
    calls: TokenBucket
    answers: TokenBucket
    names: Container[str] = frozenset()  # by which a far end may want to be reached, for they lead somewhere
    turned_away: dict[str, int] = field(default_factory=dict)

    def admit(self, knock: Knock, *, callers: int, held: int, now: float) -> Admission:
        """What becomes of this request while the worker holds so many calls, of them so many that came from outside."""
        status = self._judge(knock, callers=callers, held=held, now=now)
        if status == 0:
            return LET_IN
        word = f"{knock.method} {status}"
        self.turned_away[word] = self.turned_away.get(word, 0) + 1
        if not self.answers.take(now):
            return DROPPED
        later = RETRY_AFTER_SECONDS if status in (BUSY, OVERLOADED) else 0
        return Admission(status=status, retry_after_seconds=later)

    def _judge(self, knock: Knock, *, callers: int, held: int, now: float) -> int:
        if knock.method in STACKS_OWN:
            return 0
        if knock.method == "BYE":
            return NO_SUCH_CALL
        if knock.method == "OPTIONS":
            return 0 if self.answers.take(now) else OVERLOADED
        if knock.method != "INVITE":
            return NOT_ALLOWED
        if knock.user in self.awaited and knock.host == self.own_host:
            return 0
        if not self.front or "\nreplaces:" in knock.text.lower():
            return FORBIDDEN
        if not _readable(knock) or ((name := name_to_ask(_head(knock))) and name not in self.names):
            return BAD_REQUEST
        if held >= self.limit or callers >= self.limit // LEGS_PER_CALLER:
            return BUSY
        return 0 if self.calls.take(now) else OVERLOADED


def _head(knock: Knock) -> bytes:
    return knock.text.partition("\r\n\r\n")[0].encode()


def _readable(knock: Knock) -> bool:
    """Whether a call made of this INVITE could be ended by somebody else, should we die with it."""
    message = SipMessage(knock.text, sent=False, peer=f"{knock.host}:0")
    watch = DialogWatch(LegId("knock"), LegRole.PATIENT, own_address=(knock.host, 0))
    try:
        line = watch.observe(message)
    except UnreadableMessageError:
        return False
    return line is not None and all((line.call_id, line.remote_tag, line.target))


class Incoming:
    """Decides about the calls that come to this worker."""

    def __init__(
        self,
        *,
        config: WorkerConfig,
        endpoint: Endpoint,
        timers: sched.scheduler,
        book: EventBook,
        legs: MutableMapping[LegId, Leg],
        finish: Callable[[Leg, Cause], None],
    ) -> None:
        self._config = config
        self._endpoint = endpoint
        self._timers = timers
        self._book = book
        self._legs = legs
        self._finish = finish
        self._expected: dict[LegId, Expect] = {}
        self._telling = False
        now = time.monotonic()
        self._doorman = Doorman(
            front=config.front,
            own_host=config.sip_host,
            awaited=endpoint.awaited,
            limit=endpoint.call_limit,
            calls=TokenBucket(config.calls_per_second, now),
            answers=TokenBucket(ANSWERS_PER_SECOND, now),
            names=endpoint.names,
        )
        self._gate = Gate(self._admit)

    # --- lines between our own workers ---

    def expect(self, request: Expect) -> None:
        """Take the next INVITE with this token as the leg named in the request."""
        joined = self._legs.get(request.join_leg)
        if joined is None or not joined.up:
            raise RejectedError(f"leg {request.join_leg} is not up in this worker")
        if max(len(self._legs), self._endpoint.native.call_count()) + len(self._expected) >= self._endpoint.call_limit:
            raise TrunkBusyError(f"this worker holds {self._endpoint.call_limit} legs already; wait or take another")
        self._expected[request.leg_id] = request
        self._endpoint.awaited[request.token] = request.leg_id
        self._timers.enter(request.seconds, 1, self._lapse, (request.leg_id,))

    def _forget(self, leg_id: LegId) -> None:
        request = self._expected.pop(leg_id, None)
        if request is not None:
            self._endpoint.awaited.pop(request.token, None)

    def _lapse(self, leg_id: LegId) -> None:
        if leg_id in self._expected:
            self._forget(leg_id)
            values: dict[str, EventValue] = {"end_reason": EndReason.UNREACHABLE, "party": Party.US, "sip_status": 0}
            self._book.say(leg_id, LegEventKind.ENDED, values)

    def line_to(self, leg_id: LegId, far: LegId) -> LegId | None:
        """The line by which a leg of this worker hears that leg of another worker."""
        lines = self.lines_of(leg_id)
        return next((line for line in lines if self._legs[line].outbound.stands_for == far), None)

    def lines_of(self, leg_id: LegId) -> list[LegId]:
        """The lines to other workers that are there for this leg."""
        return [
            leg.leg_id
            for leg in self._legs.values()
            if leg.outbound.role is LegRole.INTERNAL and leg.outbound.join_leg == leg_id and leg.ended_at is None
        ]

    def going(self, leg: Leg, _cause: Cause) -> None:
        """A leg is about to be parted from the others: nobody needs its lines to other workers any more."""
        self._tell_line_lost(leg)
        for line in self.lines_of(leg.leg_id):
            if self._legs[line].our_cause is None:
                self._finish(self._legs[line], Cause(end_reason=EndReason.HANG_UP, party=Party.US))

    def _tell_line_lost(self, leg: Leg) -> None:
        """A line of ours came to nothing, and not by our doing: whoever was to be joined by it hears of it too."""
        outbound = leg.outbound
        if outbound.role is not LegRole.INTERNAL or leg.incoming or leg.bridged_with:
            return
        joined = self._legs.get(outbound.join_leg) if outbound.join_leg else None
        if joined is not None and joined.up and not leg.answered:
            self._book.say(joined.leg_id, LegEventKind.UNBRIDGED, {"with": outbound.stands_for})

    # --- somebody rings ---

    def rang(self, signal: Rang) -> None:
        """Pick up what another worker brings; let everybody else ring until somebody decides."""
        request = self._expected.get(signal.leg_id)
        if request is not None:
            self._forget(signal.leg_id)
            self._take_line(signal, request)
        else:
            self._let_ring(signal)

    def _take_line(self, signal: Rang, request: Expect) -> None:
        leg = self._new_leg(
            signal,
            OutboundLeg(
                leg_id=request.leg_id,
                attempt_id="",
                role=request.role,
                number=request.token,
                join_leg=request.join_leg,
                stands_for=request.stands_for,
            ),
        )
        self._answer(leg, OK)

    def _let_ring(self, signal: Rang) -> None:
        caller, called = caller_and_called(signal.message)
        leg = self._new_leg(
            signal, OutboundLeg(leg_id=signal.leg_id, attempt_id="", role=LegRole.PATIENT, number=caller)
        )
        leg.ring_timer = self._timers.enter(self._config.decide_seconds, 0, self._undecided, (leg,))
        self._book.say(
            leg.leg_id,
            LegEventKind.INCOMING,
            {
                "caller": caller,
                "called": called,
                "sip_call_id": leg.dialog.line.call_id if leg.dialog.line else "",
                "peer": signal.message.peer,
            },
            durable=True,
        )
        self._answer(leg, RINGING)

    def _new_leg(self, signal: Rang, outbound: OutboundLeg) -> Leg:
        own = (self._config.sip_host, self._config.sip_port)
        peer = signal.message.peer.rpartition(":")[0]
        leg = Leg(
            outbound=outbound,
            dialog=DialogWatch(
                outbound.leg_id, outbound.role, own_address=own, terms=self._endpoint.lines.terms_of(peer)
            ),
            call=signal.call,
            state=LegState.INCOMING,
            heard=True,
            rang=True,  # our own 180 is not news, nor is the sound that we offer
            early_media_said=True,
            incoming=True,
        )
        self._legs[leg.leg_id] = leg
        line = leg.dialog.observe(signal.message)
        if line is not None:
            self._book.journal.append(line)
        return leg

    def _undecided(self, leg: Leg) -> None:
        leg.ring_timer = None
        if leg.state is LegState.INCOMING and leg.our_cause is None and leg.ended_at is None:
            self._finish(leg, Cause(end_reason=EndReason.NO_ANSWER, party=Party.US))

    # --- what the node decides ---

    def answer(self, leg_id: LegId, *, join_leg: LegId | None, recording_folder: Path | None) -> None:
        """Pick up; ANSWERED follows when the far end has heard so."""
        leg = self._legs.get(leg_id)
        if leg is None or leg.state is not LegState.INCOMING or leg.our_cause is not None or leg.ended_at is not None:
            raise RejectedError(f"leg {leg_id} does not ring here")
        if join_leg is not None and ((partner := self._legs.get(join_leg)) is None or not partner.up):
            raise RejectedError(f"leg {join_leg} is not up in this worker: answer, then bridge")
        leg.outbound = replace(leg.outbound, join_leg=join_leg, recording_folder=recording_folder)
        self._answer(leg, OK)

    def _answer(self, leg: Leg, status: int) -> None:
        parameters = pj.CallOpParam(True)
        parameters.statusCode = status
        try:
            if leg.call is not None:
                leg.call.answer(parameters)
        except pj.Error as error:
            # The caller's CANCEL crossed ours; its DISCONNECTED is on the way to us.
            log.info("answer_crossed_the_end", leg_id=leg.leg_id, reason=error.reason)

    # --- the gate ---

    def _admit(self, knock: Knock) -> Admission:
        held = max(len(self._legs), self._endpoint.native.call_count())
        unseen = held - len(self._legs)  # let in during this very poll
        callers = unseen + sum(leg.incoming and leg.outbound.role is LegRole.PATIENT for leg in self._legs.values())
        admission = self._doorman.admit(knock, callers=callers, held=held, now=time.monotonic())
        if not admission.let_in and not self._telling:
            self._telling = True
            self._timers.enter(TELL_SECONDS, 1, self._tell)
        return admission

    def _tell(self) -> None:
        self._telling = False
        turned_away, self._doorman.turned_away = self._doorman.turned_away, {}
        log.warning("strangers_turned_away", worker_id=self._config.worker_id, requests=turned_away)


def parting(leg: Leg) -> pj.CallOpParam:
    """How the library is told to end this leg: an incoming one that was never answered gets a status."""
    parameters = pj.CallOpParam(True)
    if leg.incoming and not leg.answered and leg.our_cause is not None:
        parameters.statusCode = REFUSALS.get(leg.our_cause.end_reason, UNAVAILABLE)
    return parameters


def given_up(leg: Leg) -> Cause | None:
    """Why an incoming leg ended before it was answered, when that was not our doing."""
    if leg.incoming and not leg.answered:
        return Cause(end_reason=EndReason.CANCELLED, party=Party.PATIENT)
    return None
