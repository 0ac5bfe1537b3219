"""Prompts and digits of a leg: what is played, what is pressed on either side, and how digits cut prompts short."""

import sched
import time
from pathlib import Path

import pjsua2 as pj
import structlog

from telephony.call_control import DigitMethod, EventValue, LegEventKind, RejectedError
from telephony.sip.dialog import SipMessage, final_answer_to_invite
from telephony.sip.event_book import EventBook
from telephony.sip.leg import AwaitedPrompt, Collection, Leg
from telephony.sip.leg_table import on_call
from telephony.sip.media import Conference
from telephony.spoken_text import LOOK_SECONDS, refusal_of, too_late

log = structlog.get_logger(__name__)

KEYS = frozenset("0123456789*#ABCD")
INFO_SECONDS_EACH = 0.25  # requests sent all at once may overtake each other
SETTLED_AFTER_SECONDS = 0.3  # the library narrows two agreed codecs to one by an INVITE soon after the answer
SETTLED_LOOK_SECONDS = 0.05
UNSETTLED_LIMIT_SECONDS = 5.0
PROMPT_TAIL_SECONDS = 0.2  # the far end's jitter buffer still holds sound when the file is at its end


class Keypad:
    """Plays prompts to legs and gathers their digits."""

    def __init__(self, *, conference: Conference, timers: sched.scheduler, book: EventBook) -> None:
        self._conference = conference
        self._timers = timers
        self._book = book

    def play(self, leg: Leg, prompt: Path, patience_seconds: float = 0.0) -> None:
        """Play a file to the leg, as soon as it is there; a digit cuts it short."""
        if prompt.is_file():
            self._begin(leg, prompt)
        elif patience_seconds <= 0:
            raise RejectedError(f"prompt {prompt} does not exist; render it first")
        else:
            self._conference.stop_prompt(leg.leg_id)
            given_up_at = time.monotonic() + patience_seconds
            leg.awaited = AwaitedPrompt(prompt=prompt, patience_seconds=patience_seconds, given_up_at=given_up_at)
            self._timers.enter(LOOK_SECONDS, 0, self._look, (leg, leg.awaited))
        if leg.collection is not None:
            self._stop_timer(leg.collection)

    def _begin(self, leg: Leg, prompt: Path) -> None:
        leg.prompt_files[self._conference.play(leg.leg_id, prompt)] = str(prompt)
        leg.awaited = None

    def _look(self, leg: Leg, awaited: AwaitedPrompt) -> None:
        """Begin the awaited prompt when it has come, and say so when it will not."""
        if leg.awaited is not awaited or not leg.up:
            return
        reason = refusal_of(awaited.prompt)
        if awaited.prompt.is_file():
            try:
                self._begin(leg, awaited.prompt)
            except RejectedError as refused:
                reason = refused.reason
            else:
                return
        elif reason is None and time.monotonic() < awaited.given_up_at:
            self._timers.enter(LOOK_SECONDS, 0, self._look, (leg, awaited))
            return
        leg.awaited = None
        values: dict[str, EventValue] = {
            "prompt": str(awaited.prompt),
            "reason": reason or too_late(awaited.patience_seconds),
        }
        self._book.say(leg.leg_id, LegEventKind.PROMPT_FINISHED, values)
        self._start_timer(leg)

    def prompt_read(self, leg: Leg, prompt: int) -> None:
        """The file has been read to its end; it is heard to its end a moment later."""
        self._timers.enter(PROMPT_TAIL_SECONDS, 0, self._prompt_heard, (leg, prompt))

    def stop(self, leg: Leg) -> None:
        """Cut the prompt short, if one plays or is on its way."""
        number = self._conference.playing(leg.leg_id)
        awaited, leg.awaited = leg.awaited, None
        if number is not None:
            self._conference.stop_prompt(leg.leg_id)
            leg.prompt_files.pop(number, None)
        if number is not None or awaited is not None:
            self._start_timer(leg)

    def collect(self, leg: Leg, count: int, timeout_seconds: float) -> None:
        """Gather digits; the time-out begins when no prompt plays any more, and anew with every digit."""
        if count < 1 or timeout_seconds <= 0:
            raise RejectedError("digits are collected by a count of at least 1 and a time-out above 0")
        self.stop_collecting(leg)
        leg.collection = Collection(count=count, timeout_seconds=timeout_seconds)
        if self._conference.playing(leg.leg_id) is None and leg.awaited is None:
            self._start_timer(leg)

    def pressed(self, leg: Leg, digit: str) -> None:
        """The far end pressed a key."""
        self.stop(leg)
        self._book.say(leg.leg_id, LegEventKind.DIGIT, {"digit": digit})
        collection = leg.collection
        if collection is None:
            return
        if digit != "#":
            collection.digits += digit
        if digit == "#" or len(collection.digits) >= collection.count:
            self._collected(leg, "complete")
            return
        self._stop_timer(collection)
        self._start_timer(leg)

    def send(self, leg: Leg, digits: str, method: DigitMethod) -> None:
        """Press keys towards the far end."""
        if not digits or not set(digits) <= KEYS:
            raise RejectedError("digits may be 0-9, *, # and A-D")
        if method is DigitMethod.RFC2833:
            if leg.keys_waiting:
                leg.keys_waiting += digits
            elif _settled(leg):
                on_call(leg, lambda call: call.dialDtmf(digits))
            else:
                leg.keys_waiting = digits
                self._press_when_settled(leg, time.monotonic() + UNSETTLED_LIMIT_SECONDS)
            return
        self._send_by_info(leg, digits[0])
        for place, digit in enumerate(digits[1:], start=1):
            self._timers.enter(place * INFO_SECONDS_EACH, 0, self._send_next_by_info, (leg, digit))

    def message_passed(self, leg: Leg, message: SipMessage) -> None:
        """Follow whether an INVITE of ours is under way: the stream it makes anew forgets keys given to the old one."""
        if message.sent and message.text.startswith("INVITE "):
            leg.invite_open = True
        elif final_answer_to_invite(message):
            leg.invite_open = False

    def _press_when_settled(self, leg: Leg, limit: float) -> None:
        if not leg.up:
            return
        if time.monotonic() < limit and not _settled(leg):
            self._timers.enter(SETTLED_LOOK_SECONDS, 0, self._press_when_settled, (leg, limit))
            return
        digits, leg.keys_waiting = leg.keys_waiting, ""
        try:
            on_call(leg, lambda call: call.dialDtmf(digits))
        except RejectedError as refused:
            log.info("digits_crossed_the_end", leg_id=leg.leg_id, reason=refused.reason)

    def _send_next_by_info(self, leg: Leg, digit: str) -> None:
        if not leg.up:
            return
        try:
            self._send_by_info(leg, digit)
        except RejectedError as refused:
            log.info("digit_crossed_the_end", leg_id=leg.leg_id, reason=refused.reason)

    def _send_by_info(self, leg: Leg, digit: str) -> None:
        parameters = pj.CallSendDtmfParam()
        parameters.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
        parameters.digits = digit
        on_call(leg, lambda call: call.sendDtmf(parameters))

    def stop_collecting(self, leg: Leg) -> str:
        """Forget the collection; the digits it had."""
        if leg.collection is None:
            return ""
        self._stop_timer(leg.collection)
        digits, leg.collection = leg.collection.digits, None
        return digits

    def _prompt_heard(self, leg: Leg, prompt: int) -> None:
        if self._conference.playing(leg.leg_id) != prompt or not leg.up:
            return
        self._conference.stop_prompt(leg.leg_id)
        self._book.say(leg.leg_id, LegEventKind.PROMPT_FINISHED, {"prompt": leg.prompt_files.pop(prompt)})
        self._start_timer(leg)

    def _collected(self, leg: Leg, reason: str) -> None:
        if leg.collection is None:
            return
        if reason == "timeout":
            leg.collection.timer = None
        digits = self.stop_collecting(leg)
        self._book.say(leg.leg_id, LegEventKind.DIGITS_COLLECTED, {"digits": digits, "reason": reason})

    def _start_timer(self, leg: Leg) -> None:
        if leg.collection is not None and leg.collection.timer is None:
            seconds = leg.collection.timeout_seconds
            leg.collection.timer = self._timers.enter(seconds, 0, self._collected, (leg, "timeout"))

    def _stop_timer(self, collection: Collection) -> None:
        if collection.timer is not None:
            self._timers.cancel(collection.timer)
            collection.timer = None


def _settled(leg: Leg) -> bool:
    return not leg.invite_open and time.monotonic() - leg.answered_at >= SETTLED_AFTER_SECONDS
