"""A campaign on real lines: node, call workers and one sipp in which each patient's line does what his number says."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from care.consent import Purpose
from db.unit_of_work import UnitsOfWork
from db.users import Role
from followup.plans import TaskMode
from runtime.settings import REPOSITORY
from scheduler.campaigns import finish_those_over
from scheduler.dialer import match_and_reserve
from scheduler.due import queue_due_tasks
from scheduler.outcomes import AttemptPolicies, decide_next_for
from telephony.call_control import Trunk
from telephony.sip.pool_settings import PoolSettings
from telephony.trunks import Trunks
from tests.integration.api.house import Asking, open_house
from tests.support.builders import a_patient, a_queue, an_encounter
from tests.support.ports import free_udp_block
from tests.support.sipp import Sipp, sipp
from tests.support.sipp_sounds import write_keys, write_voice
from tests.support.telephony_bench import CONTENT, GATE, RTP_PORTS_EACH, Place, node_at

SPEECH = REPOSITORY / "suifang" / "demo" / "speech"
WAY_TO_THE_MATTER = "*************   1   "
"""Somebody is there; hospital, machine and notice are cut short; he is the patient. A star too many asks once more."""

KINDS = ("key_0", "key_1", "key_2", "key_3", "no_key", "machine", "busy", "no_answer", "rejects", "invalid")
"""What a line does, by the last digit of its number."""

GROUPS = {
    "key_0": "wants_person",
    "key_1": "confirmed",
    "key_2": "cancelled",
    "key_3": "rebook",
    "no_key": "answered",
    "machine": "machine",
    "busy": "unreached",
    "no_answer": "unreached",
    "rejects": "unreached",
    "invalid": "wrong_number",
}


@dataclass(frozen=True, slots=True)
class ManyLines(Place):
    """A place with as many call workers as the campaign has lines."""

    lines: int = 6

    def pool(self) -> PoolSettings:
        """A worker takes more calls than usual before it is made anew: the campaign is measured, not its start."""
        return replace(
            Place.pool(self), workers_warm=self.lines, workers_max=self.lines, calls_per_worker=60, rest_seconds=1.0
        )


@dataclass(kw_only=True)
class CampaignTown:
    """The hospital that calls and the town that answers."""

    place: ManyLines
    boss: Asking
    campaign: Any
    far_end: Sipp
    failure: list[BaseException]
    turns: list[float]  # when the scheduler had looked at everything

    @property
    def told(self) -> Any:
        """The campaign as the API tells it now."""
        assert not self.failure, self.failure
        answer = self.boss.get(f"/campaigns/{self.campaign['id']}")
        assert answer.status_code == 200, answer.text
        counts = answer.json()["counts"]
        assert sum(counts["groups"].values()) == counts["size"], "every person is in one group at every moment"
        return answer.json()

    @property
    def counts(self) -> dict[str, int]:
        """People by group, those there are."""
        return {group: count for group, count in self.told["counts"]["groups"].items() if count}

    def command(self, verb: str, reason: str) -> None:
        """Start, pause, resume or stop it."""
        answer = self.boss.post(f"/campaigns/{self.campaign['id']}/{verb}", {"reason": reason})
        assert answer.status_code == 200, answer.text

    def unplaced_or_up(self) -> tuple[int, int]:
        """Calls of the campaign without an INVITE, and live ones."""
        with self.place.units() as uow:
            return len(uow.calls.unplaced(campaign_id=self.campaign["id"])), len(uow.calls.live_on("node-1"))

    def all_decided(self) -> bool:
        """Whether every try that was made is over and it is decided what follows."""
        with self.place.units() as uow:
            return not uow.attempts.live() and not uow.attempts.undecided(uow.now + timedelta(seconds=1))

    def invites(self) -> int:
        """Calls that the far end was sent, by its own trace."""
        return len({message.headers("Call-ID")[0] for message in self.far_end.messages() if message.gist == "> INVITE"})


def expected(mixture: Mapping[str, int]) -> dict[str, int]:
    """The groups that a mixture of lines comes to."""
    groups: Counter[str] = Counter()
    for kind, count in mixture.items():
        groups[GROUPS[kind]] += count
    return dict(groups)


@contextmanager
def campaign_town(
    database_url: str, broker_url: str, folder: Path, mixture: Mapping[str, int], *, lines: int, seconds: int
) -> Iterator[CampaignTown]:
    """A campaign that is written and not started; the scheduler and the node work in threads of their own."""
    _sounds(folder / "far")
    with (
        open_house(database_url, broker_url, folder, gate=GATE) as house,
        sipp(folder / "far", "patients", calls=1_000_000, echo=False, seconds=seconds) as far_end,
    ):
        trunk = Trunk(name="test", host="127.0.0.1", port=far_end.port, loopback_only=True)
        place = ManyLines(
            folder=folder,
            ports=free_udp_block(10 + RTP_PORTS_EACH * (lines + 2)),
            trunks=Trunks(patients=trunk, headsets=trunk),
            units=house.units,
            database_url=database_url,
            silence=timedelta(minutes=5),  # who presses nothing sends nothing
            screened=True,
            lines=lines,
        )
        boss = house.caller(Role.SUPERVISOR)
        campaign = _write(house.units, boss, mixture, lines)
        over, failure, turns = threading.Event(), list[BaseException](), list[float]()
        scheduler = threading.Thread(target=_schedule, args=(house.units, over, failure, turns), name="scheduler")
        with node_at(place):
            scheduler.start()
            try:
                yield CampaignTown(
                    place=place, boss=boss, campaign=campaign, far_end=far_end, failure=failure, turns=turns
                )
            finally:
                over.set()
                scheduler.join(timeout=10)


def _sounds(folder: Path) -> None:
    for key in "0123":
        # Pressed twice, because a key that falls between two prompts is lost; the second cuts the answer short.
        write_keys(folder, f"{WAY_TO_THE_MATTER}{key}  {key} # # #", name=f"keys{key}")
    write_keys(folder, WAY_TO_THE_MATTER, name="keys4")
    parts = [soundfile.read(SPEECH / name, dtype="float64")[0] for name in ("zh_voicemail_greeting.wav", "beep.wav")]
    write_voice(folder, np.concatenate(parts))


def _write(units: UnitsOfWork, boss: Asking, mixture: Mapping[str, int], lines: int) -> Any:
    people = []
    with units() as uow:
        queue = a_queue(uow, mode=TaskMode.AUTOMATED, purpose=Purpose.REMINDER, lines=lines, ring_seconds=5)
        a_queue(uow, name="agents", purpose=Purpose.REMINDER)
        kinds = [kind for kind, count in mixture.items() for _ in range(count)]
        # Spread, so that no minute has only those who ring for ever.
        for place, kind in enumerate(sorted(kinds, key=lambda each: (kinds.index(each) * 7) % 10)):
            patient = a_patient(uow)
            patient.contact_points[0].number = f"+86139{place:07d}{KINDS.index(kind)}"
            an_encounter(uow, patient, kind="appointment", occurred_at=uow.now + timedelta(days=2))
            people.append(patient.id)
        now = uow.now
        uow.commit()
    answer = boss.post(
        "/campaigns",
        {
            "name": "reminders",
            "purpose": "reminder",
            "queue_id": queue.id,
            "flow": "appointment_reminder",
            "audience": {"kind": "patients", "patient_ids": people},
            "from_at": now.isoformat(),
            "until_at": (now + timedelta(hours=8)).isoformat(),
        },
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def _schedule(units: UnitsOfWork, over: threading.Event, failure: list[BaseException], turns: list[float]) -> None:
    """What the leader does, with decisions taken in place instead of by a worker."""
    policies = AttemptPolicies(by_id=CONTENT.policies)
    try:
        while not over.wait(0.15):
            with units() as uow:
                queue_due_tasks(uow, gate=GATE, now=uow.now)
                uow.commit()
            with units() as uow:
                match_and_reserve(uow, gate=GATE, now=uow.now)
                uow.commit()
            with units() as uow:
                undecided = uow.attempts.undecided(uow.now + timedelta(seconds=1))
            for attempt_id in undecided:
                with units() as uow:
                    decide_next_for(uow, attempt_id, gate=GATE, policies=policies)
                    uow.commit()
            with units() as uow:
                finish_those_over(uow)
                uow.commit()
            turns.append(time.monotonic())
    except BaseException as error:  # noqa: BLE001 (told to the test, which fails with it)
        failure.append(error)
