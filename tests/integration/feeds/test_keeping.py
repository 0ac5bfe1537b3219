"""What is kept and for how long, what is asked for again, what doctor says, and which settings are refused."""

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.identifiers import IdentifierKind, PersonIdentifier
from db.unit_of_work import UnitsOfWork
from followup.events import EventKind
from followup.feeds import ConsequenceState, FeedState
from followup.plans import PlanState
from interop.hl7.applying import apply_waiting
from interop.hl7.receiving import store
from runtime.identifiers import new_id
from runtime.settings import Settings, SettingsError, load_settings
from scheduler.feed_consequences import follow_feeds
from suifang.feed_checks import check_feeds
from tests.integration.feeds.test_admissions_and_discharges import plans_of
from tests.support.builders import a_patient
from tests.support.feeds import DESK, PLANS, RULES, adt, ago, bring, follow, judged, kept, obx, open_server, oru, pid

Fresh = Callable[[str], str]


def test_a_message_that_came_in_cannot_be_changed_or_taken_away_and_is_emptied_when_its_time_is_over(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    applied, parked = (
        judged(text_)
        for text_ in (
            adt("A04", fresh("a"), at=ago(hours=1), person=pid(fresh("R")), visit=""),
            oru(fresh("b"), obx("4548-4", "7", "%"), at=ago(hours=1), person=pid(fresh("NOBODY"))),
        )
    )
    with units() as uow:
        uow.feeds.store([applied.arrived, parked.arrived], uow.now, kept_until=uow.now - timedelta(seconds=1))
        uow.commit()
    while apply_waiting(units, DESK):
        pass
    for statement in (
        "UPDATE feed_messages SET raw = 'x'",
        "UPDATE feed_messages SET raw = ''",
        "DELETE FROM feed_messages",
    ):
        with units.engine.connect() as rows, pytest.raises(DBAPIError, match="came in"):
            rows.execute(text(statement))
    with units() as uow:
        assert uow.feeds.forget_raw(uow.now) == 1
        uow.commit()
    assert (kept(units, applied.arrived).raw, kept(units, applied.arrived).state) == (b"", FeedState.APPLIED)
    assert kept(units, parked.arrived).raw == parked.arrived.raw


def test_results_of_somebody_whom_a_person_or_a_list_brought_in_since_are_tried_again(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    own, other, nobody = bring(
        units,
        *(oru(fresh(name), obx("4548-4", "7", "%"), at=ago(hours=1), person=pid(fresh(f"N{name}"))) for name in "xyz"),
    )
    with units() as uow:
        a_patient(uow, record_number=fresh("Nx"), name="王建国", born=None)
        second = a_patient(uow, name="王建国", born=None)
        uow.patients.add_identifier(
            PersonIdentifier(id=new_id(), patient_id=second.id, kind=IdentifierKind.MEDICAL_RECORD, value=fresh("Ny"))
        )
        uow.commit()
    with units() as uow:
        assert uow.feeds.wait_again_for_known() == 2
        uow.commit()
    bring(units)
    with units() as uow:
        assert [each.state for one in (own, other, nobody) if (each := uow.feeds.get(one.id))] == [
            FeedState.APPLIED,
            FeedState.APPLIED,
            FeedState.PARKED,
        ]


def test_what_a_worker_never_came_to_is_asked_for_again(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(hours=20)
    (told,) = bring(units, adt("A03", fresh("a"), at=at, person=pid(fresh("R")), visit=fresh("V"), discharged=at))
    with units() as uow:
        assert told.patient_id not in uow.feeds.owing_patients(uow.now - timedelta(seconds=30))
        assert told.patient_id in uow.feeds.owing_patients(uow.now + timedelta(seconds=1))
        asked = [row for row in uow.outbox.unpublished(10_000) if row.kind == EventKind.FEED_CONSEQUENCE_OWED]
    assert told.patient_id in {row.subject for row in asked}


def test_a_discharge_whose_plan_was_refused_gets_it_when_what_lacked_is_there(units: UnitsOfWork, fresh: Fresh) -> None:
    at = ago(hours=20)
    told, cancelled = bring(
        units,
        *(
            adt("A03", fresh(name), at=at, person=pid(fresh(f"R{name}")), visit=fresh(f"V{name}"), discharged=at)
            for name in "xy"
        ),
    )
    for one in (told, cancelled):
        assert follow_feeds(units, one.patient_id or "", replace(PLANS, templates={})) == 0
    later = at + timedelta(hours=1)
    bring(units, adt("A13", fresh("z"), at=later, person=pid(fresh("Ry")), visit=fresh("Vy")))
    follow(units, cancelled.patient_id)
    with units() as uow:
        assert not uow.feeds.owe_again(since=uow.now - timedelta(days=7), before=uow.now - timedelta(hours=1))
        again = uow.feeds.owe_again(since=uow.now - timedelta(days=7), before=uow.now + timedelta(seconds=1))
        assert [each.patient_id for each in again] == [told.patient_id]
        uow.commit()
    assert follow(units, told.patient_id) == 1
    assert [plan.state for plan in plans_of(units, told.patient_id)] == [PlanState.RUNNING]
    with units() as uow:
        assert [(each.state, each.told) for each in uow.feeds.consequences_of(told.id)] == [(ConsequenceState.DONE, "")]


def test_doctor_says_who_listens_and_what_waits(units: UnitsOfWork, fresh: Fresh) -> None:
    (parked,) = bring(units, oru(fresh("p"), obx("4548-4", "7", "%"), at=ago(hours=1), person=pid(fresh("NOBODY"))))
    assert parked.state is FeedState.PARKED
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        silent = Settings(feeds_port=nobody.getsockname()[1])
        told = [f"{each.subject}: {each.seen}" for each in check_feeds(silent, units)]
    assert "nobody listens" in told[0]
    assert any("are parked" in each for each in told)
    with open_server(units) as port:
        assert "heard on 127.0.0.1" in check_feeds(Settings(feeds_port=port), units)[0].seen
    store(units, [judged(adt("A04", fresh("w"), at=ago(hours=1), person=pid(fresh("W")), visit=""))], RULES)
    with units() as uow:
        assert uow.feeds.oldest_waiting() is not None
    bring(units)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"FEEDS_PORT": "2575", "FEEDS_HOST": "10.1.2.3"}, "SUIFANG_FEEDS_PEERS is empty"),
        ({"FEEDS_PORT": "2575", "FEEDS_PEERS": "10.1.2.0/24,his"}, "entry 2 is no address or network"),
        ({"FEEDS_TLS": "true"}, "SUIFANG_FEEDS_TLS needs"),
        ({"FEEDS_CLIENT_CA": "/ca.pem"}, "works with SUIFANG_FEEDS_TLS=true only"),
    ],
)
def test_settings_that_leave_the_door_open_are_refused(
    variables: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUIFANG_STATE_DIR", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(f"SUIFANG_{name}", value)
    with pytest.raises(SettingsError, match=told):
        load_settings()
