"""content/inbound: the hours of the line that patients ring, what is said, and what keys do."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from followup.calling_hours import HolidayRule
from followup.inbound_menu import InboundMenu, MenuAction
from runtime.content.documents import Head
from runtime.content.jurisdictions import HoursDocument

Key = Annotated[str, BeforeValidator(str), Field(pattern=r"^[0-9*#]$")]


class InboundMenuDocument(Head):
    hours: tuple[HoursDocument, ...] = ()
    on_holidays: HolidayRule = HolidayRule.CLOSED
    make_up_days: Literal["as_weekdays", "as_they_are"] = "as_weekdays"
    greeting: tuple[str, ...] = ("greeting",)
    notice: str = "recording_notice"
    choices: tuple[str, ...] = ("inbound_choices",)
    closed: tuple[str, ...] = ("closed_now",)
    keys: dict[Key, MenuAction]

    def value(self) -> InboundMenu:
        return InboundMenu(
            id=self.id,
            version=self.version,
            hours=tuple(span.value() for span in self.hours),
            on_holidays=self.on_holidays,
            make_up_days_as_weekdays=self.make_up_days == "as_weekdays",
            greeting=self.greeting,
            notice=self.notice,
            choices=self.choices,
            closed=self.closed,
            keys=self.keys,
        )
