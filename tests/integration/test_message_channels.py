"""Messages leave once, are tried again with limits, parked with a reason, and never sent to whom they may not go."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from care.consent import ConsentScope
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.calling_hours import CallingHours, OwnHours
from followup.dialing_rules import Mode
from followup.messages import MOST_TRIES, Channel, Message, MessageState, MessageTrigger
from followup.ports import ChannelAwayError, ChannelRefusedError, MessageChannel, OutgoingMessage
from interop.channels.local import LocalChannel
from interop.channels.sending import ChannelParts, note_delivery, send
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from scheduler.notices import Notices
from tests.support.builders import a_patient, a_queue, a_task

ZONE = ZoneInfo("Asia/Shanghai")
SCOPES = (ConsentScope.PHONE, ConsentScope.SMS)


@dataclass
class Unreliable:
    """A channel that fails as it is told, and remembers what it took."""

    failures: list[Exception] = field(default_factory=list)
    took: list[str] = field(default_factory=list)

    def send(self, message: OutgoingMessage) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.took.append(message.id)
        return f"p-{message.id}"


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def parts(units: UnitsOfWork, channel: MessageChannel, mode: Mode = Mode.DEMO) -> ChannelParts:
    return ChannelParts(
        units_of_work=units, channels={Channel.SMS: channel}, mode=mode, allow_list=frozenset({"+8613900000009"})
    )


def a_message(uow: UnitOfWork, **values: object) -> Message:
    patient = a_patient(uow, scopes=SCOPES)
    task = a_task(uow, patient, a_queue(uow))
    message = Message(
        **{
            "id": new_id(),
            "patient_id": patient.id,
            "task_id": task.id,
            "purpose": task.purpose,
            "channel": Channel.SMS,
            "address": patient.contact_points[0].number,
            "language": "zh",
            "text_key": "missed_call",
            "text": "您好，这里是海澜市第一人民医院。",
            "planned_at": uow.now,
            "send_at": uow.now,
            **values,
        }  # type: ignore[arg-type]
    )
    uow.messages.plan(message)
    return message


def planned(units: UnitsOfWork, **values: object) -> str:
    with units() as uow:
        message = a_message(uow, **values)
        uow.commit()
        return message.id


def now_planned(units: UnitsOfWork, message_id: str) -> Message:
    with units() as uow:
        message = uow.messages.get(message_id)
        assert message is not None
        return message


def test_the_local_channel_keeps_what_would_go_out_and_nothing_leaves_twice(units: UnitsOfWork, tmp_path: Path) -> None:
    message_id = planned(units)
    with units() as uow:
        assert ("message_planned", message_id) in [(row.kind, row.subject) for row in uow.outbox.unpublished()]
    local = parts(units, LocalChannel(tmp_path / "messages"))
    assert send(local, message_id) is MessageState.SENT
    assert send(local, message_id) is None
    (kept,) = (tmp_path / "messages").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert json.loads(kept.read_text(encoding="utf-8"))["text"] == "您好，这里是海澜市第一人民医院。"
    assert note_delivery(local, Channel.SMS, f"local:{message_id}", arrived=True)
    assert not note_delivery(local, Channel.SMS, f"local:{message_id}", arrived=False)
    with units() as uow:
        assert [step.trigger for step in uow.messages.history(message_id)] == ["take", "accept", "deliver"]
    assert now_planned(units, message_id).delivered_at is not None


def test_a_channel_that_is_away_is_tried_again_with_limits_and_then_the_message_is_parked(units: UnitsOfWork) -> None:
    message_id = planned(units)
    away = parts(units, Unreliable(failures=[ChannelAwayError("no answer from the provider")] * MOST_TRIES))
    for tries in range(1, MOST_TRIES):
        assert send(away, message_id) is MessageState.PLANNED
        message = now_planned(units, message_id)
        assert message.tries == tries
        # Its next try lies ahead: nothing is sent before.
        assert send(away, message_id) is None
        with units() as uow:
            waiting = uow.messages.for_update(message_id)
            assert waiting is not None
            assert waiting.send_at > uow.now
            waiting.send_at = uow.now
            uow.commit()
    assert send(away, message_id) is MessageState.PARKED
    assert now_planned(units, message_id).reason == "given up after 5 tries: no answer from the provider"


@pytest.mark.parametrize(
    ("failure", "words"),
    [(ChannelRefusedError("the template is not approved"), "not approved"), (OSError("reset"), "not known whether")],
)
def test_what_will_never_go_and_what_may_have_gone_is_parked_at_once(
    units: UnitsOfWork, failure: Exception, words: str
) -> None:
    message_id = planned(units)
    channel = Unreliable(failures=[failure])
    assert send(parts(units, channel), message_id) is MessageState.PARKED
    assert words in now_planned(units, message_id).reason
    assert send(parts(units, channel), message_id) is None
    assert channel.took == []


def elsewhen(now: datetime) -> OwnHours:
    """An hour in the night three days from now."""
    weekday = (now.astimezone(ZONE).isoweekday() + 2) % 7 + 1
    return OwnHours(spans=(CallingHours(start=time(4), end=time(5), weekdays=frozenset({weekday})),), wish=True)


def test_a_message_that_would_leave_outside_the_patients_hours_waits_for_them_or_is_too_late(
    units: UnitsOfWork,
) -> None:
    channel = Unreliable()
    content = Content(REPOSITORY / "content")
    open_always = replace(parts(units, channel), profile=content.jurisdictions["demo"])
    ids = [planned(units), planned(units, good_until=datetime.now(UTC) + timedelta(hours=1))]
    with units() as uow:
        for message_id in ids:
            message = uow.messages.get(message_id)
            assert message is not None
            assert message.patient_id is not None
            hours = elsewhen(uow.now)
            uow.objections.put_own_hours(message.patient_id, hours, source="test", by=None, now=uow.now)
        uow.commit()
    assert [send(open_always, message_id) for message_id in ids] == [None, None]
    waits, parked = (now_planned(units, message_id) for message_id in ids)
    assert (waits.state, waits.tries, waits.send_at.astimezone(ZONE).hour) == (MessageState.PLANNED, 0, 4)
    assert waits.send_at - datetime.now(UTC) > timedelta(days=1)
    assert (parked.state, parked.reason) == (MessageState.PARKED, "too_late")
    staff = planned(units, patient_id=None, task_id=None, purpose=None)
    assert send(open_always, staff) is MessageState.SENT
    assert channel.took == [staff]


def test_a_message_is_planned_for_the_patients_own_hours(units: UnitsOfWork) -> None:
    content = Content(REPOSITORY / "content")
    notices = Notices(
        texts=content.messages,
        hospital={"zh": "海澜市第一人民医院", "en": "Hailan First"},
        number="+8657112345678",
        mode=Mode.DEMO,
        allow_list=frozenset(),
        profile=content.jurisdictions["demo"],
    )
    with units() as uow:
        patient = a_patient(uow, scopes=SCOPES)
        task = a_task(uow, patient, a_queue(uow))
        at_once = notices.write(uow, patient=patient, task=task, key="missed_call")
        uow.objections.put_own_hours(patient.id, elsewhen(uow.now), source="test", by=None, now=uow.now)
        later = notices.write(uow, patient=patient, task=task, key="missed_call")
        assert at_once is not None
        assert later is not None
        assert at_once.send_at == uow.now
        assert later.send_at.astimezone(ZONE).hour == 4


def _withdraw(uow: UnitOfWork, message: Message) -> None:
    patient = uow.patients.get(message.patient_id or "")
    assert patient is not None
    patient.deceased_at = uow.now


def _close_number(uow: UnitOfWork, message: Message) -> None:
    patient = uow.patients.get(message.patient_id or "")
    assert patient is not None
    patient.contact_points[0].do_not_call = True


def _too_late(uow: UnitOfWork, message: Message) -> None:
    message.good_until = uow.now - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("change", "reason"), [(_withdraw, "deceased"), (_close_number, "do_not_call"), (_too_late, "too_late")]
)
def test_what_happened_since_it_was_written_is_looked_at_before_it_leaves(
    units: UnitsOfWork, change: Callable[[UnitOfWork, Message], None], reason: str
) -> None:
    message_id = planned(units)
    with units() as uow:
        message = uow.messages.for_update(message_id)
        assert message is not None
        change(uow, message)
        uow.commit()
    channel = Unreliable()
    assert send(parts(units, channel), message_id) is None
    message = now_planned(units, message_id)
    assert (message.state, message.reason, channel.took) == (MessageState.PARKED, reason, [])


@pytest.mark.parametrize(
    ("mode", "reason"), [(Mode.TRIAL, "not_on_allow_list"), (Mode.PRODUCTION, "demo_patient"), (Mode.DEMO, "")]
)
def test_a_toy_never_writes_to_a_patient_nor_a_hospital_to_a_made_up_one(
    units: UnitsOfWork, mode: Mode, reason: str
) -> None:
    message_id = planned(units)
    send(parts(units, Unreliable(), mode), message_id)
    assert now_planned(units, message_id).reason == reason


def test_a_message_to_a_duty_telephone_needs_no_patients_consent(units: UnitsOfWork) -> None:
    message_id = planned(units, patient_id=None, task_id=None, purpose=None, address="+8613900000009")
    assert send(parts(units, Unreliable(), Mode.TRIAL), message_id) is MessageState.SENT


def test_a_parked_message_can_be_sent_again_by_hand_and_its_story_stays(units: UnitsOfWork) -> None:
    message_id = planned(units)
    channel = Unreliable(failures=[ChannelRefusedError("no credit")])
    send(parts(units, channel), message_id)
    with units() as uow:
        message = uow.messages.for_update(message_id)
        assert message is not None
        uow.messages.move(message, MessageTrigger.SEND_AGAIN, at=uow.now)
        uow.commit()
    assert send(parts(units, channel), message_id) is MessageState.SENT
    with units() as uow:
        steps = [(step.trigger, step.reason) for step in uow.messages.history(message_id)]
    assert [step for step, _ in steps] == ["take", "park", "send_again", "take", "accept"]
    assert steps[1][1] == "no credit"
