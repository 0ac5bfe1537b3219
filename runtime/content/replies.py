"""content/replies.yaml: how values and signs are read from what patients write back, and the fixed answers."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from followup.replies import Reading, ReplyRules
from runtime.content.documents import Head, Strict, Wording

Word = Annotated[str, StringConstraints(to_lower=True, min_length=1, max_length=40)]
Words = Annotated[tuple[Word, ...], Field(min_length=1)]


class UnitDocument(Strict):
    unit: str
    written: tuple[Word, ...] = ()
    lowest: float
    highest: float


class ReadingDocument(Strict):
    code: str
    names: Words
    units: tuple[UnitDocument, ...] = Field(min_length=1)  # the first is meant where none is written

    def value(self) -> Reading:
        return Reading(
            code=self.code,
            names=self.names,
            unit=self.units[0].unit,
            units={each.unit: each.written for each in self.units},
            limits={each.unit: (each.lowest, each.highest) for each in self.units},
        )


class RepliesDocument(Head):
    readings: tuple[ReadingDocument, ...] = Field(min_length=1)
    signs: dict[str, Words]
    denials: Words
    not_now: Words
    query: Wording
    answers: dict[str, Wording]

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [name for reading in self.readings for name in reading.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"readings: {', '.join(twice)} stands there twice; a name means one thing")
        return self

    def value(self) -> ReplyRules:
        return ReplyRules(
            readings=tuple(each.value() for each in self.readings),
            signs=dict(self.signs),
            denials=self.denials,
            not_now=self.not_now,
            query=self.query.model_dump(),
            answers={code: words.model_dump() for code, words in self.answers.items()},
        )
