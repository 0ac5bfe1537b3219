"""Campaigns before they start: who is left out, the lot by quota, calls by the hour, the end, the cost. Pure."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from followup.campaign_estimate import Load, Waiting, flow_seconds, minutes_on_the_line, plan_calls
from followup.campaigns import Candidate, LeftOut, Person, lasting, tally_reasons, within_quotas
from followup.dialing_rules import GateReason
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import an_instant

CONTENT = Content(REPOSITORY / "content")
NINE, UNTIL = an_instant("2026-11-23 09:00"), an_instant("2026-11-25 00:00")
LOAD = Load(lines=2, answer_rate=0.5, talk_seconds=60.0, miss_seconds=30.0, tries=2)


def in_office_hours(at: datetime) -> datetime | None:
    """From nine to twelve."""
    if at.hour < 9:
        return at.replace(hour=9, minute=0)
    return at if at.hour < 12 else (at + timedelta(days=1)).replace(hour=9, minute=0)


def people(count: int) -> list[Waiting]:
    return [Waiting(patient_id=f"p{number:03}", opening=in_office_hours) for number in range(count)]


def test_one_person_costs_his_tries_and_their_seconds() -> None:
    assert LOAD.calls_each == pytest.approx(1.5)
    assert LOAD.seconds_each == pytest.approx(1.5 * 45)
    assert LOAD.people_in(3600) == 106
    assert minutes_on_the_line(100, LOAD) == pytest.approx(75)


def test_hours_fill_one_after_the_other_and_nobody_is_placed_outside_them() -> None:
    plan = plan_calls(
        people(400),
        load=LOAD,
        open_seconds=lambda hour: 3600.0 if 9 <= hour.hour < 12 else 0.0,
        from_at=NINE,
        until=UNTIL,
        per_day=None,
        zone="UTC",
    )
    assert [(hour.starts.day, hour.starts.hour, len(hour.patient_ids)) for hour in plan.hours] == [
        (23, 9, 106),
        (23, 10, 106),
        (23, 11, 106),
        (24, 9, 82),
    ]
    assert plan.ends_at == an_instant("2026-11-24 10:00")
    assert plan.no_room == ()


def test_who_finds_no_place_before_the_end_is_told_and_the_day_s_limit_holds() -> None:
    plan = plan_calls(
        people(20), load=LOAD, open_seconds=lambda _: 3600.0, from_at=NINE, until=UNTIL, per_day=9, zone="UTC"
    )
    assert Counter(hour.starts.day for hour in plan.hours for _ in hour.patient_ids) == {23: 6, 24: 6}
    assert len(plan.no_room) == 8


def test_reasons_that_pass_keep_nobody_out_and_a_cap_only_if_it_lasts() -> None:
    every = (GateReason.OUTSIDE_HOURS, GateReason.CAMPAIGN_STOPPED, GateReason.ROLLING_CAP, GateReason.NO_CONSENT)
    assert lasting(every, room_at=UNTIL - timedelta(hours=1), until=UNTIL) == ("no_consent",)
    assert lasting(every, room_at=UNTIL, until=UNTIL) == ("rolling_cap", "no_consent")


def test_a_quota_draws_the_same_lot_each_time_and_only_who_can_be_called_takes_a_place() -> None:
    everybody = [
        Candidate(
            person=Person(patient_id=f"p{number}", encounter_id=None, department="ward"),
            reasons=("no_number",) if number % 2 else (),
            opening=NINE,
        )
        for number in range(20)
    ]
    drawn = within_quotas(everybody, {"ward": 4}, "seed")
    assert tally_reasons(drawn) == {"no_number": 10, LeftOut.OVER_QUOTA.value: 6}
    assert drawn == within_quotas([*reversed(everybody)], {"ward": 4}, "seed")
    chosen = {each.person.patient_id for each in drawn if not each.reasons}
    other = {each.person.patient_id for each in within_quotas(everybody, {"ward": 4}, "other") if not each.reasons}
    assert chosen != other


@pytest.mark.parametrize("name", sorted(CONTENT.flows))
def test_every_shipped_flow_has_a_length_and_it_is_that_of_a_call(name: str) -> None:
    assert 15 < flow_seconds(CONTENT.flows[name], CONTENT.prompt_lengths) < 240
