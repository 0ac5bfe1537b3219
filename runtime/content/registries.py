"""content/registries and content/assessments: who is in a programme, when he counts as managed, what a visit asks."""

from pydantic import Field

from followup.follow_up_rules import ContactWay
from runtime.content.documents import Head, Strict, Wording


class PerSpec(Strict):
    """How often somebody has to be seen in a year to be managed as the specification says, and which ways count."""

    contacts: int = Field(ge=1)
    ways: tuple[ContactWay, ...] = Field(min_length=1)


class RegistryDocument(Head):
    """A registry of one illness."""

    title: Wording
    group: str  # of content/diagnosis_groups: who is in
    topic: str  # of content/follow_up_rules: what counts as managed, and what as on target
    age_from: int | None = Field(default=None, ge=0)
    managed_ways: tuple[ContactWay, ...] = Field(min_length=1)
    per_spec: PerSpec


class TestDocument(Strict):
    """A result that belongs into the assessment, and how old it may be."""

    code: str
    within_days: int = Field(ge=1)
    needed: bool = True


class FormDocument(Strict):
    """A form that belongs into the assessment."""

    form: str
    needed: bool = True


class SectionDocument(Strict):
    """A part of an assessment."""

    key: str = Field(pattern=r"^[a-z][a-z_]{0,39}$")
    title: Wording
    forms: tuple[FormDocument, ...] = ()
    tests: tuple[TestDocument, ...] = ()
    medicines: bool = False  # what the patient takes stands beside it


class AssessmentDocument(Head):
    """A composite assessment for one visit, put together from forms and results that there are."""

    title: Wording
    sections: tuple[SectionDocument, ...] = Field(min_length=1)
