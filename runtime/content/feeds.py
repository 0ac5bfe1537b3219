"""content/feeds and content/discharge_plans.yaml: how a sender's messages are read, which plan follows a discharge."""

import re
from typing import Literal

from pydantic import Field, field_validator

from care.observations import Setting
from runtime.content.documents import Head, Strict

ANY_SENDER = "*"
_PLACE = re.compile(r"[A-Z][A-Z0-9]{2}-\d{1,3}(\.\d{1,2})?")
Kind = Literal["record", "medical_record", "id_card", "insurance", "passport"]


class IdentifierRule(Strict):
    """What a number of one type, and of one authority where one is named, stands for."""

    type: str
    authority: str | None = None
    kind: Kind


class FeedSender(Head):
    """How the messages of a sender are read."""

    sender: str = Field(min_length=1)
    charset: str = "UTF-8"  # where MSH-18 names none
    identifiers: tuple[IdentifierRule, ...]
    number_prefix: str = ""  # of record numbers, where this sender's own are not the hospital's
    id_card: tuple[str, ...] = ()
    insurance: tuple[str, ...] = ()
    telephones: tuple[str, ...] = ()
    dialect: tuple[str, ...] = ()
    visit_number: tuple[str, ...] = ()
    department: tuple[str, ...] = ()
    departments: dict[str, str] = Field(default_factory=dict)  # a code as it is sent → how the hospital calls it
    setting: Setting = Setting.LABORATORY  # where its results are measured
    died: tuple[str, ...] = ()  # PV1-36
    unclear: tuple[str, ...] = ()
    no_plan: tuple[str, ...] = ()

    @field_validator("id_card", "insurance", "telephones", "dialect", "visit_number", "department")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            if not _PLACE.fullmatch(place):
                raise ValueError(f"{place} is no place in a message; write PID-13 or PV1-3.9")
        return value

    def kind_of(self, type_: str, authority: str) -> Kind | None:
        """What a number stands for; a rule that names the authority goes before one that does not."""
        fitting = [
            rule
            for rule in self.identifiers
            if rule.type.upper() == type_.upper() and rule.authority in (None, authority)
        ]
        named = [rule for rule in fitting if rule.authority is not None]
        return next((rule.kind for rule in (*named, *fitting)), None)


class DischargeRule(Strict):
    """A template and what a discharge must have for it."""

    template: str
    diagnoses: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()

    def fits(self, diagnosis: str, department: str) -> bool:
        """True if all that the rule names is so."""
        return (not self.diagnoses or diagnosis.upper().startswith(self.diagnoses)) and (
            not self.departments or department in self.departments
        )


class DischargePlans(Head):
    """Which plan follows what the hospital's systems tell of."""

    not_after_days: int = Field(ge=1, le=366)  # a discharge longer ago is kept, and nothing is planned for it
    rules: tuple[DischargeRule, ...]
    appointment: str | None = None

    def template_for(self, diagnosis: str, department: str) -> str | None:
        """The template of the first rule that fits."""
        return next((rule.template for rule in self.rules if rule.fits(diagnosis, department)), None)

    def templates(self) -> set[str]:
        """Every template that is named."""
        return {rule.template for rule in self.rules} | ({self.appointment} if self.appointment else set())
