"""Desks at work: agents before, in and after a call with a patient of whom much is known, and a full worklist."""

from datetime import date, datetime, timedelta

from care.consent import Purpose
from care.history import HistoryEntry, HistoryKind
from care.observations import Observation, Setting
from care.patients import ContactPoint, NumberOwner, Patient
from care.relatives import Relative
from care.tags import Tag, TagOrigin
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.calls import CallState
from followup.notes import Note, Proposal
from followup.outcomes import AttemptOutcome
from followup.plans import Plan, PlanId, Task
from followup.queues import Agent, AgentState, DialStyle, HeadsetState, Queue
from runtime.identifiers import new_id
from scheduler.ownership import promise
from tests.integration.api.house import House, Person
from tests.support.builders import a_call, a_node, a_patient, a_queue, a_step, a_task, a_user, an_attempt, an_encounter

NAMES = (
    "李伟", "张敏", "王芳", "刘洋", "陈静", "杨光", "赵磊", "黄丽", "周杰", "吴芳", "欧阳震华",
    "阿依古丽·买买提江", "Christopher Montgomery-Fitzgerald", "诸葛瑾瑜", "孙悦", "胡军",
)  # fmt: skip
DEPARTMENTS = ("心内科", "骨科", "神经内科二病区", "普外科", "内分泌科", "呼吸与危重症医学科")


def seed(house: House) -> None:
    """One desk in each state; their cookies are printed."""
    with house.rows() as uow:
        queue = a_worklist(uow)
    for state in ("free", "preview", "calling", "identified", "wrap_up", "busy_tray"):
        print(f"work {state}: cookie {a_desk(house, queue, state).token}", flush=True)


def a_worklist(uow: UnitOfWork, many: int = 60) -> Queue:
    """A queue with tasks late, due, promised and urgent."""
    queue = a_queue(uow, name=f"出院随访 {new_id()[:4]}", style=DialStyle.PREVIEW, wrap_up_seconds=90)
    a_node(uow)
    for number in range(many):
        patient = a_patient(
            uow,
            name=NAMES[number % len(NAMES)],
            sex="female" if number % 2 else "male",
            born=date(1950 + number % 40, 1 + number % 12, 3),
        )
        an_encounter(uow, patient, department=DEPARTMENTS[number % len(DEPARTMENTS)])
        due_at = uow.now - timedelta(days=2 if number % 4 == 1 else 0, minutes=1 + number)
        task = a_task(uow, patient, queue, due_at=due_at, priority=5 if number == 7 else 50)
        task.latest_at = uow.now + timedelta(days=1)
        if number % 6 == 2:
            promise(task, uow.now + timedelta(minutes=number - 20), owner_id=None, now=uow.now)
    return queue


def a_desk(house: House, queue: Queue, state: str) -> Person:
    """An agent of this queue with her work in this state."""
    person = house.person(Role.AGENT)
    with house.rows() as uow:
        desk = seated(uow, person, queue)
        if state == "free":
            return person
        if state == "busy_tray":
            for number in range(3):
                _unsigned(uow, queue, desk, hours=number * 13)
            return person
        patient = a_known_patient(uow)
        task = a_planned_task(uow, patient, queue)
        if state == "preview":
            an_attempt(
                uow,
                task,
                agent_id=desk.id,
                state=AttemptState.RESERVED,
                wrap_up_at=None,
                preview_until=uow.now + timedelta(minutes=30),
            )
            desk.state = AgentState.RESERVED
            return person
        in_call = state != "wrap_up"
        attempt = an_attempt(
            uow,
            task,
            agent_id=desk.id,
            state=AttemptState.IN_CALL if in_call else AttemptState.WRAP_UP,
            wrap_up_at=None if in_call else uow.now,
            identity_confirmed_at=None if state == "calling" else uow.now,
        )
        ended = {"ended_at": None, "end_reason": None, "party": None} if in_call else {}
        a_call(uow, attempt, state=CallState.BRIDGED if in_call else CallState.ENDED, **ended)
        desk.state = AgentState.ON_CALL if in_call else AgentState.WRAP_UP
    return person


def seated(uow: UnitOfWork, person: Person, queue: Queue) -> Agent:
    """The agent's desk, headset up, available."""
    desk = uow.queues.agent_for_update(person.user_id)
    assert desk is not None
    desk.queues, desk.state, desk.heartbeat_at = [queue.id], AgentState.AVAILABLE, uow.now
    desk.headset_state, desk.headset_wanted, desk.headset_node = HeadsetState.UP, True, "node-1"
    uow.flush()
    return desk


def a_known_patient(uow: UnitOfWork, name: str = "李伟") -> Patient:
    """Two numbers, a daughter who may hear of appointments, allergies, tags, results, a visit, two earlier contacts."""
    patient = a_patient(uow, name=name, sex="male", born=date(1958, 3, 8), numbers=2, record_number=f"A{new_id()[:6]}")
    second: ContactPoint = patient.contact_points[1]
    second.owner, second.label = NumberOwner.RELATIVE, "李娜 (女儿)"
    an_encounter(
        uow, patient, department="心内科", ward="3病区", doctor="张建国", occurred_at=uow.now - timedelta(days=7)
    )
    uow.relatives.add(
        Relative(
            id=new_id(),
            patient_id=patient.id,
            name="李娜",
            relation="女儿",
            scope=["appointments", "symptoms"],
            consent_id=None,
            recorded_at=uow.now,
        )
    )
    for kind, said in (
        (HistoryKind.ALLERGY, "青霉素"),
        (HistoryKind.ALLERGY, "碘造影剂"),
        (HistoryKind.CONDITION, "冠心病,PCI术后"),
    ):
        uow.history.put(
            HistoryEntry(
                id=new_id(),
                patient_id=patient.id,
                kind=kind,
                name=said,
                source="hl7:HIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    nurse = a_user(uow)
    for code, zh, en in (
        ("fall-risk", "跌倒风险", "Risk of falling"),
        ("anticoagulant", "服用抗凝药", "On anticoagulants"),
    ):
        uow.tags.add(
            Tag(
                id=new_id(),
                patient_id=patient.id,
                code=code,
                origin=TagOrigin.HAND,
                title={"zh": zh, "en": en},
                reason="病区交班",
                since=uow.now,
                added_at=uow.now,
                added_by=nurse.id,
            )
        )
    _results(uow, patient, uow.now)
    earlier = a_queue(uow)
    for days in (5, 2):
        task = a_task(uow, patient, earlier, due_at=uow.now - timedelta(days=days))
        task.latest_at = uow.now - timedelta(days=days - 1)
        _closed(uow, task, days)
    return patient


def a_planned_task(uow: UnitOfWork, patient: Patient, queue: Queue) -> Task:
    """The second of three contacts of a plan whose anchor is a week ago."""
    visit = uow.patients.encounters_of(patient.id, limit=1)[0]
    plan = Plan(
        id=PlanId(new_id()),
        patient_id=patient.id,
        encounter_id=visit.id,
        template_id="PCI",
        template_version=1,
        purpose=Purpose.CARE,
        anchor_at=uow.now - timedelta(days=7),
        created_at=uow.now,
        zone="Asia/Shanghai",
        state_since=uow.now,
        steps=[
            a_step("d3"),
            a_step("d7", target="7 d", earliest="7 d", latest="9 d"),
            a_step("d30", target="30 d", earliest="28 d", latest="35 d"),
        ],
    )
    uow.plans.add(plan)
    uow.flush()
    a_task(uow, patient, queue, plan_id=plan.id, step_key="d30", due_at=uow.now + timedelta(days=23))
    task = a_task(uow, patient, queue, plan_id=plan.id, step_key="d7")
    task.latest_at = uow.now + timedelta(days=2)
    return task


def _results(uow: UnitOfWork, patient: Patient, now: datetime) -> None:
    series = {
        "systolic": (142.0, 138.0, 151.0, 147.0, 136.0, 152.0),
        "diastolic": (88.0, 84.0, 92.0, 90.0, 82.0, 94.0),
        "glucose_fasting": (7.9, 7.2, 6.8, 6.4),
        "weight": (71.0, 71.5, 72.4, 73.1),
    }
    for code, values in series.items():
        for place, value in enumerate(values):
            uow.observations.put(
                Observation(
                    id=new_id(),
                    patient_id=patient.id,
                    code=code,
                    value=value,
                    taken_at=now - timedelta(days=2 * (len(values) - place)),
                    setting=Setting.HOME,
                    source="device:home",
                    source_key=new_id(),
                    recorded_at=now,
                )
            )


def _closed(uow: UnitOfWork, task: Task, days: int) -> Attempt:
    at = uow.now - timedelta(days=days)
    attempt = an_attempt(
        uow,
        task,
        state=AttemptState.CLOSED,
        reserved_at=at,
        wrap_up_at=at,
        closed_at=at,
        decided_at=at,
        outcome=AttemptOutcome.CONNECTED_PATIENT,
        task_result="completed",
    )
    uow.notes.add(
        Note(
            id=new_id(),
            attempt_id=attempt.id,
            task_id=task.id,
            patient_id=task.patient_id,
            language="zh",
            text="患者自述无胸痛,按时服药,血压偏高。已提醒低盐饮食,每日早晚测量血压并记录,两周后复诊。",
            created_at=at,
        )
    )
    uow.flush()
    return attempt


def _unsigned(uow: UnitOfWork, queue: Queue, desk: Agent, *, hours: int) -> None:
    patient = a_patient(uow, name=NAMES[hours % len(NAMES)])
    attempt = an_attempt(
        uow,
        a_task(uow, patient, queue),
        agent_id=desk.id,
        state=AttemptState.CLOSED,
        closed_at=uow.now,
        decided_at=uow.now,
        outcome=AttemptOutcome.CONNECTED_PATIENT,
    )
    note = Note(
        id=new_id(),
        attempt_id=attempt.id,
        task_id=attempt.task_id,
        patient_id=patient.id,
        language="zh",
        text="与患者本人通话。自觉好转,按时服药。",
        created_at=uow.now - timedelta(hours=hours),
    )
    uow.notes.add(note)
    note.proposals.append(
        Proposal(
            id=new_id(),
            note_id=note.id,
            kind="symptoms",
            text="近两日夜间咳嗽",
            start=31.2,
            end=34.0,
            quote="晚上有点咳",
        )
    )
    uow.flush()
