"""Neutral messages around calls: who we are and our published number, and nothing about anybody's health."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from care.consent import Purpose
from care.patients import NumberOwner, NumberQuality, Patient
from db.callees import opening_for
from db.message_rules import refused
from db.unit_of_work import UnitOfWork
from followup.dialing_rules import Mode, Profile
from followup.messages import Channel, Message, MessageState
from followup.plans import Task
from followup.what_next import AttemptPolicy
from runtime.content.library import Content
from runtime.content.messages import MessageText, MessageValueError
from runtime.identifiers import new_id
from runtime.settings import Settings

log = structlog.get_logger(__name__)

EVERY_CHANNEL = (Channel.SMS, Channel.WECHAT, Channel.EMAIL)

_TOLD_UNTIL = timedelta(hours=12)
"""A message about a call that comes later than this puzzles more than it explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What messages of this installation are written with."""

    texts: Mapping[str, MessageText]
    hospital: Mapping[str, str]  # its name by language
    number: str  # the published one, to be rung back
    mode: Mode
    allow_list: frozenset[str]
    profile: Profile
    calendar_region: str | None = None  # whose public holidays and make-up days count

    @classmethod
    def of(cls, settings: Settings, content: Content) -> "Notices":
        """The messages of an installation."""
        return cls(
            texts=content.messages,
            hospital={"zh": settings.hospital_name, "en": settings.hospital_name_en or settings.hospital_name},
            number=settings.call_back_number,
            mode=settings.mode,
            allow_list=frozenset(settings.trial_allow_list),
            profile=content.jurisdictions[settings.jurisdiction.value],
            calendar_region=settings.calendar_region,
        )

    def write(
        self,
        uow: UnitOfWork,
        *,
        patient: Patient,
        task: Task | None = None,
        key: str,
        attempt_id: str | None = None,
        channels: Sequence[Channel] = EVERY_CHANNEL,
        values: Mapping[str, str] | None = None,
        send_at: datetime | None = None,
        good_until: datetime | None = None,
    ) -> Message | None:
        """Plan a message on the first channel that the patient agreed to and can be reached on; None where none is.

        Without a task it belongs to the patient's care.
        """
        purpose, task_id = (task.purpose, task.id) if task else (Purpose.CARE, None)
        language = "zh" if patient.language == "zh" else "en"
        given = {"hospital": self.hospital[language], "number": self.number, **(values or {})}
        try:
            text = self.texts[key].written(language, given)
        except MessageValueError as error:
            log.warning(
                "message_not_written",
                task=task_id,
                key=key,
                reason=f"{error}: set SUIFANG_HOSPITAL_NAME and SUIFANG_CALL_BACK_NUMBER",
            )
            return None
        # Nobody is woken by a message that announces a call or regrets one.
        at = opening_for(uow, patient, purpose, send_at or uow.now, profile=self.profile, region=self.calendar_region)
        if at is None:
            return None
        against: dict[str, list[str]] = {}
        for channel, address in _addresses(uow, patient, channels):
            message = Message(
                id=new_id(),
                patient_id=patient.id,
                task_id=task_id,
                attempt_id=attempt_id,
                channel=channel,
                address=address,
                language=language,
                text_key=key,
                text=text,
                purpose=purpose,
                planned_at=uow.now,
                send_at=at,
                good_until=good_until or at + _TOLD_UNTIL,
            )
            reasons = refused(uow, message, mode=self.mode, allow_list=self.allow_list)
            if not reasons:
                uow.messages.plan(message)
                log.info("message_planned", message=message.id, task=task_id, key=key, channel=channel.value)
                return message
            against[channel.value] = [reason.value for reason in reasons]
        log.info("message_not_allowed", task=task_id, key=key, reasons=against)
        return None

    def write_around_calls(
        self,
        uow: UnitOfWork,
        *,
        patient: Patient,
        task: Task,
        policy: AttemptPolicy,
        key: str,
        attempt_id: str | None = None,
        send_at: datetime | None = None,
        good_until: datetime | None = None,
    ) -> Message | None:
        """As `write`, but never more than the policy allows of a task, or of a patient on one day."""
        earlier = [each for each in uow.messages.of_task(task.id) if each.state is not MessageState.CANCELLED]
        midnight = uow.now.astimezone(ZoneInfo(patient.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
        if len(earlier) >= policy.messages_per_task or any(each.text_key == key for each in earlier):
            return None
        if uow.messages.count_since(patient.id, midnight) >= policy.messages_per_day:
            return None
        return self.write(
            uow,
            patient=patient,
            task=task,
            key=key,
            attempt_id=attempt_id,
            channels=policy.channels,
            send_at=send_at,
            good_until=good_until,
        )


def _addresses(uow: UnitOfWork, patient: Patient, channels: Sequence[Channel]) -> Iterator[tuple[Channel, str]]:
    """Where the patient himself can be written to, channel by channel; never a relative's telephone."""
    for channel in channels:
        if channel is not Channel.SMS:
            address = uow.messages.address_of(patient.id, channel)
            if address is not None:
                yield channel, address
            continue
        own = [
            point
            for point in patient.contact_points
            if point.owner is NumberOwner.SELF and point.quality is not NumberQuality.WRONG and not point.do_not_call
        ]
        for point in sorted(own, key=lambda each: (each.rank, each.id)):
            yield channel, point.number
