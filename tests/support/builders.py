"""Rows for tests with harmless defaults: a patient, his visit, a queue, a task, an agent, a call, a plan template.

The database's rows are made inside a unit of work that the test commits. Every patient is synthetic and has a number
of his own that is dialable in form only.
"""

import itertools
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from care.consent import Consent, ConsentScope, Purpose
from care.patients import ContactPoint, Encounter, Patient, PatientId
from db.calendar import HospitalTime
from db.unit_of_work import UnitOfWork
from db.users import Role, User
from followup.attempts import Attempt, AttemptId, AttemptState
from followup.calendars import WorkCalendar
from followup.calls import Call, CallId, CallState, EndReason, Leg, LegId, LegRole, Party
from followup.offsets import Offset
from followup.plan_windows import LocalDays
from followup.plans import PlanTemplate, Task, TaskId, TaskMode, TaskState, TemplateStep
from followup.queues import Agent, AgentState, HeadsetState, MergeRule, Queue
from followup.recordings import Recording, RecordingState
from runtime.identifiers import new_id

HOSPITAL = HospitalTime(zone=ZoneInfo("Asia/Shanghai"), region="CN")
_OFFSETS = ("earliest", "target", "latest", "every", "until")
_numbers = itertools.count(13_800_000_000)


def a_patient(
    uow: UnitOfWork,
    *,
    scopes: Collection[ConsentScope] = (ConsentScope.PHONE, ConsentScope.AUTOMATED_PHONE, ConsentScope.RECORDING),
    purposes: Collection[Purpose] = tuple(Purpose),
    numbers: int = 1,
    **values: Any,
) -> Patient:
    """A synthetic patient who consents to everything asked of him, with `numbers` telephone numbers."""
    patient_id = PatientId(new_id())
    patient = Patient(
        **{
            "id": patient_id,
            "record_number": f"T-{patient_id[:13]}",
            "name": "测试",
            "language": "zh",
            "zone": "Asia/Shanghai",
            "synthetic": True,
            "created_at": uow.now,
            "contact_points": [
                ContactPoint(id=new_id(), patient_id=patient_id, number=f"+86{next(_numbers)}", rank=rank)
                for rank in range(1, numbers + 1)
            ],
            **values,
        }
    )
    uow.patients.add(patient)
    uow.flush()
    for purpose in purposes:
        for scope in scopes:
            uow.patients.add_consent(
                Consent(
                    id=new_id(),
                    patient_id=patient.id,
                    purpose=purpose,
                    scope=scope,
                    granted=True,
                    source="test",
                    recorded_at=uow.now - timedelta(days=1),
                )
            )
    uow.flush()
    return patient


def an_encounter(uow: UnitOfWork, patient: Patient, **values: Any) -> Encounter:
    """A discharge that has just taken place."""
    encounter = Encounter(
        **{
            "id": new_id(),
            "patient_id": patient.id,
            "department": "cardiology",
            "kind": "discharge",
            "occurred_at": uow.now,
            **values,
        }
    )
    uow.patients.add_encounter(encounter)
    uow.flush()
    return encounter


def a_queue(uow: UnitOfWork, **values: Any) -> Queue:
    """A queue of agents' calls about care, in Chinese, under the demo's attempt policy; each task has its own call."""
    queue_id = new_id()
    queue = Queue(
        **{
            "id": queue_id,
            "name": f"queue-{queue_id[:8]}",
            "mode": TaskMode.AGENT,
            "purpose": Purpose.CARE,
            "language": "zh",
            "policy": "demo",
            "merges": MergeRule.NEVER,
            "created_at": uow.now,
            **values,
        }
    )
    uow.queues.add(queue)
    uow.flush()
    return queue


def a_task(uow: UnitOfWork, patient: Patient, queue: Queue, **values: Any) -> Task:
    """A task that has waited for a minute in its queue and may be called for a day."""
    due_at = values.pop("due_at", uow.now - timedelta(minutes=1))
    task = Task(
        **{
            "id": TaskId(new_id()),
            "plan_id": None,
            "patient_id": patient.id,
            "queue_id": queue.id,
            "purpose": queue.purpose,
            "mode": queue.mode,
            "state": TaskState.QUEUED,
            "earliest_at": due_at,
            "target_at": due_at,
            "latest_at": due_at + timedelta(days=1),
            "next_attempt_at": due_at,
            "flow": "appointment_reminder" if queue.mode is TaskMode.AUTOMATED else None,
            "form": "discharge_core" if queue.mode is TaskMode.AGENT else None,
            "created_at": uow.now,
            **values,
        }
    )
    uow.plans.add_task(task)
    uow.flush()
    return task


def a_user(uow: UnitOfWork, **values: Any) -> User:
    """A user of the demo without a usable password."""
    user_id = new_id()
    user = User(
        **{
            "id": user_id,
            "login": f"user-{user_id[:8]}",
            "display_name": "测试员",
            "password_hash": "unusable",
            "roles": [Role.AGENT.value],
            "synthetic": True,
            "created_at": uow.now,
            **values,
        }
    )
    uow.users.add(user)
    uow.flush()
    return user


def an_agent(uow: UnitOfWork, *queues: Queue, node: str = "node-1", **values: Any) -> Agent:
    """An agent who can be given a call of these queues now: available, headset up on `node`, just heard from."""
    user = a_user(uow)
    agent = Agent(
        **{
            "id": user.id,
            "languages": ["zh", "en"],
            "queues": [queue.id for queue in queues],
            "state": AgentState.AVAILABLE,
            "state_since": uow.now,
            "heartbeat_at": uow.now,
            "headset": "desk-1",
            "headset_wanted": True,
            "headset_state": HeadsetState.UP,
            "headset_leg_id": new_id(),
            "headset_node": node,
            **values,
        }
    )
    uow.queues.add_agent(agent)
    uow.flush()
    return agent


def an_attempt(uow: UnitOfWork, task: Task, **values: Any) -> Attempt:
    """The first attempt of a task, whose person spoke and hung up; it waits for the agent's word."""
    patient = uow.patients.get(task.patient_id)
    assert patient is not None
    attempt = Attempt(
        **{
            "id": AttemptId(new_id()),
            "task_id": task.id,
            "patient_id": patient.id,
            "queue_id": task.queue_id,
            "agent_id": None,
            "contact_point_id": patient.contact_points[0].id,
            "number": patient.contact_points[0].number,
            "ordinal": 1,
            "state": AttemptState.WRAP_UP,
            "due_at": task.target_at,
            "reserved_at": uow.now - timedelta(minutes=1),
            "wrap_up_at": uow.now,
            **values,
        }
    )
    uow.attempts.add(attempt)
    uow.flush()
    return attempt


def a_call(uow: UnitOfWork, attempt: Attempt, **values: Any) -> Call:
    """The call of an attempt, answered, joined and ended by the patient."""
    call_id = CallId(new_id())
    call = Call(
        **{
            "id": call_id,
            "attempt_id": attempt.id,
            "patient_id": attempt.patient_id,
            "queue_id": attempt.queue_id,
            "agent_id": attempt.agent_id,
            "number": attempt.number,
            "node": "node-1",
            "state": CallState.ENDED,
            "planned_at": attempt.reserved_at,
            "answered_at": attempt.reserved_at + timedelta(seconds=10),
            "ended_at": uow.now,
            "end_reason": EndReason.HANG_UP,
            "party": Party.PATIENT,
            "legs": [Leg(id=LegId(new_id()), call_id=call_id, role=LegRole.PATIENT)],
            **values,
        }
    )
    uow.calls.add(call)
    uow.flush()
    return call


def end_call_of(uow: UnitOfWork, attempt: Attempt) -> None:
    """The line of a reserved attempt is free again: nobody is called while he is still on one of ours."""
    call = uow.calls.of_attempt(attempt.id)
    if call is not None:
        call.state, call.ended_at = CallState.ENDED, uow.now


def a_recording(uow: UnitOfWork, call: Call, spool: Path, **values: Any) -> Recording:
    """The captured recording of a call, whose files lie in `spool`."""
    recording = Recording(
        **{
            "id": new_id(),
            "call_id": call.id,
            "patient_id": call.patient_id,
            "state": RecordingState.CAPTURED,
            "spool": str(spool),
            "started_at": call.answered_at,
            **values,
        }
    )
    uow.recordings.add(recording)
    uow.flush()
    return recording


def a_node(uow: UnitOfWork, name: str = "node-1", *, free_workers: int = 4) -> str:
    """A telephony node that was heard from just now."""
    uow.calls.heartbeat(name, uow.now, free_workers)
    return name


def a_step(key: str = "call", **values: Any) -> TemplateStep:
    """A step for an agent, due at the anchor and for a day; offsets may be spans that pass, or written as `7 d`."""
    given: dict[str, Any] = {
        "key": key,
        "target": timedelta(0),
        "earliest": timedelta(0),
        "latest": timedelta(days=1),
        "mode": TaskMode.AGENT,
        "queue": "discharge",
        **values,
    }
    return TemplateStep(**{**given, **{name: an_offset(given.get(name)) for name in _OFFSETS}})


def an_offset(value: Offset | timedelta | str | None) -> Offset | None:
    """An offset, however it is said."""
    if isinstance(value, timedelta):
        return Offset.passing(value)
    return Offset.parse(value) if isinstance(value, str) else value


def local_days(zone: str = "Asia/Shanghai", calendar: WorkCalendar | None = None) -> LocalDays:
    """A clock with a calendar that knows nothing, unless one is given."""
    return LocalDays(zone=ZoneInfo(zone), calendar=calendar or WorkCalendar(region="CN"))


def a_template(*steps: TemplateStep, **values: Any) -> PlanTemplate:
    """A plan template of these steps, one if none is given."""
    return PlanTemplate(
        **{
            "id": "TEST",
            "version": 1,
            "title": "测试",
            "purpose": Purpose.CARE,
            "status": "draft",
            "source": "tests",
            "steps": steps or (a_step(),),
            **values,
        }
    )


def an_instant(text: str) -> datetime:
    """`2026-03-02 08:30` as an aware instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
