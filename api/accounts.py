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
    """Give a user another password; log-ins with the old one end, and nobody listens on by them."""
    user.password_hash = password_hash
    uow.users.end_log_ins(user.id, uow.now, "password changed")
    end_visit(uow, user.id)
    _audit(uow, user, "password_set", by)


def change_own_password(uow: UnitOfWork, user: User, password_hash: str) -> None:
    """The user's own word: the log-in from which he changes it goes on, and he has no other."""
    user.password_hash = password_hash
    _audit(uow, user, "own_password_changed", user.id)


def change_user(uow: UnitOfWork, user: User, *, display_name: str, roles: Collection[Role], by: str) -> None:
    """Another name or other roles, from the next request on. An agent's desk is made at once and stays for its past."""
    before = {"display_name": user.display_name, "roles": list(user.roles)}
    user.display_name, user.roles = display_name, sorted({role.value for role in roles})
    agent = uow.queues.agent_for_update(user.id)
    if Role.AGENT in roles and agent is None:
        uow.queues.add_agent(Agent(id=user.id, languages=["zh"], queues=[], state_since=uow.now))
    if Role.AGENT not in roles and agent is not None:
        agent.queues = []
    if Role.SUPERVISOR not in roles:
        end_visit(uow, user.id)
    changed = {
        name: [old, new]
        for name, (old, new) in {
            "display_name": (before["display_name"], user.display_name),
            "roles": (before["roles"], user.roles),
        }.items()
        if old != new
    }
    uow.audit.note(user_id=by, action="user_changed", subject_kind="user", subject=user.id, detail=changed)


def enable_user(uow: UnitOfWork, user: User, *, by: str) -> None:
    """Let a user in again, with the password he had."""
    user.disabled = False
    _audit(uow, user, "user_enabled", by)


def end_log_in(uow: UnitOfWork, user: User, *, by: str) -> None:
    """Log a user out from everywhere; what he has open stays as when his browser vanishes."""
    uow.users.end_log_ins(user.id, uow.now, "ended by an administrator")
    end_visit(uow, user.id)
    _audit(uow, user, "log_in_ended", by)


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
