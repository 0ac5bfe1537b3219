"""A hospital in which a scenario is played on a day of its choosing: API, scheduler and telephone node, one clock.

Everything is the real thing but the telephones (scripted lines in memory) and the hour. A step of the scheduler is
taken when the test says so; the node works in its own thread.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from db.gate import Gate
from db.unit_of_work import UnitOfWork, UnitsOfWork
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.calls import Call, CallState
from followup.dialing_rules import Mode
from followup.inbound import InboundRules
from followup.plans import Task
from followup.ports import Voice
from followup.queues import Agent
from runtime.content.library import Content
from runtime.routing import tasks_for
from runtime.settings import REPOSITORY
from scheduler.dialer import NODE_HEARTBEAT_LIMIT, match_and_reserve
from scheduler.due import close_past_windows, queue_due_tasks
from scheduler.outcomes import AttemptPolicies, decide_next_for
from telephony.line_script import LineScript
from telephony.trunks import Trunks
from tests.integration.api.house import Asking, House, open_house
from tests.support.loopback_bench import LoopbackPlace, loopback_node, put_on_headset
from tests.support.waiting import until

HOSPITAL_ZONE = ZoneInfo("Asia/Shanghai")
CONTENT = Content(REPOSITORY / "content")
_TURNS_AT_MOST = 50


class MovedClock:
    """The database's clock, set to another day; it goes on from there."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self, instant: datetime) -> datetime:
        return instant + self.offset


def in_hospital_time(text: str) -> datetime:
    """An instant written as the hospital's clock shows it, as "2026-11-22 09:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=HOSPITAL_ZONE).astimezone(UTC)


@dataclass(kw_only=True)
class Scenario:
    """What a test holds in its hands. `follow_ups` are Celery tasks by name, run in place with an event's subject."""

    house: House
    place: LoopbackPlace
    clock: MovedClock
    gate: Gate
    policies: AttemptPolicies
    follow_ups: dict[str, Callable[[str], object]] = field(default_factory=dict)

    @property
    def units(self) -> UnitsOfWork:
        """Units of work whose `now` is the scenario's."""
        return self.house.units

    @property
    def now(self) -> datetime:
        """The scenario's instant."""
        with self.units() as uow:
            return uow.now

    @contextmanager
    def rows(self) -> Iterator[UnitOfWork]:
        """A unit of work that is committed at the end."""
        with self.units() as uow:
            yield uow
            uow.commit()

    def ask(self, *roles: Role) -> Asking:
        """Requests of a new user with these roles, logged in at the scenario's hour."""
        return self.house.caller(*roles)

    def move_to(self, text: str) -> None:
        """Set the clock to this hour of the hospital; the node has been heard from since, agents have not."""
        self.clock.offset += in_hospital_time(text) - self.now
        until(self._node_lives, timeout=10, what="the node has said that it lives")

    def _node_lives(self) -> bool:
        with self.units() as uow:
            return bool(uow.calls.living_nodes(uow.now - NODE_HEARTBEAT_LIMIT))

    def seat(self, agent_id: str, number: str) -> Agent:
        """The agent at her desk, headset up, heard from just now."""
        return put_on_headset(self.place, agent_id, number)

    def heard_from(self, agent_id: str) -> None:
        """The agent's console is open at this hour."""
        with self.rows() as uow:
            agent = uow.queues.agent_for_update(agent_id)
            assert agent is not None
            agent.heartbeat_at = uow.now + timedelta(seconds=30)

    def turn(self) -> int:
        """Let the scheduler do everything there is to do at this instant; how many things it did."""
        done = 0
        for _ in range(_TURNS_AT_MOST):
            step = self._look_at_tasks() + self._decide() + self._follow_up()
            done += step
            if not step:
                return done
        raise AssertionError(f"the scheduler still finds work after {_TURNS_AT_MOST} turns of one instant")

    def _look_at_tasks(self) -> int:
        with self.rows() as uow:
            closed = close_past_windows(uow, policies=self.policies, now=uow.now)
        with self.rows() as uow:
            queued = queue_due_tasks(uow, gate=self.gate, now=uow.now)
        with self.rows() as uow:
            return closed + queued + match_and_reserve(uow, gate=self.gate, now=uow.now)

    def _decide(self) -> int:
        with self.units() as uow:
            undecided = uow.attempts.undecided(uow.now + timedelta(seconds=1))
        for attempt_id in undecided:
            with self.rows() as uow:
                decide_next_for(uow, attempt_id, gate=self.gate, policies=self.policies)
        return len(undecided)

    def _follow_up(self) -> int:
        with self.rows() as uow:
            rows = [(row.id, row.kind, row.subject) for row in uow.outbox.unpublished()]
            uow.outbox.mark_published([row[0] for row in rows], uow.now)
        done = 0
        for _, kind, subject in rows:
            for name in tasks_for(kind):
                if name in self.follow_ups:
                    self.follow_ups[name](subject)
                    done += 1
        return done

    def call_of(self, task: Task) -> Call:
        """The call of the task's newest attempt."""
        with self.units() as uow:
            call = uow.calls.of_attempt(self._newest(uow, task).id)
            assert call is not None
            return call

    def attempt_of(self, task: Task) -> Attempt:
        """The task's newest attempt."""
        with self.units() as uow:
            return self._newest(uow, task)

    @staticmethod
    def _newest(uow: UnitOfWork, task: Task) -> Attempt:
        attempts = uow.attempts.of_task(task.id)
        assert attempts, "the task was never tried"
        return attempts[-1]

    def bridged(self, task: Task) -> Call:
        """The task's call once patient and agent hear each other."""
        return self.place.wait_for(self.call_of(task).id, CallState.BRIDGED)

    def ended(self, task: Task) -> Call:
        """The task's call once it is over."""
        return self.place.wait_for(self.call_of(task).id, CallState.ENDED)

    def closed(self, task: Task) -> Attempt:
        """The task's newest attempt once it is closed."""
        until(lambda: self.attempt_of(task).state is AttemptState.CLOSED, timeout=10, what="the attempt is closed")
        return self.attempt_of(task)


@contextmanager
def scenario(
    database_url: str,
    broker_url: str,
    folder: Path,
    *,
    starts: str,
    jurisdiction: str = "cn",
    phones: Mapping[str, LineScript] | None = None,
    trunks: Trunks | None = None,
    voice: Voice | None = None,
    inbound: InboundRules | None = None,
) -> Iterator[Scenario]:
    """A hospital at the hour `starts`; `phones` say what the lines of numbers do, others pick up.

    `voice` speaks in place of the shipped prompts, where a test does not wait for them to be heard out. With
    `inbound` the node takes callers.
    """
    clock = MovedClock()
    gate = Gate(
        mode=Mode.DEMO, profile=CONTENT.jurisdictions[jurisdiction], trunk_is_loopback=True, allow_list=frozenset()
    )
    with (
        open_house(database_url, broker_url, folder, gate=gate, clock=clock) as house,
        loopback_node(
            house.units, database_url, folder, phones, gate=gate, trunks=trunks, voice=voice, inbound=inbound
        ) as place,
    ):
        played = Scenario(
            house=house, place=place, clock=clock, gate=gate, policies=AttemptPolicies(by_id=CONTENT.policies)
        )
        played.move_to(starts)
        yield played
