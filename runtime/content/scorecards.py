"""content/scorecards: what calls are judged by."""

from pydantic import Field

from followup.scorecards import CardItem, Scorecard
from runtime.content.documents import Head, Strict, Wording


class ScorecardItem(Strict):
    """One thing to judge, in words."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    weight: float = Field(ge=0, le=100)
    fatal: bool = False
    may_not_apply: bool = True
    title: Wording
    help: Wording

    def value(self) -> CardItem:
        return CardItem(code=self.code, weight=self.weight, fatal=self.fatal, may_not_apply=self.may_not_apply)


class ScorecardDocument(Head):
    title: Wording
    items: tuple[ScorecardItem, ...] = Field(min_length=1, max_length=60)

    def value(self) -> Scorecard:
        return Scorecard(id=self.id, version=self.version, items=tuple(item.value() for item in self.items))
