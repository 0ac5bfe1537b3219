"""content/source_ranks.yaml: whose word holds where sources differ."""

from typing import Self

from pydantic import Field, model_validator

from care.conflicts import ConflictRule, PersonField, SourcePolicy
from care.history import HistoryKind
from runtime.content.documents import Head, Strict


class PolicyDocument(Strict):
    """A rule with its ranks."""

    rule: ConflictRule
    ranks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ranked(self) -> Self:
        if self.rule is ConflictRule.RANK and not self.ranks:
            raise ValueError("the rule rank needs ranks: how the names of sources begin, the most trusted first")
        return self

    def value(self) -> SourcePolicy:
        return SourcePolicy(rule=self.rule, ranks=self.ranks)


class SourceRanksDocument(Head):
    person: dict[PersonField, PolicyDocument]
    history: dict[HistoryKind, PolicyDocument] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = sorted({*PersonField, *HistoryKind} - {*self.person, *self.history})
        if missing:
            raise ValueError(f"nothing is said for {', '.join(missing)}; add a rule")
        wrong = sorted(name for name, policy in self.person.items() if policy.rule is ConflictRule.ACTIVE)
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: the rule active is of history only; write rank or newest")
        return self

    def value(self) -> "SourceRanks":
        return SourceRanks(
            person={name: policy.value() for name, policy in self.person.items()},
            history={kind: policy.value() for kind, policy in self.history.items()},
        )


class SourceRanks(Strict):
    """The rules by field and by kind of history."""

    person: dict[PersonField, SourcePolicy]
    history: dict[HistoryKind, SourcePolicy]
