"""Notices in the database: an agent's browser is lost, is back, is gone. Sound never waits for them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential

from db.unit_of_work import UnitOfWork, UnitsOfWork, database_is_away
from followup.events import DomainEvent, EventKind
from followup.queues import Agent, HeadsetKind, HeadsetState

log = structlog.get_logger(__name__)


class Notices:
    """Writes one after the other on a thread of its own; while the database is away they wait."""

    def __init__(self, units: UnitsOfWork, node: str) -> None:
        self._units = units
        self._node = node
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notices")

    def lost(self, agent_id: str) -> None:
        """Her sound has stopped: the node comforts her patient."""
        self._write(agent_id, _lost)

    def back(self, agent_id: str) -> None:
        """She is there again."""
        self._write(agent_id, _back)

    def gone(self, agent_id: str) -> None:
        """She did not come back: nobody rings her browser again until it offers itself anew."""
        self._write(agent_id, _gone)

    def begin(self, knows: Callable[[str], bool]) -> None:
        """After a start: browsers that the gateway does not know are wanted no more; their agents' pages come back."""
        self._thread.submit(self._in_transaction, lambda uow: self._forget_others(uow, knows))

    def close(self) -> None:
        """Write what is left, unless the database is away."""
        self._thread.shutdown(wait=False, cancel_futures=False)

    def _write(self, agent_id: str, change: Callable[[UnitOfWork, Agent], None]) -> None:
        def work(uow: UnitOfWork) -> None:
            agent = uow.queues.agent_for_update(agent_id)
            if agent is not None and agent.headset_kind is HeadsetKind.BROWSER:
                change(uow, agent)
                if agent.headset_node is not None:
                    uow.calls.wake(agent.headset_node)  # the patient waits
                uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))

        self._thread.submit(self._in_transaction, work)

    def _forget_others(self, uow: UnitOfWork, knows: Callable[[str], bool]) -> None:
        for listed in uow.queues.agents():
            agent = uow.queues.agent_for_update(listed.id)
            if (
                agent is not None
                and agent.headset_kind is HeadsetKind.BROWSER
                and agent.headset_wanted
                and agent.headset_node == self._node
                and agent.headset_state is HeadsetState.DOWN
                # Asked with the row locked: whoever has offered itself since the start is known before it is wanted.
                and not knows(agent.id)
            ):
                agent.headset_wanted, agent.headset_lost_at = False, None
                uow.emit(DomainEvent(kind=EventKind.AGENT_CHANGED, subject=agent.id))

    def _in_transaction(self, work: Callable[[UnitOfWork], None]) -> None:
        def once() -> None:
            with self._units() as uow:
                work(uow)
                uow.commit()

        try:
            Retrying(
                retry=retry_if_exception(database_is_away),
                wait=wait_exponential(multiplier=0.2, max=2.0),
                before_sleep=_say_database_away,
                reraise=True,
            )(once)
        except Exception:
            # Nobody waits for this thread's result: what went wrong is told here or never.
            log.exception("notice_failed")


def _say_database_away(state: RetryCallState) -> None:
    log.warning("database_away", tries=state.attempt_number)


def _lost(uow: UnitOfWork, agent: Agent) -> None:
    agent.headset_lost_at = uow.now


def _back(uow: UnitOfWork, agent: Agent) -> None:  # noqa: ARG001 the three share a signature
    agent.headset_lost_at = None


def _gone(uow: UnitOfWork, agent: Agent) -> None:  # noqa: ARG001
    agent.headset_wanted, agent.headset_lost_at = False, None
