"""content/redaction.yaml: what tells a name or an address in what is said."""

from typing import Self

from pydantic import Field

from runtime.content.documents import Head, Strict
from runtime.content.medicine_names import MedicineNamesDocument


class ChineseSigns(Strict):
    """Signs of names and addresses in Chinese; the three long ones are characters side by side."""

    surnames: str = Field(min_length=1)
    surnames_told: str
    surnames_long: tuple[str, ...]
    given: str = Field(min_length=1)
    titles: tuple[str, ...] = Field(min_length=1)
    cues: tuple[str, ...] = Field(min_length=1)
    cues_weak: tuple[str, ...] = Field(min_length=1)
    spelled: tuple[str, ...]
    not_names: tuple[str, ...]
    after_name: str
    provinces: tuple[str, ...] = Field(min_length=1)
    places: tuple[str, ...] = Field(min_length=1)
    address_cues: tuple[str, ...] = Field(min_length=1)


class EnglishSigns(Strict):
    """Signs of names and addresses in English, in lower case."""

    titles: tuple[str, ...] = Field(min_length=1)
    cues: tuple[str, ...] = Field(min_length=1)
    cues_weak: tuple[str, ...] = Field(min_length=1)
    not_names: tuple[str, ...]
    streets: tuple[str, ...] = Field(min_length=1)
    address_cues: tuple[str, ...] = Field(min_length=1)


class RedactionSigns(Head):
    zh: ChineseSigns
    en: EnglishSigns

    def besides(self, medicines: MedicineNamesDocument) -> Self:
        """The same, with the names of medicines among what is nobody's name: 林 in 阿司匹林 is no surname."""
        words = {word for name in medicines.listed("en") for word in name.lower().split()}
        zh = self.zh.model_copy(update={"not_names": (*self.zh.not_names, *medicines.listed("zh"))})
        en = self.en.model_copy(update={"not_names": (*self.en.not_names, *sorted(words))})
        return self.model_copy(update={"zh": zh, "en": en})
