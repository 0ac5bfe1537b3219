"""content/recording_words.yaml: what is missing of a call's recording, in words."""

from typing import Self

from pydantic import model_validator

from followup.recording_gaps import GapKind
from runtime.content.documents import Head, Wording


class RecordingWordsDocument(Head):
    gaps: dict[GapKind, Wording]

    @model_validator(mode="after")
    def _all_in_words(self) -> Self:
        wordless = sorted({*GapKind} - {*self.gaps})
        if wordless:
            raise ValueError(f"no words for {', '.join(wordless)}; add them in zh and en")
        return self
