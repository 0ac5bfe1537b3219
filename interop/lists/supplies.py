"""How long what was handed out lasts, as lists write it: whole days, or whole weeks; never a guess."""

import re

ATC = re.compile(r"[A-Z]\d\d([A-Z]([A-Z](\d\d)?)?)?")
"""A code of the Anatomical Therapeutic Chemical classification, of any of its levels from the second on."""

MOST_DAYS = 400
_WRITTEN = re.compile(r"(?P<count>\d{1,4})(?:\.0+)?\s*(?P<unit>天|日|d|day|days|周|星期|w|week|weeks)?")
_WEEKS = frozenset({"周", "星期", "w", "week", "weeks"})


def days_supplied(text: str) -> int | None:
    """The days; None if the cell does not say them. A month is none: it may be 28 days or 31."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    days = int(match["count"]) * (7 if match["unit"] in _WEEKS else 1)
    return days if days <= MOST_DAYS else None
