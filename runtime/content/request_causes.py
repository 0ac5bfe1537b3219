"""content/request_causes.yaml: what requests and complaints are about."""

from typing import Self

from pydantic import Field, model_validator

from followup.requests import RequestKind, RequestState
from runtime.content.documents import Head, Strict, Wording


class RequestCause(Strict):
    """One cause. A restricted one is kept from the department that it concerns."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{1,63}$")
    title: Wording
    restricted: bool = False


class RequestCausesDocument(Head):
    causes: tuple[RequestCause, ...] = Field(min_length=1)
    kinds: dict[RequestKind, Wording]
    states: dict[RequestState, Wording]

    @model_validator(mode="after")
    def _codes_once(self) -> Self:
        codes = [cause.code for cause in self.causes]
        if len(set(codes)) != len(codes):
            raise ValueError("a code is used twice")
        wordless = sorted({*RequestKind, *RequestState} - {*self.kinds, *self.states})
        if wordless:
            raise ValueError(f"no words for {', '.join(wordless)}; add them in zh and en")
        return self

    def by_code(self) -> dict[str, RequestCause]:
        return {cause.code: cause for cause in self.causes}
