"""What a user sets for himself: keys of commands, language, layout of pages; and his own password."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints

from api import found
from api.accounts import change_own_password
from api.auth import typed_login_hash
from api.edge import Route, Work
from api.fields import Answer, Ask
from api.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, hash_of, is_right
from api.permissions import Everybody
from api.problems import Kind, Problem, problems
from api.routes.log_ins import not_too_often
from api.wiring import wiring_of
from db.preferences import Preferences

router = APIRouter(tags=["own account"], route_class=Route)

Command = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
Keys = Annotated[str, StringConstraints(pattern=r"^((alt|ctrl|shift|meta)\+){0,3}[a-z0-9]{1,20}$")]
Place = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,59}$")]
Setting = Annotated[str, StringConstraints(max_length=200)] | Annotated[int, Field(ge=-100_000, le=100_000)] | bool


class PreferencesAsk(Ask):
    """Everything a user has set; what he left as it comes is left out."""

    shortcuts: Annotated[dict[Command, Keys], Field(max_length=100)] = Field(default_factory=dict)
    language: Literal["zh", "en"] | None = None
    layout: Annotated[dict[Place, Setting], Field(max_length=100)] = Field(default_factory=dict)


class PreferencesAnswer(Answer):
    """What the caller has set; no language: the browser's."""

    shortcuts: dict[str, str]
    language: Literal["zh", "en"] | None
    layout: dict[str, str | int | bool]


class OwnPasswordAsk(Ask):
    """The password that holds, and the one that shall."""

    present: Annotated[str, StringConstraints(min_length=1, max_length=MAXIMUM_LENGTH)]
    wanted: Annotated[str, StringConstraints(min_length=MINIMUM_LENGTH, max_length=MAXIMUM_LENGTH)]


@router.get("/me/preferences")
def read_preferences(caller: Everybody, uow: Work) -> PreferencesAnswer:
    """What the caller has set for himself."""
    return _answer(uow.preferences.of(caller.user_id))


@router.put("/me/preferences", responses=problems(Kind.INVALID_REQUEST))
def keep_preferences(ask: PreferencesAsk, caller: Everybody, uow: Work) -> PreferencesAnswer:
    """Keep them in place of what was set before."""
    kept = Preferences(
        user_id=caller.user_id,
        shortcuts=dict(ask.shortcuts),
        language=ask.language or "",
        layout=dict(ask.layout),
        changed_at=uow.now,
    )
    uow.preferences.keep(kept)
    return _answer(kept)


@router.put(
    "/me/password",
    status_code=204,
    responses=problems(Kind.WRONG_LOG_IN, Kind.TOO_MANY_LOG_INS, Kind.UNKNOWN_USER),
)
def set_own_password(ask: OwnPasswordAsk, caller: Everybody, request: Request, uow: Work) -> None:
    """Change the caller's password; this log-in goes on."""
    user = found.user(uow, caller.user_id)
    hasher = wiring_of(request).hasher
    typed = typed_login_hash(user.login)
    not_too_often(uow, typed)
    stored = user.password_hash
    # Locked and read again: an administrator's new password is not overwritten by who knew the old one.
    if not is_right(hasher, stored, ask.present) or uow.users.lock(user).password_hash != stored:
        uow.users.add_log_in_failure(typed, uow.now)
        raise Problem.of(Kind.WRONG_LOG_IN, "present", "the present password is another one", keeps_work=True)
    change_own_password(uow, user, hash_of(hasher, ask.wanted))


def _answer(kept: Preferences | None) -> PreferencesAnswer:
    if kept is None:
        return PreferencesAnswer(shortcuts={}, language=None, layout={})
    return PreferencesAnswer.model_validate(
        {"shortcuts": kept.shortcuts, "language": kept.language or None, "layout": kept.layout}
    )
