"""Automated calls over loopback lines that a test moves by hand: who picks up listens, presses keys, or waits."""

from dataclasses import dataclass

from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.calls import Call, LegId
from followup.plans import Task, TaskState, TaskTrigger, next_task_state
from scheduler.dialer import reserve
from tests.support.switchboard import Switchboard

NOTICES = 5
"""More prompts of a tenth of a second than any flow says before it asks who is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedCall:
    """One automated call that was picked up."""

    board: Switchboard
    call_id: str
    leg: LegId

    def hears_out(self) -> None:
        """Listen to whatever is said now, to its end."""
        for _ in range(NOTICES):
            self.board.go(0.15)

    def presses(self, keys: str) -> None:
        """Hear everything out, then press these keys."""
        self.hears_out()
        for key in keys:
            self.board.press(self.leg, key)

    def waits(self, seconds: float) -> None:
        """Press nothing for so long after everything was heard."""
        self.hears_out()
        self.board.go(seconds)

    def hangs_up(self) -> None:
        """Put the phone down."""
        self.board.hang_up(self.leg)

    @property
    def heard(self) -> list[str]:
        """The prompts so far, by key."""
        return self.board.heard(self.leg)

    @property
    def call(self) -> Call:
        """Its row."""
        with self.board.units() as uow:
            call = uow.calls.get(self.call_id)
            assert call is not None
            return call

    @property
    def step(self) -> str:
        """Where its flow stands."""
        return str(self.call.flow_step).split(":")[0]

    @property
    def attempt(self) -> Attempt:
        """Its attempt."""
        with self.board.units() as uow:
            attempt = uow.attempts.get(self.call.attempt_id)
            assert attempt is not None
            return attempt


def picked_up(board: Switchboard, task: Task) -> KeyedCall:
    """Ring the task's patient; he picks up and hears the first notice."""
    with board.units() as uow:
        stored = uow.plans.task(task.id)
        assert stored is not None
        reserve(uow, task=stored, agent_id=None, node="node-1", gate=board.gate, now=uow.now)
        uow.commit()
    return answered(board, task.id)


def answered(board: Switchboard, task_id: str) -> KeyedCall:
    """The call of the task's newest attempt, which was reserved: it is dialed and picked up."""
    with board.units() as uow:
        call = uow.calls.of_attempt(uow.attempts.of_task(task_id)[-1].id)
        assert call is not None
    board.go()
    board.go(0.7)
    return KeyedCall(board=board, call_id=call.id, leg=call.legs[0].id)


def due_again(uow: UnitOfWork, task_id: str) -> Task:
    """The task after an attempt that settled nothing, as what comes next would leave it."""
    task = uow.plans.task_for_update(task_id)
    assert task is not None
    if task.state is TaskState.IN_PROGRESS:
        task.state = next_task_state(task.state, TaskTrigger.CALL_AGAIN)
    task.next_attempt_at = uow.now
    uow.flush()
    return task
