"""content/reports: the words of printed reports and of the pages around them, and what goes into a report."""

from collections.abc import Mapping
from string import Formatter

from pydantic import Field, model_validator

from followup.outcomes import AttemptOutcome
from runtime.content.documents import Head, Wording

OTHER_OUTCOMES = ("form-completed", "message-sent", "talked", "not-connected")


class ReportDocument(Head):
    """One kind of report."""

    large_print_from_age: int = Field(ge=0, le=150)
    most_charts: int = Field(ge=0, le=50)
    most_contacts: int = Field(ge=1, le=500)
    results_first: tuple[str, ...]
    results_left_out: tuple[str, ...]
    labels: Mapping[str, Wording]
    outcomes: Mapping[str, Wording]
    sources: Mapping[str, Wording]
    units: Mapping[str, Wording]

    @model_validator(mode="after")
    def _whole(self) -> "ReportDocument":
        missing = sorted({*(outcome.value for outcome in AttemptOutcome), *OTHER_OUTCOMES} - set(self.outcomes))
        if missing:
            raise ValueError(f"outcomes: no words for {', '.join(missing)}")
        for key, wording in self.labels.items():
            places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (wording.zh, wording.en)]
            if places[0] != places[1]:
                raise ValueError(f"labels: zh and en of {key} have different places: {places[0] ^ places[1]}")
        return self

    def label(self, key: str, language: str, **values: object) -> str:
        """One text, with its places filled in."""
        return self.labels[key].in_language(language).format(**values)

    def outcome(self, code: str, language: str) -> str:
        """What came of a contact, in words."""
        return self.outcomes[code].in_language(language) if code in self.outcomes else code

    def source_of(self, source: str, language: str) -> str:
        """Where a result comes from, in words; a source that nobody named is written as it is."""
        for begin, words in self.sources.items():
            if source.startswith(begin):
                return words.in_language(language)
        return source

    def unit(self, unit: str, language: str) -> str:
        """A unit as people write it."""
        return self.units[unit].in_language(language) if unit in self.units else unit
