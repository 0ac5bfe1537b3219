"""content/medicine_names.yaml: what medicines are called, generic and brand, in Chinese and English."""

import re
from collections.abc import Collection
from typing import Annotated

from pydantic import Field, StringConstraints

from runtime.content.documents import Head, Strict

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class MedicineNames(Strict):
    """One medicine's names; the first of each language is the generic one."""

    zh: Annotated[tuple[Name, ...], Field(min_length=1)]
    en: Annotated[tuple[Name, ...], Field(min_length=1)]


class MedicineNamesDocument(Head):
    medicines: tuple[MedicineNames, ...]

    def listed(self, language: str) -> tuple[str, ...]:
        """Every name in a language."""
        return tuple(name for each in self.medicines for name in (each.zh if language == "zh" else each.en))

    def with_numerals(self) -> Collection[str]:
        """The Chinese names that look like numbers."""
        return frozenset(name for name in self.listed("zh") if re.search("[零一二两三四五六七八九十百千万]", name))
