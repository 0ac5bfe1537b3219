"""Accounts of local users: made, given a password, disabled; the same from the API and the command line."""

from collections.abc import Collection, Sequence

from api.desks import detach_headset
from api.visits import end_visit
from db.unit_of_work import UnitOfWork
from db.users import Role, User
from followup.closing import move_agent
from followup.queues import Agent, AgentState, AgentTrigger
from runtime.identifiers import new_id


def add_user(
    uow: UnitOfWork,
    *,
    login: str,
    display_name: str,
    password_hash: str,
    roles: Collection[Role],
    languages: Sequence[str],
    queues: Sequence[str],
    by: str | None,
    synthetic: bool = False,
    departments: Sequence[str] = (),
) -> User:
    """Save a user, with a desk if he is an agent; RowRefusedError if the login is taken. `by` None is the system."""
    user = User(
        id=new_id(),
        login=login,
        display_name=display_name,
        password_hash=password_hash,
        roles=sorted({role.value for role in roles}),
        synthetic=synthetic,
        departments=list(departments),
        created_at=uow.now,
    )
    uow.users.add(user)
    uow.flush()
    if Role.AGENT in roles:
        uow.queues.add_agent(Agent(id=user.id, languages=list(languages), queues=list(queues), state_since=uow.now))
    _audit(uow, user, "user_added", by)
    return user


def set_password(uow: UnitOfWork, user: User, password_hash: str, *, by: str | None) -> None:
    """Give a user another password; log-ins with the old one end."""
    user.password_hash = password_hash
    uow.users.end_log_ins(user.id, uow.now, "password changed")
    _audit(uow, user, "password_set", by)


def set_departments(uow: UnitOfWork, user: User, departments: Sequence[str], *, by: str) -> None:
    """Say whose alerts and requests are a user's."""
    user.departments = list(dict.fromkeys(departments))
    _audit(uow, user, "user_departments_set", by)


def disable_user(uow: UnitOfWork, user: User, *, by: str | None) -> None:
    """Lock a user out: no log-in, no headset, no visit; an open call or wrap-up stays for a supervisor to finish."""
    user.disabled = True
    uow.users.end_log_ins(user.id, uow.now, "disabled")
    end_visit(uow, user.id)
    agent = uow.queues.agent_for_update(user.id)
    if agent is not None and uow.attempts.live_of_agent(agent.id) is None:
        detach_headset(uow, agent)
        if agent.state is not AgentState.OFFLINE:
            uow.emit(move_agent(agent, AgentTrigger.GO_OFFLINE, now=uow.now, reason="disabled"))
    _audit(uow, user, "user_disabled", by)


def _audit(uow: UnitOfWork, user: User, action: str, by: str | None) -> None:
    uow.audit.note(user_id=by, action=action, subject_kind="user", subject=user.id)
