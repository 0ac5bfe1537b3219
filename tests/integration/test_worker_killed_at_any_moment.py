"""A call worker killed at a random moment: the phone is always freed, the end told once, nothing dialed twice."""

import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from followup.calls import LegId, LegRole
from telephony.call_control import LegEvent, LegEventKind, OutboundLeg, Trunk, UnreachableError
from telephony.sip.control import SipCallControl
from telephony.sip.pool import WorkerPool
from telephony.sip.pooled_worker import WorkerPhase
from tests.support.call_control_bench import pool_settings
from tests.support.sip_patient import SipPatient, sip_patient
from tests.support.waiting import until

# Rings after 0.1 s, answers after 0.2 s and hangs up after 0.8 s: kills fall before, within and after the call.
PROGRAMME = "ring.answer.hangup-600"
LONGEST_CALL_SECONDS = 0.9
DIALING_SECONDS = 0.02
PATIENCE = timedelta(seconds=5)


class Trial:
    """A pool, a phone, and one call after another whose worker is killed."""

    def __init__(self, folder: Path, phone: SipPatient, chance: random.Random) -> None:
        self.events: list[LegEvent] = []
        self.pool = WorkerPool(pool_settings(folder, workers_max=3), self._take)
        self.control = SipCallControl(self.pool)
        self.phone = phone
        self.chance = chance
        self.slowest = timedelta()

    def _take(self, event: LegEvent) -> None:
        self.events.append(event)
        self.pool.acknowledge(event)

    def _dial(self, user: str) -> bool:
        """Whether the command was accepted, or at least may have been carried out."""
        leg = OutboundLeg(leg_id=LegId(user), attempt_id=user, role=LegRole.PATIENT, number=user)
        trunk = Trunk(name="phone", host=self.phone.host, port=self.phone.port, loopback_only=True)
        try:
            self.control.originate(leg, trunk)
        except UnreachableError as gone:
            return gone.anything_sent
        return True

    def kill_one(self, agent: ThreadPoolExecutor) -> None:
        """One call and one death."""
        user = f"id-{self.chance.getrandbits(40):x}.{PROGRAMME}"
        moment = self.chance.uniform(0, self.chance.choice([DIALING_SECONDS, LONGEST_CALL_SECONDS]))
        victim = until(self._idle_worker, timeout=15, what="a worker is warm")
        begun = time.monotonic()
        dialed: Future[bool] = agent.submit(self._dial, user)
        until(lambda: time.monotonic() - begun >= moment, timeout=5, what="the moment has come", every=0.001)
        killed = time.time()
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        sent = dialed.result(timeout=20)
        situation = f"{user} killed {moment:.4f} s after dialing (sent: {sent})"
        assert sent == self.pool.was_anything_sent(user), situation
        if sent:
            until(lambda: self._ends(user), timeout=8, what=f"the end is told of {situation}")
        if self.phone.saw("invited", user):
            gone = self.phone.wait_for("disconnected", user, timeout=PATIENCE.total_seconds())
            self.slowest = max(self.slowest, timedelta(seconds=float(str(gone["at"])) - killed))
            assert sent, situation
        assert len(self.phone.saw("invited", user)) <= 1, situation
        assert len(self._ends(user)) == sent, situation
        assert len({event.event_id for event in self.events}) == len(self.events), situation

    def _ends(self, user: str) -> list[LegEvent]:
        return [event for event in self.events if event.kind is LegEventKind.ENDED and event.leg_id == user]

    def _idle_worker(self) -> int:
        ready = [worker for worker in self.pool.workers() if worker.phase is WorkerPhase.READY and not worker.legs]
        return ready[0].pid if ready else 0


@contextmanager
def trial(folder: Path) -> Iterator[tuple[Trial, ThreadPoolExecutor]]:
    seed = random.randrange(2**32)  # noqa: S311 (chance, not secrecy)
    print(f"seed {seed}")
    with sip_patient(folder / "phone", {}) as phone, ThreadPoolExecutor(max_workers=1) as agent:
        one = Trial(folder, phone, random.Random(seed))  # noqa: S311
        one.pool.start()
        try:
            yield one, agent
        finally:
            one.pool.close(quit_idle=True)
        assert one.slowest < PATIENCE
        print(f"slowest phone was free {one.slowest.total_seconds():.2f} s after the death")


def test_a_few_workers_killed_at_random_moments(tmp_path: Path) -> None:
    with trial(tmp_path) as (one, agent):
        for _ in range(5):
            one.kill_one(agent)


@pytest.mark.soak
def test_workers_killed_at_random_moments_for_the_whole_soak(tmp_path: Path) -> None:
    end = time.monotonic() + 60 * float(os.environ.get("SUIFANG_SOAK_MINUTES", "1")) / 20
    killed = 0
    with trial(tmp_path) as (one, agent):
        while time.monotonic() < end:
            one.kill_one(agent)
            killed += 1
    print(f"{killed} workers killed")
