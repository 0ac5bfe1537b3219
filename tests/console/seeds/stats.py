"""A hospital's last month with the worked numbers of the indicators, and the beginning of this one; all synthetic."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from care.consent import Purpose
from db.alerts import alerts
from db.attempts import attempt_tasks, attempts
from db.calls import calls
from db.inbound_calls import inbound_calls
from db.patients import contact_points, encounters, patients
from db.plans import plans, tasks
from db.quality import quality_scores
from db.requests import request_events, requests
from db.responses import responses
from db.unit_of_work import UnitOfWork
from followup.indicators import Month, month_of
from runtime.identifiers import new_id
from tests.integration.api.house import House
from tests.support.builders import a_queue, an_agent

ZONE = ZoneInfo("Asia/Shanghai")
DEPARTMENTS = ("心血管内科", "骨科", "妇产科与新生儿重症监护联合病区")
PLANS = ("PCI_CARDIAC", "JOINT_REPLACEMENT", "DISCHARGE_GENERAL")
AGENTS = ("王敏", "Alexandra Featherstonehaugh-Williamson", "李雪梅")

# Of 420 discharges: 5 died before the window, 331 completed of which 298 inside it, 37 lost, 9 refused, 38 still open.
FATES: tuple[tuple[str, int], ...] = (
    ("timely", 298),
    ("late", 33),
    ("lost", 37),
    ("refused", 9),
    ("open", 38),
    ("died", 5),
)
STARS = ((5, 140), (4, 110), (3, 30), (2, 15), (1, 5))
RECOMMEND = ((10, 180), (8, 75), (3, 45))

STATES = {
    "timely": ("completed", "completed", "connected-patient"),
    "late": ("completed", "completed", "connected-patient"),
    "lost": ("lost_to_follow_up", "lost-to-follow-up", "no-answer"),
    "refused": ("refused", "refused", "connected-patient"),
    "open": ("queued", None, "busy"),
    "died": ("cancelled", "deceased", None),
}


def seed(house: House) -> None:
    """Last month with the worked numbers; this month a smaller one, with few cases in one department."""
    with house.rows() as uow:
        month = month_of(uow.now.astimezone(ZONE).date())
        last = month_of(month.first - timedelta(days=1))
        filling = Filling(uow)
        filling.month(last, FATES)
        filling.surveys(STARS, RECOMMEND)
        filling.inbound(last, offered=80, spoken=64, soon=50)
        filling.alerts(last, red=36, amber=12)
        filling.complaints(last, 12)
        filling.scores(last, (90.0,) * 30 + (60.0,) * 8 + (0.0,) * 2)
        filling.month(month, (("timely", 40), ("late", 6), ("lost", 5), ("refused", 2), ("open", 9)), day=9)


def spread(counts: Sequence[tuple[Any, int]]) -> Iterator[Any]:
    """Each value so many times."""
    for value, times in counts:
        yield from (value for _ in range(times))


class Filling:
    """Rows put in, hundreds at once."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._session: Session = uow._session
        self.queues = [
            a_queue(uow, name="出院随访"),
            a_queue(uow, name="满意度回访（含门诊与住院患者）", purpose=Purpose.SURVEY),
        ]
        self.agents = [an_agent(uow, *self.queues) for _ in AGENTS]
        for agent, name in zip(self.agents, AGENTS, strict=True):
            user = uow.users.get(agent.id)
            assert user is not None
            user.display_name = name
        uow.flush()
        self._number = 0
        self._tasks: list[dict[str, Any]] = []

    def month(self, month: Month, fates: Sequence[tuple[str, int]], *, day: int = 10) -> None:
        """Discharges of a month with what came of their follow-ups, whose windows close on `day`."""
        closes = _at(month.first.replace(day=day), 20)
        rows: dict[Table, list[dict[str, Any]]] = {
            table: [] for table in (patients, contact_points, encounters, plans, tasks, attempts, attempt_tasks, calls)
        }
        self._tasks = []
        for place, fate in enumerate(spread(fates)):
            self._discharge(rows, place, fate, closes)
        for table, lines in rows.items():
            if lines:
                self._session.execute(insert(table), lines)
        self._tasks = rows[tasks]

    def surveys(self, stars: Sequence[tuple[int, int]], recommend: Sequence[tuple[int, int]]) -> None:
        """Answers of patients of the last month put in; every tenth found one question not applicable."""
        lines = []
        for place, (task, rated, recommended) in enumerate(
            zip(self._tasks, spread(stars), spread(recommend), strict=False)
        ):
            at = task["latest_at"] - timedelta(hours=2)
            lines.append(
                {
                    "id": new_id(),
                    "form_id": "satisfaction",
                    "form_version": 1,
                    "patient_id": task["patient_id"],
                    "task_id": task["id"],
                    "state": "completed",
                    "answers": {
                        "overall": str(rated),
                        "recommend": recommended,
                        "privacy": "9" if place % 10 == 0 else "5",
                        "waiting": str(min(5, rated)),
                    },
                    "started_at": at,
                    "changed_at": at,
                    "completed_at": at,
                    "completed_by": self.agents[place % 3].id,
                    "completed_mode": "agent",
                }
            )
        self._session.execute(insert(responses), lines)

    def inbound(self, month: Month, *, offered: int, spoken: int, soon: int) -> None:
        """Callers who came to a queue, those who were answered, and answered within twenty seconds."""
        lines = []
        for place in range(offered):
            rang = _at(month.first, 9) + timedelta(hours=place * 8)
            waited = timedelta(seconds=12 if place < soon else 45)
            answered = place < spoken
            lines.append(
                {
                    "id": new_id(),
                    "leg_id": new_id(),
                    "node": "node-1",
                    "origin": "rang_us",
                    "caller": f"+86139{place:08d}",
                    "language": "zh",
                    "queue_id": self.queues[0].id,
                    "agent_id": self.agents[place % 3].id if answered else None,
                    "state": "ended",
                    "reason": "answered_by_agent" if answered else "hung_up",
                    "rang_at": rang,
                    "answered_at": rang,
                    "waiting_since": rang,
                    "connected_at": rang + waited if answered else None,
                    "ended_at": rang + waited + timedelta(minutes=2 if answered else 0),
                }
            )
        self._session.execute(insert(inbound_calls), lines)

    def alerts(self, month: Month, *, red: int, amber: int) -> None:
        """Alerts that were acknowledged, red ones after one to `red` minutes with five allowed."""
        lines = []
        for place, level in enumerate(spread((("red", red), ("amber", amber)))):
            raised = _at(month.first.replace(day=3), 9) + timedelta(hours=place)
            task = self._tasks[place]
            lines.append(
                {
                    "id": new_id(),
                    "patient_id": task["patient_id"],
                    "task_id": task["id"],
                    "department": DEPARTMENTS[place % 3],
                    "source": "transcript",
                    "code": "chest-pain",
                    "level": level,
                    "at_second": 1.0,
                    "raised_at": raised,
                    "state": "closed",
                    "due_at": raised + timedelta(minutes=5 if level == "red" else 120),
                    "acknowledged_at": raised + timedelta(minutes=1 + place % 7),
                    "acknowledged_by": self.agents[0].id,
                    "closed_at": raised + timedelta(hours=1),
                    "closed_by": self.agents[0].id,
                    "outcome": "false-alarm" if place % 6 == 0 else "seen-today",
                }
            )
        self._session.execute(insert(alerts), lines)

    def complaints(self, month: Month, count: int) -> None:
        """Complaints received on the first Monday, answered after one to `count` days with four allowed."""
        monday = next(
            day for day in (month.first + timedelta(days=ahead) for ahead in range(7)) if day.isoweekday() == 1
        )
        lines, story = [], []
        for place in range(count):
            received, replied = _at(monday, 10), _at(monday + timedelta(days=1 + place % 5), 15)
            request_id = new_id()
            lines.append(
                {
                    "id": request_id,
                    "kind": "complaint",
                    "cause": "waiting-time",
                    "departments": [DEPARTMENTS[place % 3]],
                    "text": "等候时间太长",
                    "state": "replied",
                    "received_by": self.agents[0].id,
                    "received_at": received,
                    "owner_id": self.agents[0].id,
                    "due_on": monday + timedelta(days=4),
                    "reply": "已改进",
                    "replied_at": replied,
                }
            )
            story.append({"request_id": request_id, "at": replied, "kind": "replied"})
        self._session.execute(insert(requests), lines)
        self._session.execute(insert(request_events), story)

    def scores(self, month: Month, values: Sequence[float]) -> None:
        """Scores of calls; a zero is a fatal item."""
        tried = self._session.execute(select(attempts).order_by(attempts.c.id).limit(len(values))).all()
        given = _at(month.first.replace(day=20), 9)
        self._session.execute(
            insert(quality_scores),
            [
                {
                    "id": new_id(),
                    "attempt_id": attempt.id,
                    "patient_id": attempt.patient_id,
                    "agent_id": attempt.agent_id,
                    "card": "service",
                    "card_version": 1,
                    "grader_id": self.agents[0].id,
                    "state": "given",
                    "value": value,
                    "fatal": [] if value else ["identity"],
                    "begun_at": given,
                    "changed_at": given,
                    "given_at": given,
                }
                for attempt, value in zip(tried, values, strict=True)
            ],
        )

    def _discharge(self, rows: dict[Table, list[dict[str, Any]]], place: int, fate: str, closes: datetime) -> None:
        self._number += 1
        state, outcome, came = STATES[fate]
        person, stay, plan, task = new_id(), new_id(), new_id(), new_id()
        department, queue, agent = DEPARTMENTS[place % 3], self.queues[place % 2], self.agents[place % 3]
        discharged, opened = closes - timedelta(days=7), closes - timedelta(days=3)
        rows[patients].append(
            {
                "id": person,
                "record_number": f"S-{self._number:06d}",
                "name": "测试",
                "language": "zh",
                "zone": "Asia/Shanghai",
                "synthetic": True,
                "created_at": discharged,
                "deceased_at": opened - timedelta(days=1) if fate == "died" else None,
            }
        )
        number = {"id": new_id(), "patient_id": person, "number": f"+86137{self._number:08d}"}
        rows[contact_points].append({**number, "owner": "self", "quality": "unverified"})
        rows[encounters].append(
            {"id": stay, "patient_id": person, "department": department, "kind": "discharge", "occurred_at": discharged}
        )
        rows[plans].append(
            {
                "id": plan,
                "patient_id": person,
                "encounter_id": stay,
                "template_id": PLANS[place % 3],
                "template_version": 1,
                "purpose": "care",
                "anchor_at": discharged,
                "created_at": discharged,
                "zone": "Asia/Shanghai",
                "state": "running",
                "state_since": discharged,
            }
        )
        rows[tasks].append(
            {
                "id": task,
                "plan_id": plan,
                "patient_id": person,
                "queue_id": queue.id,
                "purpose": "care",
                "mode": "agent",
                "state": state,
                "priority": 50,
                "earliest_at": opened,
                "target_at": opened,
                "latest_at": closes,
                "next_attempt_at": opened,
                "outcome": outcome,
                "created_at": discharged,
            }
        )
        if came is not None:
            self._tries(rows, rows[tasks][-1], number, agent.id, came, late=fate == "late", times=1 + place % 3)

    def _tries(
        self,
        rows: dict[Table, list[dict[str, Any]]],
        task: dict[str, Any],
        number: dict[str, Any],
        agent_id: str,
        came: str,
        *,
        late: bool,
        times: int,
    ) -> None:
        """So many attempts, of which the last one came to `came` and the others were not answered."""
        for ordinal, outcome in enumerate((*islice(cycle(("no-answer", "busy")), times - 1), came), start=1):
            begun = (task["latest_at"] if late else task["earliest_at"]) + timedelta(hours=ordinal)
            spoke = outcome.startswith("connected")
            ended = begun + timedelta(seconds=200 if spoke else 40)
            attempt = new_id()
            rows[attempts].append(
                {
                    "id": attempt,
                    "task_id": task["id"],
                    "patient_id": task["patient_id"],
                    "queue_id": task["queue_id"],
                    "agent_id": agent_id,
                    "contact_point_id": number["id"],
                    "number": number["number"],
                    "ordinal": ordinal,
                    "state": "closed",
                    "due_at": task["earliest_at"],
                    "reserved_at": begun,
                    "wrap_up_at": ended if spoke else None,
                    "closed_at": ended + timedelta(seconds=60 if spoke else 0),
                    "outcome": outcome,
                    "decided_at": ended,
                }
            )
            rows[attempt_tasks].append({"attempt_id": attempt, "task_id": task["id"], "position": 0})
            rows[calls].append(
                {
                    "id": new_id(),
                    "attempt_id": attempt,
                    "patient_id": task["patient_id"],
                    "queue_id": task["queue_id"],
                    "agent_id": agent_id,
                    "number": number["number"],
                    "node": "node-1",
                    "state": "ended",
                    "planned_at": begun,
                    "invite_at": begun,
                    "answered_at": begun + timedelta(seconds=20) if spoke else None,
                    "bridged_at": begun + timedelta(seconds=20) if spoke else None,
                    "ended_at": ended,
                    "end_reason": "hang_up" if spoke else "no_answer",
                    "party": "patient",
                    "answered_by": "human" if spoke else None,
                }
            )


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZONE)
