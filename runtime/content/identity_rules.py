"""content/identity_rules: which facts a person has to say before anything is told him."""

from datetime import timedelta

from pydantic import Field, model_validator

from followup.identity import IdentityCheck, IdentityRisk, IdentityRule, NeededChecks
from runtime.content.documents import Head, Strict


class ChecksDocument(Strict):
    every: frozenset[IdentityCheck] = frozenset()
    some: frozenset[IdentityCheck] = frozenset()
    count: int = Field(default=0, ge=0)

    def value(self) -> NeededChecks:
        return NeededChecks(every=self.every, some=self.some, count=self.count)


class IdentityRuleDocument(Head):
    risks: dict[IdentityRisk, ChecksDocument]
    known: ChecksDocument
    known_within_days: int = Field(ge=0, le=366)

    @model_validator(mode="after")
    def _every_risk(self) -> "IdentityRuleDocument":
        missing = ", ".join(sorted(set(IdentityRisk) - set(self.risks)))
        if missing:
            raise ValueError(f"rule {self.id}: nothing is said for the risk {missing}; add it")
        return self

    def value(self) -> IdentityRule:
        return IdentityRule(
            id=self.id,
            version=self.version,
            status=self.status,
            source=self.source,
            risks={risk: checks.value() for risk, checks in self.risks.items()},
            known=self.known.value(),
            known_within=timedelta(days=self.known_within_days),
        )
