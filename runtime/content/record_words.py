"""content/record_words.yaml: the record's own words, and what is said where there is nothing to tell."""

from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from care.conflicts import PersonField, same_name
from care.history import EntryState
from care.patients import VisitKind
from care.timeline import TimelineKind
from followup.plans import Anchor
from runtime.content.documents import Head, Strict, Wording


class NothingWords(Strict):
    """Answers that say that there is nothing; the first of each language is written where somebody chose none."""

    zh: tuple[str, ...] = Field(min_length=1)
    en: tuple[str, ...] = Field(min_length=1)


class RecordWordsDocument(Head):
    kinds: dict[TimelineKind, Wording]
    visits: dict[str, Wording]  # by kind of visit
    sources: dict[str, Wording] = Field(min_length=1)
    person: dict[PersonField, Wording]
    states: dict[EntryState, Wording]
    nothing: NothingWords

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {*TimelineKind, *PersonField, *EntryState}
        missing = sorted(needed - {*self.kinds, *self.person, *self.states})
        visits = {each.value for each in (*VisitKind, *Anchor)}
        missing += [f"visits {kind}" for kind in sorted(visits - {*self.visits})]
        if missing:
            raise ValueError(f"no words for {', '.join(missing)}; add them in zh and en")
        return self

    @cached_property
    def _nothing(self) -> frozenset[str]:
        return frozenset(same_name(word) for word in (*self.nothing.zh, *self.nothing.en))

    def says_nothing(self, answer: str) -> bool:
        """True if somebody answered that there is nothing to tell."""
        return same_name(answer).rstrip("。.") in self._nothing

    def visit_title(self, kind: str) -> Wording:
        """What a kind of visit is called; its own name where there are no words."""
        return self.visits.get(kind) or Wording(zh=kind, en=kind)

    def source_title(self, source: str) -> Wording:
        """Where something came from, in words; its own name where there are none."""
        fitting = [begin for begin in self.sources if source.startswith(begin)]
        return self.sources[max(fitting, key=len)] if fitting else Wording(zh=source, en=source)
