"""Answer rates by caller ID and hospital day, and the alarm when a number is answered no more."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.attempts import AttemptState
from followup.caller_ids import CallerIdDay
from followup.calls import Call, CallId, CallState, EndReason, Leg, LegId, LegRole
from runtime.identifiers import new_id
from scheduler.caller_id_watch import raise_alarms
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt

ZONE = "Asia/Shanghai"
MARKED, SOUND = "+861055550001", "+861055550002"


class Calls:
    """Calls of one patient, as many as a test wants."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        task = a_task(uow, a_patient(uow), a_queue(uow))
        self._attempt = an_attempt(uow, task, state=AttemptState.CLOSED, closed_at=uow.now)

    def add(self, caller_id: str, at: datetime, reason: EndReason, *, answered: bool = False) -> Call:
        call_id = CallId(new_id())
        seconds = timedelta(seconds=8)
        leg = Leg(
            id=LegId(new_id()),
            call_id=call_id,
            role=LegRole.PATIENT,
            caller_id=caller_id,
            trunk="a",
            answered_at=at + seconds if answered else None,
            ended_at=at + 2 * seconds,
        )
        return a_call(
            self._uow,
            self._attempt,
            id=call_id,
            state=CallState.ENDED,
            invite_at=at,
            answered_at=leg.answered_at,
            ended_at=leg.ended_at,
            end_reason=reason,
            legs=[leg],
        )

    def day(self, caller_id: str, at: datetime, *, tries: int, answered: int) -> None:
        for number in range(tries):
            talked = number < answered
            self.add(caller_id, at, EndReason.HANG_UP if talked else EndReason.NO_ANSWER, answered=talked)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(ZONE))


def test_a_days_rate_counts_what_could_have_been_answered_by_the_hospitals_day(units: UnitsOfWork) -> None:
    with units() as uow:
        calls = Calls(uow)
        late = datetime(2026, 5, 3, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
        calls.add(MARKED, late, EndReason.HANG_UP, answered=True)
        calls.add(MARKED, late + timedelta(minutes=1), EndReason.NO_ANSWER)
        calls.add(MARKED, late + timedelta(minutes=2), EndReason.BUSY)
        for not_the_numbers in (EndReason.INVALID_NUMBER, EndReason.CONGESTION, EndReason.WORKER_LOST):
            calls.add(MARKED, late, not_the_numbers)
        broke = calls.add(MARKED, late, EndReason.NETWORK_FAILURE, answered=True)  # it was answered, and broke later
        again = calls.add(SOUND, late, EndReason.REJECTED)
        uow.flush()
        first = again.legs[0]
        again.legs.append(
            Leg(
                id=LegId(new_id()),
                call_id=again.id,
                role=LegRole.PATIENT,
                caller_id=MARKED,
                replaces=first.id,
                ended_at=first.ended_at,
            )
        )
        uow.commit()
        assert broke.legs[0].answered_at
    with units() as uow:
        days = uow.trunks.caller_id_days(first=date(2026, 5, 1), last=date(2026, 5, 9), zone=ZONE)
    assert days == [
        CallerIdDay(caller_id=MARKED, day=date(2026, 5, 3), tries=3, answered=2),
        CallerIdDay(caller_id=MARKED, day=date(2026, 5, 4), tries=2, answered=0),
    ]


def test_a_number_that_is_answered_no_more_raises_one_alarm_a_day(units: UnitsOfWork) -> None:
    with units() as uow:
        today = uow.now.astimezone(ZoneInfo(ZONE)).date()
        calls = Calls(uow)
        for ago in (3, 2):
            calls.day(MARKED, noon(today - timedelta(days=ago)), tries=60, answered=36)
            calls.day(SOUND, noon(today - timedelta(days=ago)), tries=60, answered=36)
        calls.day(MARKED, noon(today), tries=40, answered=4)
        calls.day(SOUND, noon(today), tries=40, answered=22)
        uow.commit()
    for expected in (1, 0):
        with units() as uow:
            assert raise_alarms(uow, zone=ZONE) == expected
            uow.commit()
    with units() as uow:
        (alarm,) = uow.trunks.alarms(first=today)
        assert (alarm.caller_id, alarm.day, alarm.tries, alarm.answered) == (MARKED, today, 40, 4)
        events = [row for row in uow.outbox.unpublished(1000) if row.kind == "caller_id_fell"]
        assert [row.subject for row in events] == [alarm.id]
        assert all(MARKED not in str(row.ids) for row in events)
