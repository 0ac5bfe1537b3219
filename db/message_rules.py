"""May a message go to this patient: what is looked at when it is written down, and again before it leaves."""

from collections.abc import Collection

from care.consent import ConsentScope, is_granted
from care.patients import NumberQuality
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Mode
from followup.messages import Channel, Message, MessageFacts, MessageRefusal, refusals


def refused(
    uow: UnitOfWork, message: Message, *, mode: Mode, allow_list: Collection[str]
) -> tuple[MessageRefusal, ...]:
    """Everything that speaks against this message now; a message to staff is only ever too late."""
    return refusals(_facts(uow, message, mode=mode, allow_list=allow_list))


def _facts(uow: UnitOfWork, message: Message, *, mode: Mode, allow_list: Collection[str]) -> MessageFacts:
    too_late = message.good_until is not None and uow.now > message.good_until
    by_telephone = message.channel is Channel.SMS
    off_the_list = mode is Mode.TRIAL and by_telephone and message.address not in allow_list
    patient = uow.patients.get(message.patient_id) if message.patient_id else None
    if patient is None:
        return MessageFacts(
            real_in_demo=False,
            synthetic_in_production=False,
            not_on_allow_list=off_the_list,
            deceased=False,
            consent=True,
            do_not_call=False,
            address_wrong=False,
            too_late=too_late,
        )
    points = [point for point in patient.contact_points if point.number == message.address]
    return MessageFacts(
        real_in_demo=mode is Mode.DEMO and not patient.synthetic,
        synthetic_in_production=mode is Mode.PRODUCTION and patient.synthetic,
        not_on_allow_list=off_the_list,
        deceased=patient.deceased_at is not None,
        consent=message.purpose is not None
        and is_granted(uow.patients.consents_of(patient.id), message.purpose, ConsentScope(message.channel.value)),
        do_not_call=uow.objections.closes(message.purpose, patient.id, message.address if by_telephone else None)
        or any(point.do_not_call for point in points),
        address_wrong=by_telephone and (not points or any(point.quality is NumberQuality.WRONG for point in points)),
        too_late=too_late,
    )
