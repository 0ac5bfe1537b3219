"""The inbound line as data: when it is staffed, what is said then and otherwise, and what each key does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from care.consent import Purpose
from followup.calendars import DayKind
from followup.calling_hours import Callee, CallingHours, HolidayRule
from followup.dialing_rules import Profile, within_hours

PERSON_KEY, REFUSAL_KEY = "0", "8"


class MenuAction(StrEnum):
    """What a key of the menu does."""

    PERSON = "person"
    CALL_BACK = "call_back"  # only where a number was sent
    OTHER_LANGUAGE = "other_language"  # everything is said again, in Chinese or in English


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMenu:
    """Hours, prompts and keys; without hours of its own the line is open when the jurisdiction lets us call."""

    id: str = "default"
    version: int = 1
    hours: tuple[CallingHours, ...] = ()
    on_holidays: HolidayRule = HolidayRule.CLOSED
    make_up_days_as_weekdays: bool = True
    greeting: tuple[str, ...] = ("greeting",)
    notice: str = "recording_notice"
    choices: tuple[str, ...] = ("inbound_choices",)
    closed: tuple[str, ...] = ("closed_now",)
    keys: Mapping[str, MenuAction] = field(default_factory=lambda: {"0": MenuAction.PERSON, "1": MenuAction.CALL_BACK})

    def __post_init__(self) -> None:
        if not self.greeting or not self.closed:
            raise ValueError(f"inbound menu {self.id}: whoever rings hears who we are, and when closed that we are")
        if self.keys.get(PERSON_KEY) is not MenuAction.PERSON:
            raise ValueError(f"inbound menu {self.id}: key {PERSON_KEY} brings a person; give it `person`")
        if REFUSAL_KEY in self.keys:
            raise ValueError(f"inbound menu {self.id}: key {REFUSAL_KEY} refuses the recording; take another")

    @property
    def prompts(self) -> frozenset[str]:
        """Every prompt that it names."""
        return frozenset({*self.greeting, self.notice, *self.choices, *self.closed})


DEFAULT_MENU = InboundMenu()


def is_open(
    menu: InboundMenu, profile: Profile, zone: str, now: datetime, days: Mapping[date, DayKind] | None = None
) -> bool:
    """True if somebody may be there to take a caller: by the menu's hours, holidays and make-up days."""
    if not menu.hours:
        return within_hours(profile, zone, now)
    staffed = replace(
        profile,
        hours=menu.hours,
        outer_hours=(),
        noon_rest=None,
        on_holidays={Purpose.CARE: menu.on_holidays},
        make_up_days_as_weekdays=menu.make_up_days_as_weekdays,
    )
    return within_hours(staffed, zone, now, Callee(purpose=Purpose.CARE, days=days or {}))
