"""The order of waiting tasks and the lane each of them takes: pure, and told in words."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from followup.calling_hours import CallingHours
from followup.dialing_rules import Profile
from followup.plans import TaskMode
from followup.queues import AgentState
from followup.waiting import AgentFacts, OwnerReason, Place, WaitingFacts, closing_from, is_urgent, stand

PROFILE = Profile(
    id="test",
    version=1,
    status="draft",
    source="tests",
    hours=(
        CallingHours(start=time(9), end=time(12), weekdays=frozenset({1, 2, 3, 4, 5})),
        CallingHours(start=time(14), end=time(18), weekdays=frozenset({1, 2, 3, 4, 5})),
    ),
    attempts_per_day=3,
    completed_per_day=1,
)
SHANGHAI = "Asia/Shanghai"
WEDNESDAY = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def facts(**values: object) -> WaitingFacts:
    return replace(
        WaitingFacts(
            task_id="t",
            queue_id="q",
            mode=TaskMode.AGENT,
            priority=50,
            latest_at=WEDNESDAY + timedelta(days=20),
            next_attempt_at=WEDNESDAY,
            language=None,
            dialect=None,
            skills=(),
            patients_language="zh",
            patients_dialect=None,
            zone=SHANGHAI,
            owner_id=None,
            owner_until=None,
            last_agent_id=None,
            same_nurse=timedelta(0),
        ),
        **values,  # type: ignore[arg-type]
    )


def agent(name: str, **values: object) -> AgentFacts:
    return replace(
        AgentFacts(id=name, state=AgentState.ON_CALL, queues=("q",), languages=("zh",), dialects=()),
        **values,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("latest", "opens"),
    [
        (local(6, 17), local(6, 9)),  # on a working day: from its first opening on
        (local(6, 9, 30), local(5, 9)),  # half an hour is no fair chance: the day before counts
        (local(8, 17), local(6, 9)),  # on a Sunday: the Friday before
        (local(9, 8), local(6, 9)),  # on Monday before the first opening: the Friday before
    ],
)
def test_a_window_closes_on_the_last_calling_day_that_offers_a_fair_chance(latest: datetime, opens: datetime) -> None:
    assert closing_from(PROFILE, SHANGHAI, latest) == opens


def test_what_cannot_wait_is_before_what_closes_and_that_before_what_has_time() -> None:
    closes = local(4, 18)
    places = [
        stand(facts(**values), (), PROFILE, WEDNESDAY).place
        for values in ({"priority": 9}, {"latest_at": closes}, {"priority": 10})
    ]
    assert places == [Place.URGENT, Place.CLOSING, Place.ORDINARY]
    assert [is_urgent(priority) for priority in (0, 9, 10)] == [True, True, False]


def test_a_promise_waits_in_its_owners_lane_until_it_expires() -> None:
    owned = facts(owner_id="lin", owner_until=WEDNESDAY + timedelta(minutes=15))
    at_her_hour = stand(owned, (agent("lin"),), PROFILE, WEDNESDAY)
    assert (at_her_hour.lane.agent_id, at_her_hour.held_until) == ("lin", owned.owner_until)
    too_late = stand(owned, (agent("lin"),), PROFILE, WEDNESDAY + timedelta(minutes=15))
    assert (too_late.lane.agent_id, too_late.owner_lost) == (None, OwnerReason.OWNER_BUSY)


def test_an_owner_who_is_not_at_work_is_waited_for_only_a_moment() -> None:
    owned = facts(owner_id="lin", owner_until=WEDNESDAY + timedelta(hours=3))
    gone = (agent("lin", state=AgentState.OFFLINE),)
    assert stand(owned, gone, PROFILE, WEDNESDAY).held_until == WEDNESDAY + timedelta(minutes=2)
    later = stand(owned, gone, PROFILE, WEDNESDAY + timedelta(minutes=2))
    assert (later.lane.agent_id, later.owner_lost) == (None, OwnerReason.OWNER_ABSENT)


def test_the_same_nurse_has_the_patient_to_herself_for_a_while_if_she_is_at_work() -> None:
    known = facts(last_agent_id="lin", same_nurse=timedelta(minutes=5))
    assert stand(known, (agent("lin"),), PROFILE, WEDNESDAY).lane.agent_id == "lin"
    assert stand(known, (agent("lin"),), PROFILE, WEDNESDAY + timedelta(minutes=5)).lane.agent_id is None
    assert stand(known, (agent("lin", state=AgentState.OFFLINE),), PROFILE, WEDNESDAY).lane.agent_id is None
    assert stand(replace(known, priority=1), (agent("lin"),), PROFILE, WEDNESDAY).lane.agent_id is None


def test_a_patients_own_tongue_is_asked_for_only_where_somebody_of_the_queue_has_it() -> None:
    patient = facts(patients_language="en", patients_dialect="cantonese")
    nobody = stand(patient, (agent("lin"), agent("helen", languages=("en",), queues=("other",))), PROFILE, WEDNESDAY)
    assert (nobody.lane.language, nobody.lane.dialect) == (None, None)
    helen = agent("helen", languages=("en",), dialects=("cantonese",))
    somebody = stand(patient, (agent("lin"), helen), PROFILE, WEDNESDAY)
    assert (somebody.lane.language, somebody.lane.dialect) == ("en", "cantonese")


def test_what_task_or_queue_demand_holds_even_if_nobody_can() -> None:
    lane = stand(facts(language="en", skills=("stoma", "stoma", "heart")), (agent("lin"),), PROFILE, WEDNESDAY).lane
    assert (lane.language, lane.skills) == ("en", ("heart", "stoma"))
