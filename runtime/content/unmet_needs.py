"""content/unmet_needs.yaml: the words for what was not met."""

from typing import Self

from pydantic import model_validator

from followup.outcomes import TaskOutcome
from followup.unmet_needs import OVERDUE, NeedKind
from runtime.content.documents import Head, Wording


class UnmetNeedsDocument(Head):
    kinds: dict[NeedKind, Wording]
    contacts: dict[str, Wording]  # why a contact did not come about
    unknown: Wording

    @model_validator(mode="after")
    def _whole(self) -> Self:
        wanted = {TaskOutcome.LOST_TO_FOLLOW_UP.value, TaskOutcome.REFUSED.value, OVERDUE}
        missing = sorted({kind.value for kind in NeedKind} - {kind.value for kind in self.kinds}) + sorted(
            wanted - set(self.contacts)
        )
        if missing:
            raise ValueError(f"no words for {', '.join(missing)}; add them in zh and en")
        return self
