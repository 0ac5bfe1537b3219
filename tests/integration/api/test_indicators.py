"""Indicators over the API: the worked month counted from rows, told apart, frozen, exported, down to the tasks."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.indicators import month_of
from scheduler.frozen_months import freeze_next
from tests.console.seeds import stats
from tests.integration.api.house import Asking, House

LAST = month_of(month_of(datetime.now(tz=stats.ZONE).date()).first - timedelta(days=1))
MONTH = {"first": LAST.first.isoformat(), "last": (LAST.next.first - timedelta(days=1)).isoformat()}


@pytest.fixture
def filled(house: House) -> House:
    """The house after a month of work."""
    stats.seed(house)
    return house


def figures(asking: Asking, **asked: Any) -> dict[str, dict[str, Any]]:
    return {each["code"]: each for each in table(asking, **asked)["total"]}


def table(asking: Asking, **asked: Any) -> Any:
    answer = asking.get("/indicators", params={**MONTH, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_worked_month_comes_out_of_the_rows_apart_and_in_files(filled: House) -> None:
    supervisor = filled.caller(Role.SUPERVISOR)
    told = figures(supervisor)
    expected = {
        "discharges_followed": 78.81,
        "discharges_followed_without_deaths": 79.76,
        "completion": 79.76,
        "completion_with_deaths": 78.81,
        "timely": 71.81,
        "timely_with_deaths": 70.95,
        "lost": 8.92,
        "refused": 2.17,
        "missed": 0.0,
        "satisfaction": 83.33,
        "top_box": 46.67,
        "recommendation": 45.0,
        "service_level": 62.5,
        "abandonment": 20.0,
        "first_call": 100.0,
        "quality_score": 79.5,
        "quality_fatal": 5.0,
    }
    assert {code: told[code]["value"] for code in expected} == expected
    assert (told["completion"]["numerator"], told["completion"]["denominator"]) == (331, 415)
    assert told["planned"]["value"] == 415
    assert told["contact"]["numerator"] == 340
    # 331 completed, none of which has a form: reached is enough.
    assert told["effective"]["numerator"] == 331
    assert (told["connect"]["numerator"], told["right_party"]["value"]) == (340, 100.0)
    assert told["handling_time"]["value"] == 240.0
    # 12 complaints of a Monday, answered after 1 to 5 days with 4 allowed: three or two of each day.
    assert (told["complaint_closing"]["value"], told["complaint_closing"]["small"]) == (2.5, True)
    assert told["complaints_on_time"]["numerator"] == 10
    # Acknowledged after 1 to 7 minutes, 5 allowed.
    assert told["alert_response_red"]["value"] == 240.0
    assert told["alert_in_time_red"]["denominator"] == 36

    apart = table(supervisor, by="department")
    assert [row["name"] for row in apart["rows"]] == sorted(stats.DEPARTMENTS)
    for code in ("planned", "completion", "contact", "discharges_followed"):
        parts = [figure["numerator"] for row in apart["rows"] for figure in row["figures"] if figure["code"] == code]
        assert sum(parts) == told[code]["numerator"], code
    by_agent = table(supervisor, by="agent")
    assert {row["name"] for row in by_agent["rows"]} == {*stats.AGENTS, ""}
    assert "discharges_followed" not in {figure["code"] for figure in by_agent["total"]}
    one = figures(supervisor, department=stats.DEPARTMENTS[0])
    assert one["planned"]["value"] < told["planned"]["value"]
    assert "abandonment" not in one, "of a caller no department is known"
    by_day = table(supervisor, by="day")
    assert [row["key"] for row in by_day["rows"]] == sorted(row["key"] for row in by_day["rows"])

    missing = supervisor.get("/indicators/completion/tasks", params={**MONTH, "met": False, "limit": 60}).json()
    assert len(missing["tasks"]) == 60
    rest = supervisor.get(
        "/indicators/completion/tasks", params={**MONTH, "met": False, "limit": 60, "after": missing["next"]}
    ).json()
    assert (len(rest["tasks"]), rest["next"]) == (415 - 331 - 60, None)
    assert {task["state"] for task in missing["tasks"] + rest["tasks"]} == {"lost_to_follow_up", "refused", "queued"}
    connected = supervisor.get("/indicators/connect/tasks", params={**MONTH, "met": True, "limit": 5}).json()
    assert {task["state"] for task in connected["tasks"]} <= {"completed", "refused"}

    with filled.rows() as uow:
        queue = uow.queues.by_name("出院随访")
        assert queue is not None
        queue.name = "=1+1"
    asked = {**MONTH, "by": "queue", "purpose": "月度例会"}
    written = supervisor.get("/indicators/export", params={**asked, "written": "csv"})
    assert written.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(written.content.decode("utf-8-sig"))))
    assert "'=1+1" in {line[0] for line in lines}
    sheets = load_workbook(io.BytesIO(supervisor.get("/indicators/export", params=asked).content))
    assert "月度例会" in str(sheets["figures"]["A1"].value)
    named = [cell for cell in sheets["figures"]["A"] if cell.value == "=1+1"]
    assert named
    assert {cell.data_type for cell in named} == {"s"}
    assert sheets["definitions"].max_row == 1 + len(table(supervisor, by="queue")["total"])
    with filled.rows() as uow:
        assert len(uow.audit.of_subject("indicators", "queue")) == 2


def test_a_frozen_month_stays_as_it_was_counted_whatever_comes_later(filled: House) -> None:
    supervisor = filled.caller(Role.SUPERVISOR)
    with filled.rows() as uow:
        uow.now = LAST.freezes_at(stats.ZONE) - timedelta(seconds=1)
        assert freeze_next(uow, stats.ZONE, "CN") is None, "not before the fifth"
    with filled.rows() as uow:
        uow.now = LAST.freezes_at(stats.ZONE)
        assert freeze_next(uow, stats.ZONE, "CN") == LAST
        assert freeze_next(uow, stats.ZONE, "CN") is None, "once"
    before = table(supervisor)
    assert [month["month"] for month in before["frozen"]] == [LAST.first.isoformat()]
    assert {each["code"]: each["value"] for each in before["total"]} == {
        each["code"]: each["value"] for each in table(supervisor, live=True)["total"]
    }, "what was frozen is what was counted"
    with filled.rows() as uow:
        _execute(uow, "UPDATE tasks SET state = 'completed', outcome = 'completed' WHERE state = 'lost_to_follow_up'")
    after = table(supervisor)
    assert after["total"] == before["total"]
    assert figures(supervisor, live=True)["completion"]["numerator"] > 331
    # A longer period takes the frozen month as it is and counts the days beside it.
    wide = {
        "first": (LAST.first - timedelta(days=3)).isoformat(),
        "last": (LAST.next.first + timedelta(days=20)).isoformat(),
    }
    assert figures(supervisor, **wide)["planned"]["value"] == 415 + 62
    assert [row["key"] for row in table(supervisor, **wide, by="month")["rows"]][-2:] == [
        LAST.first.isoformat(),
        LAST.next.first.isoformat(),
    ]
    with filled.rows() as uow, pytest.raises(Exception, match="append-only"):
        _execute(uow, "UPDATE frozen_counts SET counts = '{}'")


def test_who_may_see_what(filled: House) -> None:
    doctor = filled.caller(Role.DOCTOR)
    refused = doctor.get("/indicators", params={**MONTH, "by": "agent"})
    assert (refused.status_code, refused.json()["field"]) == (403, "agent")
    assert doctor.get("/indicators/choices").json()["agents"] == []
    with filled.rows() as uow:
        user = uow.users.get(doctor.user_id)
        assert user is not None
        user.departments = [stats.DEPARTMENTS[1]]
    assert {row["name"] for row in table(doctor, by="department")["rows"]} == {stats.DEPARTMENTS[1]}
    behind = doctor.get("/indicators/completion/tasks", params={**MONTH, "limit": 200}).json()["tasks"]
    assert {task["department"] for task in behind} == {stats.DEPARTMENTS[1]}
    assert doctor.get("/indicators/choices").json()["departments"] == [
        {"key": stats.DEPARTMENTS[1], "name": stats.DEPARTMENTS[1]}
    ]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"first": "2026-03-02", "last": "2026-03-01"}, "last"),
        ({"first": "2020-01-01", "last": "2026-03-01"}, "last"),
        ({"first": "2026-01-01", "last": "2026-12-31", "by": "day"}, "last"),
        ({"first": "yesterday", "last": "2026-03-01"}, "first"),
    ],
)
def test_a_period_that_cannot_be_told_is_refused_in_words(
    supervisor: Asking, asked: dict[str, str], field: str
) -> None:
    refused = supervisor.get("/indicators", params=asked)
    assert refused.status_code == 422
    assert field in refused.json()["field"]


def test_every_definition_is_there_in_both_languages(supervisor: Asking) -> None:
    told = supervisor.get("/indicators/definitions").json()["definitions"]
    assert len(told) > 40
    for definition in told:
        for words in ("title", "numerator", "denominator", "excluded", "counted_by"):
            assert definition[words]["zh"], definition["code"]
            assert definition[words]["en"], definition["code"]


def _execute(uow: UnitOfWork, statement: str) -> None:
    uow._session.execute(text(statement))
