"""Taking a text that a patient wrote: kept once, placed with him, read, acted on, answered by a fixed text once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog

from care.consent import Purpose
from care.observations import Setting
from care.patients import NumberOwner, NumberQuality, Patient
from db.alert_raising import raise_alerts
from db.unit_of_work import UnitOfWork
from followup.alerts import Alert
from followup.events import DomainEvent, EventKind
from followup.messages import Channel, Message
from followup.replies import ReadReply, ReceivedMessage, ReplyState, read_reply
from interop.results import SentResult, take_said
from runtime.content.library import Content
from runtime.identifiers import new_id

log = structlog.get_logger(__name__)

ANSWER = "reply"
"""How the keys of answering texts begin; `content/replies.yaml` has them."""

_GOOD_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentText:
    """A text as its channel hands it over."""

    channel: Channel
    provider_id: str  # the carrier's own name for it: sent again it is the same
    address: str
    text: str


def take_text(uow: UnitOfWork, content: Content, sent: SentText, *, number: str) -> ReceivedMessage:
    """Keep a text and do what it asks for; one that came before is only counted. `number` is our published one."""
    patient = _whose(uow, sent)
    new = uow.received.take(
        ReceivedMessage(
            id=new_id(),
            channel=sent.channel,
            provider_id=sent.provider_id,
            address=sent.address,
            text=sent.text,
            state=ReplyState.UNPLACED if patient is None else ReplyState.FOR_PERSON,
            patient_id=patient.id if patient is not None else None,
            received_at=uow.now,
        )
    )
    if new is None:
        known = uow.received.known(sent.channel, sent.provider_id)
        if known is None:
            raise LookupError(f"{sent.channel.value} {sent.provider_id} is neither new nor known")
        log.info("text_came_again", message=known.id, times=known.times)
        return known
    if patient is not None:
        act_on(uow, content, new, patient, number=number)
    log.info("text_received", message=new.id, state=new.state.value)
    _tell(uow, new)
    return new


def place(uow: UnitOfWork, content: Content, message: ReceivedMessage, patient: Patient, *, number: str) -> None:
    """Somebody has found out whose text it is: it is read as if it had just come, but not answered."""
    message.patient_id = patient.id
    act_on(uow, content, message, patient, number=number, answers=False)
    _tell(uow, message)


def act_on(
    uow: UnitOfWork,
    content: Content,
    message: ReceivedMessage,
    patient: Patient,
    *,
    number: str,
    answers: bool = True,
) -> None:
    """Read a placed text, keep its values, raise what they are signs of, and plan the answer."""
    said = read_reply(message.text, content.replies)
    message.values = [asdict(each) for each in (*said.values, *said.doubtful)]
    message.signs = list(said.signs)
    alerts = _raise(uow, content, message, patient, said)
    message.alerts = [each.id for each in alerts]
    words: Mapping[str, str] | None = None
    key = ""
    if said.doubtful:
        message.state, words, key = ReplyState.QUERIED, content.replies.query, "query"
    elif said.values or alerts:
        message.state = ReplyState.READ
    else:
        message.state = ReplyState.FOR_PERSON
    for alert in alerts:
        if alert.code in content.replies.answers:
            words, key = content.replies.answers[alert.code], alert.code
            break
    if answers and words is not None:
        _answer(uow, message, patient, words, key=key, number=number)


def _whose(uow: UnitOfWork, sent: SentText) -> Patient | None:
    """The one person whose own address it is; of a family's telephone nobody can tell."""
    if sent.channel is not Channel.SMS:
        found = uow.messages.patients_at(sent.channel, sent.address)
        return found[0] if len(found) == 1 else None
    owners = [
        patient
        for patient in uow.inbound.patients_with_number(sent.address)
        if any(
            point.number == sent.address
            and point.owner is NumberOwner.SELF
            and point.quality is not NumberQuality.WRONG
            for point in patient.contact_points
        )
    ]
    return owners[0] if len(owners) == 1 else None


def _raise(
    uow: UnitOfWork, content: Content, message: ReceivedMessage, patient: Patient, said: ReadReply
) -> tuple[Alert, ...]:
    signs: dict[str, object] = dict.fromkeys(said.signs, True)
    if not said.values:
        return raise_alerts(uow, content, form="", answers=signs, earlier=(), patient_id=patient.id) if signs else ()
    results = [
        SentResult(
            patient_id=patient.id,
            source=f"message:{message.channel.value}",
            source_key=f"{message.id}:{each.code}",
            code=each.code,
            value=f"{each.value:g}",
            unit=each.unit,
            taken_at=message.received_at,
            setting=Setting.TOLD,
        )
        for each in said.values
    ]
    return take_said(uow, content, results, said=signs)


def _answer(
    uow: UnitOfWork, message: ReceivedMessage, patient: Patient, words: Mapping[str, str], *, key: str, number: str
) -> None:
    language = "zh" if patient.language == "zh" else "en"
    uow.messages.plan(
        Message(
            id=new_id(),
            patient_id=patient.id,
            channel=message.channel,
            address=message.address,
            language=language,
            text_key=f"{ANSWER}:{key}",
            text=words[language].format(number=number or "120"),
            purpose=Purpose.CARE,
            planned_at=uow.now,
            send_at=uow.now,
            good_until=uow.now + _GOOD_FOR,
            answers_id=message.id,
        )
    )


def _tell(uow: UnitOfWork, message: ReceivedMessage) -> None:
    ids = {"state": message.state.value}
    if message.patient_id is not None:
        ids["patient"] = message.patient_id
    uow.emit(DomainEvent(kind=EventKind.MESSAGE_RECEIVED, subject=message.id, ids=ids))
