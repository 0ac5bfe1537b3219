"""content/indicators.yaml: what each indicator is called, and its definition in words."""

from typing import Self

from pydantic import model_validator

from followup.indicators import BY_CODE, Family
from runtime.content.documents import Head, Strict, Wording


class IndicatorWords(Strict):
    """An indicator's name, what stands above and below the line, and what is left out."""

    title: Wording
    numerator: Wording
    denominator: Wording
    excluded: Wording


class IndicatorsDocument(Head):
    families: dict[Family, Wording]
    indicators: dict[str, IndicatorWords]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = sorted(({*Family} - {*self.families}) | (set(BY_CODE) - set(self.indicators)))
        if missing:
            raise ValueError(f"no words for {', '.join(missing)}; add them in zh and en")
        unknown = sorted(set(self.indicators) - set(BY_CODE))
        if unknown:
            raise ValueError(f"there is no indicator {', '.join(unknown)}")
        return self
