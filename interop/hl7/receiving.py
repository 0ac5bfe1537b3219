"""A message comes in: its header is read, it is kept as it came, and only then its answer is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from db.feeds import ArrivedMessage
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedReason, FeedState
from interop.hl7.acknowledging import Answer, acknowledgment
from interop.hl7.adt import sender_of
from interop.hl7.charsets import CharsetRefusedError, codec_of
from interop.hl7.framing import Frame
from interop.hl7.heads import Head, digest_of, head_of
from interop.hl7.reading import BadTimeError, instant
from runtime.content.feeds import FeedSender
from runtime.identifiers import new_id

_LENGTH = 200
UNNAMED = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivingRules:
    """What messages are received with."""

    senders: dict[str, FeedSender]
    zone: ZoneInfo
    kept_for: timedelta
    production: bool = False  # messages marked as training or debugging are refused then


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A message with its answer, which is sent when the message is stored."""

    arrived: ArrivedMessage
    head: Head | None
    answer: Answer
    told: str = ""

    def answered(self, now: datetime) -> bytes | None:
        """The answer's bytes; None if the sender wants none."""
        return acknowledgment(self.head, self.answer, self.told, own_id=self.arrived.id, now=now)


def judge(frame: Frame, *, peer: str, rules: ReceivingRules, now: datetime) -> Judged:
    """What a frame is, and how it is answered once it is kept.

    Whatever is addressed to us is accepted and read later: what is wrong within it is our matter then, and stopping the
    hospital's whole queue for it would keep the other messages away. Only what is no message, or cannot be told from
    others, is handed back.
    """
    head = head_of(frame.content)
    if head is None:
        told = "the message does not begin with MSH"
        return _refused(frame, None, peer, now, Answer.REJECT, FeedReason.NOT_A_MESSAGE, told)
    if frame.too_long:
        told = "the message is too long: send documents otherwise, or raise SUIFANG_FEEDS_MESSAGE_MB"
        return _refused(frame, head, peer, now, Answer.REJECT, FeedReason.TOO_LONG, told)
    if head.training and rules.production:
        told = "MSH-11 marks the message as training or debugging, and this system is in production"
        return _refused(frame, head, peer, now, Answer.REJECT, FeedReason.TRAINING, told)
    if not head.control_id:
        told = "MSH-10 is empty: without it a repetition cannot be told from a new message"
        return _refused(frame, head, peer, now, Answer.ERROR, FeedReason.NO_CONTROL_ID, told)
    name, codec = _sender(head, rules)
    if not name:
        told = "MSH-3 and MSH-4 are empty: nobody can tell who sent it"
        return _refused(frame, head, peer, now, Answer.ERROR, FeedReason.NO_SENDER, told)
    arrived = ArrivedMessage(
        id=new_id(),
        sender=name,
        control_id=_text(head.control_id),
        digest=digest_of(frame.content),
        kind=_text(head.kind)[:40],
        order_at=_sent_at(head, rules.zone) or now,
        peer=peer,
        charset=codec,
        raw=frame.content,
    )
    return Judged(arrived=arrived, head=head, answer=Answer.ACCEPT)


def store(units: UnitsOfWork, judged: Sequence[Judged], rules: ReceivingRules) -> int:
    """Keep messages, all in one transaction; how many are new. What is known is counted and changes nothing."""
    with units() as uow:
        new = uow.feeds.store([each.arrived for each in judged], uow.now, kept_until=uow.now + rules.kept_for)
        uow.commit()
    return new


def _sender(head: Head, rules: ReceivingRules) -> tuple[str, str]:
    """Who sent it, and in which character set as far as anybody knows."""
    plain = head.sender("utf-8")
    sender = sender_of(rules.senders, plain)
    try:
        codec = codec_of(head.charset, otherwise=sender.charset)
    except CharsetRefusedError:
        return plain, _text(head.charset)[:40]
    return head.sender(codec), codec


def _refused(
    frame: Frame, head: Head | None, peer: str, now: datetime, answer: Answer, reason: FeedReason, told: str
) -> Judged:
    arrived = ArrivedMessage(
        id=new_id(),
        sender=(head.sender("utf-8") if head else "") or UNNAMED,
        control_id=_text(head.control_id) if head else "",
        digest=digest_of(frame.content),
        kind=_text(head.kind)[:40] if head else "",
        order_at=now,
        peer=peer,
        charset="",
        raw=frame.content,
        state=FeedState.REFUSED,
        reason=reason,
        told=told,
    )
    return Judged(arrived=arrived, head=head, answer=answer, told=told)


def _sent_at(head: Head, zone: ZoneInfo) -> datetime | None:
    try:
        return instant(head.sent_at, zone)
    except BadTimeError:
        return None


def _text(raw: str) -> str:
    """A header's field as it may be kept: it came as bytes of whatever character set."""
    return raw.encode("latin-1").decode("utf-8", errors="replace").replace("\x00", "")[:_LENGTH]
