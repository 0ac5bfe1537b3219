"""Handing one message to its channel: looked at again, taken, handed over, and what came of it written down.

Row first, effect second: the message is `sending` before anything leaves. Whoever finds it so later cannot know whether
it left, and does not send it again by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from db.callees import opening_for
from db.message_rules import refused
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.dialing_rules import Mode, Profile
from followup.messages import MOST_TRIES, Channel, Message, MessageRefusal, MessageState, MessageTrigger
from followup.ports import ChannelAwayError, ChannelRefusedError, MessageChannel, OutgoingMessage

log = structlog.get_logger(__name__)

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParts:
    """What sending works with."""

    units_of_work: UnitsOfWork
    channels: Mapping[Channel, MessageChannel]
    mode: Mode
    allow_list: frozenset[str]
    profile: Profile | None = None  # the hours in which patients are written to; None: at any hour
    calendar_region: str | None = None  # whose public holidays and make-up days count


def wait_before(next_try: int) -> timedelta:
    """How long to wait before the try of this number (the second is 2)."""
    times: int = 4 ** max(0, next_try - 2)
    return min(FIRST_WAIT * times, LONGEST_WAIT)


def send(parts: ChannelParts, message_id: str) -> MessageState | None:
    """Send a planned message whose time has come; its state afterwards, None where there was nothing to do."""
    outgoing = _take(parts, message_id)
    if outgoing is None:
        return None
    try:
        provider_id = parts.channels[outgoing.channel].send(outgoing)
    except ChannelAwayError as error:
        return _put_off(parts, message_id, str(error))
    except ChannelRefusedError as error:
        return _park(parts, message_id, str(error))
    except Exception as error:
        log.exception("channel_failed", message=message_id, channel=outgoing.channel.value)
        return _park(
            parts,
            message_id,
            f"the channel failed ({type(error).__name__}) and it is not known whether the message left; ask the "
            "provider before sending it again",
        )
    with parts.units_of_work() as uow:
        message = uow.messages.for_update(message_id)
        if message is None or message.state is not MessageState.SENDING:
            log.warning("message_sent_after_it_was_parked", message=message_id)
            return None
        message.sent_at, message.provider_id = uow.now, provider_id
        uow.messages.move(message, MessageTrigger.ACCEPT, at=uow.now)
        uow.commit()
    log.info("message_sent", message=message_id, channel=outgoing.channel.value)
    return MessageState.SENT


def _take(parts: ChannelParts, message_id: str) -> OutgoingMessage | None:
    with parts.units_of_work() as uow:
        message = uow.messages.for_update(message_id)
        if message is None or message.state is not MessageState.PLANNED or message.send_at > uow.now:
            log.info("message_not_to_send", message=message_id, state=message.state.value if message else None)
            return None
        reasons = refused(uow, message, mode=parts.mode, allow_list=parts.allow_list)
        if not reasons and message.channel not in parts.channels:
            reason = f"this installation has no channel for {message.channel.value}: set one up, then send it again"
        else:
            reason = ", ".join(each.value for each in reasons)
        at = _hour_for(uow, parts, message)
        if not reason and (at is None or (message.good_until is not None and at > message.good_until)):
            reason = MessageRefusal.TOO_LATE.value
        if reason:
            uow.messages.move(message, MessageTrigger.PARK, at=uow.now, reason=reason)
            uow.commit()
            log.info("message_parked", message=message_id, reason=reason)
            return None
        if at is not None and at > uow.now:
            # It waited for a worker, or was tried before, until the patient's hours were over.
            message.send_at = at
            uow.commit()
            log.info("message_waits_for_its_hour", message=message_id, until=at.isoformat())
            return None
        message.tries += 1
        message.taken_at = uow.now
        uow.messages.move(message, MessageTrigger.TAKE, at=uow.now)
        uow.commit()
        return _outgoing(message)


def _hour_for(uow: UnitOfWork, parts: ChannelParts, message: Message) -> datetime | None:
    """When the message may leave: now, or when its patient's hours begin. Staff on duty are told at any hour."""
    patient = uow.patients.get(message.patient_id) if message.patient_id else None
    if patient is None or message.purpose is None or parts.profile is None or message.answers_id is not None:
        # Who has just written is awake.
        return uow.now
    return opening_for(uow, patient, message.purpose, uow.now, profile=parts.profile, region=parts.calendar_region)


def _outgoing(message: Message) -> OutgoingMessage:
    return OutgoingMessage(
        id=message.id,
        channel=message.channel,
        address=message.address,
        language=message.language,
        text_key=message.text_key,
        text=message.text,
    )


def _put_off(parts: ChannelParts, message_id: str, reason: str) -> MessageState | None:
    with parts.units_of_work() as uow:
        message = uow.messages.for_update(message_id)
        if message is None or message.state is not MessageState.SENDING:
            return None
        if message.tries >= MOST_TRIES:
            uow.messages.move(
                message, MessageTrigger.PARK, at=uow.now, reason=f"given up after {message.tries} tries: {reason}"
            )
        else:
            message.send_at = uow.now + wait_before(message.tries + 1)
            uow.messages.move(message, MessageTrigger.PUT_OFF, at=uow.now, reason=reason)
        uow.commit()
        log.warning("message_not_sent", message=message_id, tries=message.tries, state=message.state.value)
        return message.state


def _park(parts: ChannelParts, message_id: str, reason: str) -> MessageState | None:
    with parts.units_of_work() as uow:
        message = uow.messages.for_update(message_id)
        if message is None or message.state is not MessageState.SENDING:
            return None
        uow.messages.move(message, MessageTrigger.PARK, at=uow.now, reason=reason)
        uow.commit()
        log.warning("message_parked", message=message_id, reason=reason)
        return message.state


def note_delivery(parts: ChannelParts, channel: Channel, provider_id: str, *, arrived: bool, reason: str = "") -> bool:
    """Take a channel's word of what became of a message; False for one that is not known or was told of before."""
    with parts.units_of_work() as uow:
        message = uow.messages.by_provider(channel, provider_id)
        if message is None or message.state is not MessageState.SENT:
            log.info("delivery_not_noted", channel=channel.value, message=message.id if message else None)
            return False
        if arrived:
            message.delivered_at = uow.now
        trigger = MessageTrigger.DELIVER if arrived else MessageTrigger.FAIL_DELIVERY
        uow.messages.move(message, trigger, at=uow.now, reason=reason)
        uow.commit()
    return True
