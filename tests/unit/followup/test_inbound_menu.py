"""The menu and hours of the inbound line: pure."""

from datetime import UTC, date, datetime, time

import pytest

from followup.calendars import DayKind
from followup.calling_hours import CallingHours, HolidayRule
from followup.calls import LegId
from followup.inbound import InboundCall, InboundId, InboundMove, InboundState, first_words, move_after_key
from followup.inbound_menu import DEFAULT_MENU, InboundMenu, MenuAction, is_open
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
WEEKDAYS = (CallingHours(start=time(8), end=time(18), weekdays=frozenset(range(1, 6))),)
OFFICE = InboundMenu(id="office", hours=WEEKDAYS)
ZONE = "Asia/Shanghai"


def a_caller(**values: object) -> InboundCall:
    return InboundCall(
        **{
            "id": InboundId("i"),
            "leg_id": LegId("l"),
            "node": "n",
            "caller": "+8613800000000",
            "rang_at": datetime(2026, 11, 23, tzinfo=UTC),
            "state": InboundState.GREETED,
            **values,
        }  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("at", "menu", "opened"),
    [
        ("2026-11-23T07:59:00+08:00", OFFICE, False),
        ("2026-11-23T12:30:00+08:00", OFFICE, True),
        ("2026-11-23T18:00:00+08:00", OFFICE, False),
        ("2026-11-22T10:00:00+08:00", OFFICE, False),
        ("2026-10-01T10:00:00+08:00", OFFICE, False),
        ("2026-10-01T10:00:00+08:00", InboundMenu(hours=WEEKDAYS, on_holidays=HolidayRule.OPEN), True),
        ("2026-10-10T10:00:00+08:00", OFFICE, True),
        ("2026-10-10T10:00:00+08:00", InboundMenu(hours=WEEKDAYS, make_up_days_as_weekdays=False), False),
        ("2026-11-23T12:30:00+08:00", DEFAULT_MENU, False),
    ],
)
def test_the_line_is_open_by_its_own_hours_holidays_and_make_up_days(at: str, menu: InboundMenu, opened: bool) -> None:
    days = {date(2026, 10, 1): DayKind.HOLIDAY, date(2026, 10, 10): DayKind.MAKE_UP}
    profile = CONTENT.jurisdictions["cn"]
    assert is_open(menu, profile, ZONE, datetime.fromisoformat(at).astimezone(UTC), days) is opened


def test_the_shipped_menu_says_what_there_is_and_its_keys_do_what_it_says() -> None:
    menu = CONTENT.inbound_menus["default"]
    caller = a_caller()
    assert first_words(caller, open_now=True, menu=menu) == ["greeting", "recording_notice", "inbound_choices"]
    assert first_words(caller, open_now=False, menu=menu) == ["greeting", "closed_now", "call_back_promised"]
    moves = {key: move_after_key(caller, key, menu) for key in "0123456789"}
    assert {key: move for key, move in moves.items() if move} == {
        "0": InboundMove.SEEK_AGENT,
        "1": InboundMove.NOTE_WISH,
        "9": InboundMove.OTHER_LANGUAGE,
    }
    assert move_after_key(a_caller(caller=None), "1", menu) is None, "nobody can be rung back without a number"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"1": MenuAction.CALL_BACK}, "brings a person"),
        ({"0": MenuAction.CALL_BACK}, "brings a person"),
        ({"0": MenuAction.PERSON, "8": MenuAction.CALL_BACK}, "refuses the recording"),
    ],
)
def test_a_menu_without_a_way_to_a_person_or_with_the_refusal_taken_is_refused(
    keys: dict[str, MenuAction], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        InboundMenu(keys=keys)
