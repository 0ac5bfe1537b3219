"""content/adherence.yaml: what counts as taking medicine as agreed, and who looks into the reasons for not doing so."""

from typing import Self

from pydantic import Field, model_validator

from care.adherence import AdherenceItems, AdherenceRoute, AdherenceRules, Helper
from runtime.content.documents import Head, Strict, Wording


class ItemsDocument(Strict):
    missed_days: str
    changed_dose: str
    stopped: str
    main_reason: str
    reason_said: str
    side_effects: str


class RouteDocument(Strict):
    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    reasons: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    helper: Helper
    working_days: int = Field(ge=0, le=30)
    text: Wording


class AdherenceDocument(Head):
    items: ItemsDocument
    missed_days_at_most: int = Field(ge=0, le=7)
    coverage_at_least: float = Field(gt=0, le=1)
    coverage_days: int = Field(ge=7)
    nothing_said: tuple[str, ...]
    cause: str  # of the request, from content/request_causes.yaml
    departments: dict[Helper, str]  # whose people help; the name as users and roster have it
    routes: tuple[RouteDocument, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _last_takes_the_rest(self) -> Self:
        rest = [route.id for route in self.routes if not route.reasons and not route.words]
        if rest != [self.routes[-1].id]:
            raise ValueError("exactly the last route has neither reasons nor words: it takes what no other knows")
        if len({route.id for route in self.routes}) != len(self.routes):
            raise ValueError("a route is named twice")
        return self

    def value(self) -> AdherenceRules:
        return AdherenceRules(
            version=self.version,
            items=AdherenceItems(**self.items.model_dump()),
            missed_days_at_most=self.missed_days_at_most,
            coverage_at_least=self.coverage_at_least,
            coverage_days=self.coverage_days,
            nothing_said=frozenset(word.casefold() for word in self.nothing_said),
            routes=tuple(
                AdherenceRoute(
                    id=route.id,
                    reasons=frozenset(route.reasons),
                    words=tuple(word.casefold() for word in route.words),
                    helper=route.helper,
                    working_days=route.working_days,
                    text={"zh": route.text.zh, "en": route.text.en},
                )
                for route in self.routes
            ),
        )
