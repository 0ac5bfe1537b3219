"""The daily look at caller IDs: a number that is answered far less than it used to be raises an alarm, once a day."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from db.unit_of_work import UnitOfWork
from followup.caller_ids import AlarmRule, fall_of
from followup.events import DomainEvent, EventKind
from runtime.identifiers import new_id

DEFAULT_RULE = AlarmRule()


def raise_alarms(uow: UnitOfWork, *, zone: str, rule: AlarmRule = DEFAULT_RULE) -> int:
    """Look at today and yesterday (calls that ended after the last look); the number of new alarms."""
    today = uow.now.astimezone(ZoneInfo(zone)).date()
    days = uow.trunks.caller_id_days(first=today - timedelta(days=rule.history_days + 1), last=today, zone=zone)
    raised = 0
    for day in days:
        fall = fall_of(day, days, rule) if (today - day.day).days <= 1 else None
        if fall is None:
            continue
        alarm_id = new_id()
        if uow.trunks.raise_alarm(fall, alarm_id=alarm_id, now=uow.now):
            uow.emit(DomainEvent(kind=EventKind.CALLER_ID_FELL, subject=alarm_id))
            raised += 1
    return raised
