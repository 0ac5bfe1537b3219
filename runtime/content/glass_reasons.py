"""content/glass_reasons.yaml: why somebody outside the care team may open a record, in words."""

from typing import Self

from pydantic import model_validator

from care.care_team import GlassReason
from runtime.content.documents import Head, Wording


class GlassReasonsDocument(Head):
    reasons: dict[GlassReason, Wording]

    @model_validator(mode="after")
    def _all_in_words(self) -> Self:
        wordless = sorted({*GlassReason} - {*self.reasons})
        if wordless:
            raise ValueError(f"no words for {', '.join(wordless)}; add them in zh and en")
        return self
