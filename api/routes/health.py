"""Whether this process lives, and whether it can work."""

from typing import Literal

from fastapi import APIRouter

from api.edge import Route, Work
from api.fields import Answer
from api.permissions import ANYONE

router = APIRouter(tags=["health"], route_class=Route, dependencies=[ANYONE])


class HealthAnswer(Answer):
    """It answers, so it lives."""

    state: Literal["alive"]


class ReadyAnswer(Answer):
    """The database answered."""

    state: Literal["ready"]


@router.get("/healthz")
def alive() -> HealthAnswer:
    """The process answers."""
    return HealthAnswer(state="alive")


@router.get("/readyz")
def ready(uow: Work) -> ReadyAnswer:  # noqa: ARG001 opening the unit of work is the question
    """The process can work: the database answers. 503 with the reason if not."""
    return ReadyAnswer(state="ready")
