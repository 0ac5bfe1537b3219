"""content/attempt_policies: how often and how soon to try again."""

from datetime import time, timedelta

from pydantic import Field

from followup.outcomes import AttemptOutcome
from followup.what_next import AttemptPolicy, NextAction
from runtime.content.documents import Head


class PolicyDocument(Head):
    max_attempts: int = Field(ge=1, le=20)
    default_gap_seconds: float = Field(gt=0)
    gaps_seconds: dict[AttemptOutcome, float]
    other_day_part: bool
    day_parts: tuple[time, ...] = Field(min_length=1)
    when_exhausted: NextAction
    uncounted_limit: int = 10

    def value(self) -> AttemptPolicy:
        return AttemptPolicy(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            max_attempts=self.max_attempts,
            gaps={outcome: timedelta(seconds=seconds) for outcome, seconds in self.gaps_seconds.items()},
            default_gap=timedelta(seconds=self.default_gap_seconds),
            other_day_part=self.other_day_part,
            day_parts=tuple(sorted(self.day_parts)),
            uncounted_limit=self.uncounted_limit,
            when_exhausted=self.when_exhausted,
        )
