"""content/risk_inputs.yaml: what scores ask for, where a record is searched for it, the words beside every result."""

from collections.abc import Mapping
from string import Formatter
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from care.risk.assessing import LackReason
from care.risk.inputs import CardField, InputKind, Origin, RiskInput, Signs, Span, Weight
from care.risk.records import WithdrawalReason
from runtime.content.documents import Head, Strict, Wording

Groups = Mapping[str, tuple[str, ...]]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class SpanDocument(Strict):
    lowest: float | None = None
    highest: float | None = None

    def value(self) -> Span:
        return Span(lowest=self.lowest, highest=self.highest)


class SignsDocument(Strict):
    """Illnesses by the name of their group (content/diagnosis_groups.yaml) or the begin of their code."""

    groups: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    past_counts: bool = False

    def value(self, groups: Groups, relatives: Mapping[str, str] | None = None) -> Signs:
        unknown = sorted(set(self.groups) - set(groups))
        if unknown:
            raise ValueError(f"there is no group {', '.join(unknown)} in content/diagnosis_groups.yaml")
        return Signs(
            diagnoses=(*(begin for group in self.groups for begin in groups[group]), *self.codes),
            procedures=self.procedures,
            past_counts=self.past_counts,
            relatives=relatives or {},
        )


class WeightDocument(SignsDocument):
    points: float
    unless: tuple[str, ...] = ()


class InputDocument(Strict):
    title: Wording
    kind: InputKind
    unit: str = ""
    choices: dict[Name, Wording] = Field(default_factory=dict)
    card: CardField | None = None
    concept: str = ""
    weight: str = ""
    height: str = ""
    history: SignsDocument | None = None
    relatives: dict[str, str] = Field(default_factory=dict)  # the input's word → name of a list of relations
    medicines: tuple[str, ...] = ()
    weights: dict[Name, WeightDocument] = Field(default_factory=dict)
    visits_within_days: int | None = Field(default=None, ge=1)
    stated: bool = False
    stated_for_visit: bool = False
    plausible: SpanDocument = SpanDocument()
    absent: bool | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> "InputDocument":
        if (self.kind is InputKind.CHOICE) != bool(self.choices):
            raise ValueError("choices belong to an input of kind choice, and to no other")
        if self.absent is not None and self.kind is not InputKind.YES_NO:
            raise ValueError("absent belongs to an input of kind yes_no")
        if self.medicines and self.kind is not InputKind.YES_NO:
            raise ValueError("medicines belong to an input of kind yes_no")
        if self.stated and self.concept:
            raise ValueError("what is a result is entered as one: an input with a concept cannot be stated as well")
        if self.stated_for_visit and not self.stated:
            raise ValueError("stated_for_visit needs stated")
        if bool(self.weight) != bool(self.height):
            raise ValueError("weight and height belong together")
        unknown = sorted(set(self.relatives) - set(self.choices) - {"present"})
        if unknown:
            raise ValueError(f"choices does not have {', '.join(unknown)}")
        lost = sorted({heavier for each in self.weights.values() for heavier in each.unless} - set(self.weights))
        if lost:
            raise ValueError(f"weights does not have {', '.join(lost)}")
        return self

    def value(self, name: str, groups: Groups, relations: Mapping[str, tuple[str, ...]]) -> RiskInput:
        unknown = sorted(set(self.relatives.values()) - set(relations))
        if unknown:
            raise ValueError(f"input {name}: there is no list of relations {', '.join(unknown)}")
        words = {relation.casefold(): word for word, listed in self.relatives.items() for relation in relations[listed]}
        try:
            return RiskInput(
                name=name,
                titles=self.title.model_dump(),
                kind=self.kind,
                unit=self.unit,
                choices={word: title.model_dump() for word, title in self.choices.items()},
                card=self.card,
                concept=self.concept,
                weight=self.weight,
                height=self.height,
                signs=self.history.value(groups, words) if self.history is not None else None,
                medicines=self.medicines,
                weights=tuple(
                    Weight(name=key, signs=each.value(groups), points=each.points, unless=each.unless)
                    for key, each in self.weights.items()
                ),
                visits_within_days=self.visits_within_days,
                stated=self.stated,
                stated_for_visit=self.stated_for_visit,
                plausible=self.plausible.value(),
                absent=self.absent,
            )
        except ValueError as error:
            raise ValueError(f"input {name}: {error}") from error


class TellingDocument(Strict):
    """The request by which somebody tells a patient that a result which he was told is another now."""

    cause: str
    working_days: int = Field(ge=0, le=60)
    changed: Wording
    withdrawn: Wording

    @model_validator(mode="after")
    def _has_its_places(self) -> "TellingDocument":
        for text, places in (
            (self.changed, {"model", "before", "after"}),
            (self.withdrawn, {"model", "before", "because"}),
        ):
            for language in (text.zh, text.en):
                named = {name for _, name, _, _ in Formatter().parse(language) if name is not None}
                if named != places:
                    raise ValueError(f"the text needs the places {', '.join(sorted(places))}, and no other: {language}")
        return self


class RiskInputsDocument(Head):
    notice: Wording
    lacks: dict[LackReason, Wording]
    origins: dict[Origin, Wording]
    withdrawals: dict[WithdrawalReason, Wording]
    telling: TellingDocument
    relations: dict[str, tuple[str, ...]]
    inputs: dict[Name, InputDocument] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_all_words(self) -> "RiskInputsDocument":
        for kind, words in ((LackReason, self.lacks), (Origin, self.origins), (WithdrawalReason, self.withdrawals)):
            missing = sorted(member.value for member in kind if member not in words)
            if missing:
                raise ValueError(f"no words for {', '.join(missing)}; add them in zh and en")
        return self

    def value(self, groups: Groups) -> dict[str, RiskInput]:
        """Every input by name."""
        return {name: each.value(name, groups, self.relations) for name, each in self.inputs.items()}
