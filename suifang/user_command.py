"""`suifang user`: local users from the command line; the password comes from a prompt or standard input, never an
argument, which every user of the machine could read.
"""

import getpass
import sys
from collections.abc import Collection, Sequence
from typing import TextIO

from argon2 import PasswordHasher

from api.accounts import add_user, disable_user, set_password
from api.passwords import hash_of
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.users import Role, User


class UserCommandError(Exception):
    """The command was not carried out; the text says why and what to do instead."""


def read_password(source: TextIO = sys.stdin) -> str:
    """A password typed twice at a terminal, or the first line of what is piped in. PasswordRefusedError comes later."""
    if not source.isatty():
        return source.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise UserCommandError("the two passwords differ; start again")
    return first


def create(
    units: UnitsOfWork,
    *,
    login: str,
    display_name: str,
    password: str,
    roles: Collection[Role],
    languages: Sequence[str] = ("zh",),
    queues: Sequence[str] = (),
    synthetic: bool = False,
    hasher: PasswordHasher | None = None,
) -> str:
    """Add a user and give his id; `queues` are names. PasswordRefusedError if the password is too short."""
    if not roles:
        raise UserCommandError(f"name at least one role: {', '.join(Role)}")
    password_hash = hash_of(hasher or PasswordHasher(), password)
    with units() as uow:
        if uow.users.by_login(login) is not None:
            raise UserCommandError(
                f"there is a user {login} already; `suifang user password {login}` changes his password"
            )
        user = add_user(
            uow,
            login=login,
            display_name=display_name,
            password_hash=password_hash,
            roles=roles,
            languages=languages,
            queues=[_queue_id(uow, name) for name in queues],
            by=None,
            synthetic=synthetic,
        )
        uow.commit()
        return user.id


def change_password(units: UnitsOfWork, *, login: str, password: str, hasher: PasswordHasher | None = None) -> None:
    """Give a user another password; whoever is logged in as him is logged out."""
    password_hash = hash_of(hasher or PasswordHasher(), password)
    with units() as uow:
        set_password(uow, _user(uow, login), password_hash, by=None)
        uow.commit()


def disable(units: UnitsOfWork, *, login: str) -> None:
    """Lock a user out at once; what he did stays."""
    with units() as uow:
        disable_user(uow, _user(uow, login), by=None)
        uow.commit()


def _user(uow: UnitOfWork, login: str) -> User:
    user = uow.users.by_login(login)
    if user is None:
        raise UserCommandError(f"there is no user {login}")
    return user


def _queue_id(uow: UnitOfWork, name: str) -> str:
    queue = uow.queues.by_name(name)
    if queue is None:
        names = ", ".join(each.name for each in uow.queues.all()) or "none yet"
        raise UserCommandError(f"there is no queue {name}; there are: {names}")
    return queue.id
