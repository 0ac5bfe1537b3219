"""The types of fields that several requests share: ids, telephone numbers, instants, page sizes."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from runtime.phone_numbers import to_e164


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise ValueError("is not an id; ids look like 1b4e28ba-2fa1-41d2-883f-0016d3cca427") from None


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is not a time zone of the IANA list; write one such as Asia/Shanghai") from None
    return value


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is before the year 1 or after 9999 in UTC; give an instant that can be told") from None


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(each) for pair in value.items() for each in pair)
        case list():
            return any(_holds_nul(each) for each in value)
        case _:
            return False


Id = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
PhoneNumber = Annotated[str, StringConstraints(max_length=40), AfterValidator(to_e164)]
"""Any usual way to write a number; stored as E.164."""
Zone = Annotated[str, AfterValidator(_zone)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


class Ask(BaseModel):
    """A request's body; a field we do not know is an error, so that a typing slip is not silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        if _holds_nul(value):
            raise ValueError("holds a NUL character, which no text of ours can; take it out")
        return value


class Answer(BaseModel):
    """An answer's body; every field is always there."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
