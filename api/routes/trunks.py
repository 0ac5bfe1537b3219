"""Trunks as the nodes see them, and caller IDs: how often the calls that show a number are answered."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.edge import Route, Work
from api.fields import Answer, Instant
from api.permissions import Overseers
from api.wiring import wiring_of
from db.trunks import TrunkCondition
from followup.caller_ids import AlarmRule, wilson_interval

router = APIRouter(tags=["trunks"], route_class=Route)

INTERVAL = 1.96


class TrunkAnswer(Answer):
    """A trunk as one node sees it; `declared` is what the trunks file says of it, without its user and password."""

    node: str
    trunk: str
    condition: TrunkCondition
    since: Instant
    checked_at: Instant | None
    reason: str
    channels_in_use: int  # on all nodes
    declared: dict[str, object]


class TrunksAnswer(Answer):
    """Every trunk of every node, by name."""

    trunks: list[TrunkAnswer]


class CallerIdDayAnswer(Answer):
    """One number's calls of one hospital day that could have been answered; the interval is Wilson's at 95 %."""

    caller_id: str
    day: date
    tries: int
    answered: int
    rate: float | None
    rate_low: float
    rate_high: float


class CallerIdAlarmAnswer(Answer):
    """A day on which a number was answered far less than it used to be: it may have been marked as spam."""

    caller_id: str
    day: date
    tries: int
    answered: int
    usual_rate: float
    raised_at: Instant


class CallerIdsAnswer(Answer):
    """Answer rates and alarms since the first day asked for."""

    days: list[CallerIdDayAnswer]
    alarms: list[CallerIdAlarmAnswer]


@router.get("/trunks")
def list_trunks(caller: Overseers, uow: Work) -> TrunksAnswer:  # noqa: ARG001
    """Whether each trunk answers, and how many of its channels are in use."""
    used = uow.trunks.channels_in_use()
    return TrunksAnswer(
        trunks=[
            TrunkAnswer(
                node=state.node,
                trunk=state.trunk,
                condition=state.condition,
                since=state.since,
                checked_at=state.checked_at,
                reason=state.reason,
                channels_in_use=used.get(state.trunk, 0),
                declared=state.declared,
            )
            for state in uow.trunks.all()
        ]
    )


@router.get("/caller-ids")
def list_caller_ids(
    caller: Overseers,  # noqa: ARG001
    request: Request,
    uow: Work,
    days: Annotated[int, Query(ge=1, le=92)] = AlarmRule().history_days,
) -> CallerIdsAnswer:
    """How often the calls that show each number are answered, by hospital day, with the alarms."""
    zone = wiring_of(request).zone
    last = uow.now.astimezone(zone).date()
    first = last - timedelta(days=days - 1)
    rates = []
    for found in uow.trunks.caller_id_days(first=first, last=last, zone=zone.key):
        low, high = wilson_interval(found.answered, found.tries, INTERVAL)
        rates.append(
            CallerIdDayAnswer(
                caller_id=found.caller_id,
                day=found.day,
                tries=found.tries,
                answered=found.answered,
                rate=found.rate,
                rate_low=low,
                rate_high=high,
            )
        )
    alarms = [CallerIdAlarmAnswer.model_validate(alarm) for alarm in uow.trunks.alarms(first=first)]
    return CallerIdsAnswer(days=rates, alarms=alarms)
