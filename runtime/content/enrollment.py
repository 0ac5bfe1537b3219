"""content/enrollment.yaml: the words for cards, proofs, households and duplicates."""

from typing import Self

from pydantic import model_validator

from care.cards import CardKind, CardState
from care.duplicates import Evidence, Likeness
from care.households import HouseholdRole
from care.relatives import ProofKind
from runtime.content.documents import Head, Wording


class EnrollmentDocument(Head):
    card_kinds: dict[CardKind, Wording]
    card_states: dict[CardState, Wording]
    proofs: dict[ProofKind, Wording]
    household_roles: dict[HouseholdRole, Wording]
    likeness: dict[Likeness, Wording]
    evidence: dict[Evidence, Wording]

    @model_validator(mode="after")
    def _every_word(self) -> Self:
        wordless = sorted(
            [
                *(set(CardKind) - set(self.card_kinds)),
                *(set(CardState) - set(self.card_states)),
                *(set(ProofKind) - set(self.proofs)),
                *(set(HouseholdRole) - set(self.household_roles)),
                *(set(Likeness) - set(self.likeness)),
                *(set(Evidence) - set(self.evidence)),
            ]
        )
        if wordless:
            raise ValueError(f"no words for {', '.join(wordless)}; add them in zh and en")
        return self
