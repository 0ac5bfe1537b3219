"""Words that supervisors want to hear of: sets of them, on whose side, and where they were said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from followup.recordings import Channel


class KeywordSide(StrEnum):
    """Whose words count."""

    AGENT = "agent"
    PATIENT = "patient"
    BOTH = "both"

    def hears(self, channel: Channel) -> bool:
        """Whether a channel's words count."""
        return self is KeywordSide.BOTH or self.value == channel.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """One thing that may be said: `zh` is found by its sound too, `zh_exact` only as it is written."""

    code: str
    title: Mapping[str, str]
    zh: tuple[str, ...] = ()
    zh_exact: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordSet:
    """Keywords of one kind; `own` ones were written by a supervisor and replace a shipped set of the same id."""

    id: str
    version: int
    status: str  # draft, active, retired
    source: str
    title: Mapping[str, str]
    side: KeywordSide
    keywords: tuple[Keyword, ...]
    own: bool = False
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordHit:
    """A keyword said: in which set's version, on whose side, in which second, and the words."""

    set_id: str
    set_version: int
    code: str
    channel: Channel
    turn: int
    at: float
    heard: str


RETIRED = "retired"


def sets_in_use(shipped: Mapping[str, KeywordSet], own: Mapping[str, KeywordSet]) -> dict[str, KeywordSet]:
    """What is listened for: a supervisor's set in place of the shipped one, and none that was retired."""
    every = {**shipped, **own}
    return {name: every[name] for name in sorted(every) if every[name].status != RETIRED}
