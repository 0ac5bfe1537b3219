"""The calendar in the database and by API: loaded from packages, mended by hand, never mended back."""

from datetime import date

from db.unit_of_work import UnitsOfWork
from followup.calendars import DayKind
from interop.calendar_source import load_calendar
from suifang import calendar_command
from tests.integration.api.house import Asking, House


def test_a_calendar_is_loaded_once_and_known_to_every_later_unit_of_work(house: House) -> None:
    with house.rows() as uow:
        assert uow.calendar.of("CN").years == {}
        assert load_calendar(uow, "CN", first=2025, last=2030) == (2025, 2026)
    with house.rows() as uow:
        assert load_calendar(uow, "CN", first=2025, last=2030) == ()
        assert uow.calendar.of("CN").is_working_day(date(2026, 10, 10))
        assert uow.calendar.of("CN") is uow.calendar.of("CN")
    with UnitsOfWork(house.units.engine)() as elsewhere:
        assert elsewhere.calendar.of("CN").is_public_holiday(date(2026, 10, 1))


def test_what_is_rolled_back_is_not_remembered(house: House) -> None:
    with house.units() as uow:
        load_calendar(uow, "CN", first=2026, last=2026)
        assert uow.calendar.of("CN").covers(date(2026, 1, 1))
    with house.units() as uow:
        assert not uow.calendar.of("CN").covers(date(2026, 1, 1))


def test_an_administrator_enters_a_year_that_no_package_has_and_a_package_does_not_change_it(
    house: House, admin: Asking, agent: Asking
) -> None:
    before = admin.get("/calendars/CN", params={"year": 2026}).json()
    assert not before["known"]
    assert "suifang calendar load" in before["warning"]
    entered = admin.post(
        "/calendars/CN/years",
        {
            "year": 2026,
            "source": "国办发明电〔2025〕7号",
            "days": [
                {"day": "2026-10-01", "kind": "holiday", "name": "国庆节"},
                {"day": "2026-10-10", "kind": "make_up"},
            ],
        },
    )
    assert entered.status_code == 200
    assert (entered.json()["warning"], len(entered.json()["days"])) == (None, 2)
    with house.rows() as uow:
        assert load_calendar(uow, "CN", first=2026, last=2026) == ()
    after = agent.get("/calendars/CN", params={"year": 2026}).json()
    assert after == entered.json()
    assert agent.get("/calendars").json() == {"regions": ["CN"]}


def test_one_day_entered_by_hand_outlives_the_next_loading(house: House, admin: Asking) -> None:
    with house.rows() as uow:
        load_calendar(uow, "CN", first=2026, last=2026)
    assert admin.put("/calendars/CN/days/2026-09-03", {"kind": "holiday", "name": "院庆"}).status_code == 200
    assert admin.put("/calendars/CN/days/2026-10-10", {"kind": "holiday"}).status_code == 200
    with house.rows() as uow:
        load_calendar(uow, "CN", first=2026, last=2026)
        calendar = uow.calendar.of("CN")
        assert calendar.days[date(2026, 9, 3)].name == "院庆"
        assert calendar.days[date(2026, 10, 10)].kind is DayKind.HOLIDAY
    assert admin.delete("/calendars/CN/days/2026-09-03").status_code == 200
    assert admin.delete("/calendars/CN/days/2026-09-03").json()["code"] == "unknown_calendar_day"
    with house.rows() as uow:
        assert uow.calendar.of("CN").is_working_day(date(2026, 9, 3))


def test_a_year_with_days_of_another_or_the_same_day_twice_is_refused(admin: Asking) -> None:
    stray = {"year": 2027, "source": "test", "days": [{"day": "2026-10-01", "kind": "holiday"}]}
    assert "2026-10-01" in admin.post("/calendars/CN/years", stray).json()["reason"]
    twice = {"year": 2026, "source": "test", "days": [{"day": "2026-10-01", "kind": "holiday"}] * 2}
    assert "twice" in admin.post("/calendars/CN/years", twice).json()["reason"]


def test_the_command_loads_shows_and_warns(house: House) -> None:
    told = calendar_command.load(house.units, "CN", first=2026, last=2031)
    assert told.startswith("CN: 2026 changed")
    assert "2031" in told
    shown = calendar_command.shown(house.units, "CN", 2026)
    assert "2026-10-10  worked" in shown
    assert "2026-10-01  holiday" in shown
