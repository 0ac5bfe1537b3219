"""Applying messages in the order in which they came: each alone, so that one of no use keeps nobody waiting."""

from collections.abc import Sequence
from itertools import groupby

import structlog

from db.feeds import APPLYING
from db.refusals import DatabaseUnavailableError, RowRefusedError, gave_up_waiting
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.events import DomainEvent, EventKind
from followup.feeds import FeedMessage, FeedReason, FeedTrigger, next_feed_state
from interop.hl7.adt import adt_told, happened_at, sender_of
from interop.hl7.bookings import apply_siu
from interop.hl7.charsets import CharsetRefusedError, WrongBytesError, codec_of, decoded
from interop.hl7.desk import FeedDesk
from interop.hl7.findings import ReadResults, apply_oru, apply_orus
from interop.hl7.heads import head_of
from interop.hl7.oru import results_told
from interop.hl7.outcomes import Applied
from interop.hl7.people import key_texts
from interop.hl7.persons import FeedRules, Remarks, keys_in, keys_of
from interop.hl7.reading import Hl7Message, UnreadableError, read_message
from interop.hl7.siu import appointment_told
from interop.hl7.telling import Booking, Happening, NotUsableError
from interop.hl7.visits import apply_adt

log = structlog.get_logger(__name__)

AT_ONCE = 200
_BYTES_AT_ONCE = 32_000_000
"""So much content is looked at in one transaction, whatever the messages hold."""

TRIES = 20
"""So often a message is tried that another transaction stood in the way of."""

_TOLD = 500
_HAPPENINGS = frozenset(each.value for each in Happening)
_BOOKINGS = frozenset(each.value for each in Booking)


def apply_waiting(units: UnitsOfWork, desk: FeedDesk, *, limit: int = AT_ONCE) -> int:
    """Apply the next messages; how many were looked at, none when nothing waits or somebody else is at it."""
    with units() as uow:
        if not uow.lead(APPLYING):
            return 0
        waiting = uow.feeds.waiting(limit=limit, size=_BYTES_AT_ONCE)
        for together, run in groupby(waiting, key=_brings_results):
            messages = list(run)
            if not together or len(messages) == 1 or not _apply_together(uow, desk, messages):
                for message in messages:
                    apply_message(uow, desk, message)
        uow.commit()
    return len(waiting)


def apply_message(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage) -> None:
    """Apply one message that waits; what becomes of it stands with it."""
    raw = message.raw
    try:
        with uow.savepoint():
            done = _apply(uow, desk, message, raw)
            uow.flush()
    except NotUsableError as fault:
        _park(uow, desk, message, raw, fault.reason, str(fault))
    except RowRefusedError:
        # Somebody brought the same person or number in at this moment: seen with fresh eyes it is no contradiction.
        _try_again(uow, desk, message, raw, "the database refused a row of it")
    except DatabaseUnavailableError as error:
        if not gave_up_waiting(error):
            raise
        _try_again(uow, desk, message, raw, "another transaction held what it needs")
    except Exception as error:
        # A fault of ours must not stop the hospital's other messages; the message is kept, and told of.
        log.exception("feed_message_failed", message=message.id, kind=message.kind)
        _park(uow, desk, message, raw, FeedReason.FAILED, f"{type(error).__name__}: tell whoever looks after Suifang")
    else:
        _settle(uow, message, done)
    uow.flush()


def _apply_together(uow: UnitOfWork, desk: FeedDesk, messages: Sequence[FeedMessage]) -> bool:
    """Apply messages with results in their order, with as many statements as one asks for; False if each must go alone.

    None of them changes what another is about: who a patient is. What comes out is what each alone would leave.
    """
    contents = [message.raw for message in messages]
    outcomes: list[Applied | NotUsableError] = []
    try:
        with uow.savepoint():
            read = [_results_read(desk, message, raw) for message, raw in zip(messages, contents, strict=True)]
            usable = iter(apply_orus(uow, desk, [each for each in read if isinstance(each, ReadResults)]))
            outcomes += [next(usable) if isinstance(each, ReadResults) else each for each in read]
            uow.flush()
    except DatabaseUnavailableError as error:
        if not gave_up_waiting(error):
            raise
        return False
    except RowRefusedError:
        return False
    except Exception:
        # Whichever it is that fails is parked alone, and the others go on.
        log.exception("feed_messages_parted", count=len(messages))
        return False
    for message, raw, done in zip(messages, contents, outcomes, strict=True):
        if isinstance(done, NotUsableError):
            _park(uow, desk, message, raw, done.reason, str(done))
        else:
            _settle(uow, message, done)
    uow.flush()
    return True


def _settle(uow: UnitOfWork, message: FeedMessage, done: Applied) -> None:
    message.patient_id = done.patient_id
    message.remarks = [remark[:_TOLD] for remark in done.remarks.told]
    message.reason, message.told = done.ignored, done.told[:_TOLD]
    message.state = next_feed_state(message.state, FeedTrigger.IGNORE if done.ignored else FeedTrigger.APPLY)
    message.settled_at = uow.now
    message.tries += 1


def _brings_results(message: FeedMessage) -> bool:
    kind, _, trigger = message.kind.partition("^")
    return kind == "ORU" and trigger in {"R01", ""}


def _results_read(desk: FeedDesk, message: FeedMessage, raw: bytes) -> ReadResults | NotUsableError:
    try:
        parsed, rules = _read(desk, message, raw)
        told = results_told(parsed, message.received_at, rules)
        return ReadResults(message=message, told=told, sender=rules.sender)
    except NotUsableError as fault:
        return fault


def _apply(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, raw: bytes) -> Applied:
    parsed, rules = _read(desk, message, raw)
    kind, _, trigger = message.kind.partition("^")
    if _brings_results(message):
        told = results_told(parsed, message.received_at, rules)
        return apply_oru(uow, desk, ReadResults(message=message, told=told, sender=rules.sender))
    remarks = Remarks()
    at = happened_at(parsed, rules, remarks, otherwise=message.received_at)
    if kind == "ADT" and trigger in _HAPPENINGS:
        done = apply_adt(uow, desk, message, adt_told(parsed, Happening(trigger), at, rules))
    elif kind == "SIU" and trigger in _BOOKINGS:
        done = apply_siu(uow, desk, message, appointment_told(parsed, Booking(trigger), at, rules))
    else:
        done = _not_taken(message)
    done.remarks.told[:0] = remarks.told
    return done


def _not_taken(message: FeedMessage) -> Applied:
    return Applied(ignored=FeedReason.NOT_TAKEN, told=f"nothing is done for messages {message.kind[:40]}; it is kept")


def _read(desk: FeedDesk, message: FeedMessage, raw: bytes) -> tuple[Hl7Message, FeedRules]:
    sender = sender_of(desk.content.feed_senders, message.sender)
    head = head_of(raw)
    try:
        text = decoded(raw, codec_of(head.charset if head else "", otherwise=sender.charset))
        parsed = read_message(text)
    except CharsetRefusedError as fault:
        raise NotUsableError(FeedReason.UNKNOWN_CHARSET, str(fault)) from fault
    except WrongBytesError as fault:
        raise NotUsableError(FeedReason.CHARSET_DIFFERS, str(fault)) from fault
    except UnreadableError as fault:
        raise NotUsableError(FeedReason.UNREADABLE, str(fault)) from fault
    return parsed, FeedRules(sender=sender, zone=desk.zone, area_code=desk.area_code, region=desk.region)


def _try_again(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, raw: bytes, why: str) -> None:
    message.tries += 1
    log.warning("feed_message_put_off", message=message.id, tries=message.tries)
    if message.tries >= TRIES:
        _park(uow, desk, message, raw, FeedReason.FAILED, f"{why}, {message.tries} times: try it again later")


def _park(uow: UnitOfWork, desk: FeedDesk, message: FeedMessage, raw: bytes, reason: FeedReason, told: str) -> None:
    message.state = next_feed_state(message.state, FeedTrigger.PARK)
    message.tries += 1
    # What the header says of itself may hold any byte.
    message.reason, message.told = reason, told.replace("\x00", "")[:_TOLD]
    message.keys = _keys(desk, message, raw)
    uow.emit(DomainEvent(kind=EventKind.FEED_MESSAGE_PARKED, subject=message.id, ids={"reason": reason.value}))
    log.warning("feed_message_parked", message=message.id, kind=message.kind, reason=reason.value)


def _keys(desk: FeedDesk, message: FeedMessage, raw: bytes) -> list[str]:
    """What it calls the patient, by which it is found again when he is known."""
    try:
        parsed, rules = _read(desk, message, raw)
    except NotUsableError:
        return []
    keys = [*keys_of(parsed, rules, Remarks()), *keys_in(parsed.first("MRG"), 1, rules, Remarks())]
    return [text[:120] for text in key_texts(keys)]
