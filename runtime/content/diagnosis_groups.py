"""content/diagnosis_groups.yaml: which ICD-10 codes make a group of illnesses that rules, scores and advice name."""

from typing import Annotated

from pydantic import Field, StringConstraints

from runtime.content.documents import Head, Strict, Wording

Begin = Annotated[str, StringConstraints(pattern=r"^[A-Z]([0-9]([0-9](\.[0-9A-Z]{1,4})?)?)?$")]


class DiagnosisGroup(Strict):
    """A group: its name in words, and how the codes of its illnesses begin."""

    title: Wording
    begins: tuple[Begin, ...] = Field(min_length=1)


class DiagnosisGroupsDocument(Head):
    groups: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")], DiagnosisGroup] = Field(
        min_length=1
    )

    def value(self) -> dict[str, tuple[str, ...]]:
        """What `care.history.groups_of` takes."""
        return {name: group.begins for name, group in self.groups.items()}
