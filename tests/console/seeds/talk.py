"""Desks on the line: an agent who talks, one who looks before she dials, three with a caller, one who is free."""

from datetime import date, timedelta
from pathlib import Path

from care.patients import ContactPoint, NumberOwner
from db.alert_raising import raise_alert
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import Alert, AlertLevel, AlertSource
from followup.attempts import Attempt, AttemptState
from followup.calls import Call, CallState, Leg, LegId, LegRole
from followup.captions import Caption
from followup.duty import DutyRole, DutyShift
from followup.inbound import InboundCall, InboundId, InboundState
from followup.plans import TaskState
from followup.queues import AgentState, HeadsetKind, HeadsetState, Queue
from followup.recordings import Channel, RecordingState
from followup.transfers import DirectoryEntry, DirectoryKind
from runtime.identifiers import new_id
from tests.integration.api.house import House, Person
from tests.support.builders import (
    a_call,
    a_patient,
    a_queue,
    a_recording,
    a_task,
    an_agent,
    an_attempt,
    an_encounter,
)

SAID = (
    (Channel.AGENT, "您好，我是示范医院随访中心的王敏，这次通话会录音。", True),
    (Channel.PATIENT, "你好你好。", True),
    (Channel.AGENT, "请问您出院以后按时吃药了吗？", True),
    (Channel.PATIENT, "按时吃的，就是这两天胸口有点闷，上楼的时候", False),
)


def seed(house: House) -> None:
    """A desk for each state of the line; the log-ins are printed."""
    for what, person in desks(house).items():
        print(f"{what}: cookie {person.token}", flush=True)


def desks(house: House) -> dict[str, Person]:
    """Who sits at which desk."""
    with house.rows() as uow:
        queue = a_queue(uow, name="心内科出院随访", free_numbers=True)
        _around(uow, queue)
        queue_id = queue.id
    made = {
        what: house.person(Role.AGENT) for what in ("talking", "previewing", "offered", "answering", "gone", "free")
    }
    with house.rows() as uow:
        queue = uow.queues.get(queue_id) or queue
        _talking(uow, queue, made["talking"])
        _previewing(uow, queue, made["previewing"])
        _caller(uow, queue, made["offered"], InboundState.OFFERED)
        _caller(uow, queue, made["answering"], InboundState.CONNECTED)
        _caller(uow, queue, made["gone"], InboundState.ENDED)
    return made


def raise_alert_of(uow: UnitOfWork, attempt: Attempt, *, source: AlertSource = AlertSource.ANSWER) -> Alert:
    """A red alert of this attempt, as an answer raises it."""
    alert = Alert(
        id=new_id(),
        patient_id=attempt.patient_id,
        attempt_id=attempt.id,
        task_id=attempt.task_id,
        source=source,
        code="chest_pain",
        level=AlertLevel.RED,
        raised_at=uow.now,
        department="心内科",
        due_at=uow.now + timedelta(minutes=5),
    )
    raise_alert(uow, alert)
    return alert


def _sit(uow: UnitOfWork, person: Person, queue: Queue, state: AgentState) -> None:
    agent = uow.queues.agent_for_update(person.user_id)
    assert agent is not None
    agent.queues, agent.state, agent.state_since = [queue.id], state, uow.now - timedelta(seconds=161)
    agent.heartbeat_at = uow.now
    agent.headset, agent.headset_kind, agent.headset_state = "8001", HeadsetKind.PHONE, HeadsetState.UP
    agent.headset_wanted, agent.headset_node, agent.headset_leg_id = True, "node-1", new_id()


def _talking(uow: UnitOfWork, queue: Queue, person: Person) -> None:
    _sit(uow, person, queue, AgentState.ON_CALL)
    patient = a_patient(uow, name="李伟", sex="male", born=date(1959, 3, 4))
    patient.contact_points.append(
        ContactPoint(
            id=new_id(),
            patient_id=patient.id,
            number="+8613900001234",
            rank=2,
            owner=NumberOwner.RELATIVE,
            label="女儿",
        )
    )
    an_encounter(uow, patient, department="心内科")
    attempt = an_attempt(
        uow,
        a_task(uow, patient, queue, state=TaskState.IN_PROGRESS),
        agent_id=person.user_id,
        state=AttemptState.IN_CALL,
        wrap_up_at=None,
    )
    call = _live(uow, attempt)
    recording = a_recording(uow, call, Path("spool"), state=RecordingState.RECORDING)
    for number, (channel, text, final) in enumerate(SAID):
        uow.captions.put(
            Caption(
                id=new_id(),
                recording_id=recording.id,
                channel=channel,
                start=4.0 * number,
                end=4.0 * number + 3.5,
                text=text,
                stable=len(text) if final else 12,
                final=final,
                confidence=0.9,
            )
        )


def _live(uow: UnitOfWork, attempt: Attempt) -> Call:
    since = uow.now - timedelta(seconds=161)
    call = a_call(
        uow,
        attempt,
        state=CallState.BRIDGED,
        planned_at=since,
        answered_at=since,
        bridged_at=since,
        ended_at=None,
        end_reason=None,
        party=None,
    )
    call.legs.append(Leg(id=LegId(new_id()), call_id=call.id, role=LegRole.AGENT, answered_at=since))
    return call


def _previewing(uow: UnitOfWork, queue: Queue, person: Person) -> None:
    _sit(uow, person, queue, AgentState.RESERVED)
    an_attempt(
        uow,
        a_task(uow, a_patient(uow, name="张敏", sex="female"), queue, state=TaskState.IN_PROGRESS),
        agent_id=person.user_id,
        state=AttemptState.RESERVED,
        wrap_up_at=None,
        preview_until=uow.now + timedelta(hours=2),
    )


def _caller(uow: UnitOfWork, queue: Queue, person: Person, state: InboundState) -> None:
    _sit(
        uow,
        person,
        queue,
        {InboundState.OFFERED: AgentState.RESERVED, InboundState.CONNECTED: AgentState.ON_CALL}.get(
            state, AgentState.WRAP_UP
        ),
    )
    candidates: list[str] = [
        a_patient(uow, name=name, born=date(year, 7, 1)).id for name, year in (("王建国", 1950), ("刘桂兰", 1953))
    ]
    uow.inbound.add(
        InboundCall(
            id=InboundId(new_id()),
            leg_id=LegId(new_id()),
            node="node-1",
            caller="+8613900002288",
            candidates=[] if state is InboundState.ENDED else candidates,
            queue_id=queue.id,
            agent_id=person.user_id,
            state=state,
            rang_at=uow.now - timedelta(seconds=40),
            waiting_since=uow.now - timedelta(seconds=30),
            offered_at=uow.now - timedelta(seconds=5),
            connected_at=None if state is InboundState.OFFERED else uow.now - timedelta(seconds=3),
            ended_at=uow.now if state is InboundState.ENDED else None,
        )
    )


def _around(uow: UnitOfWork, queue: Queue) -> None:
    """Whom a call can be passed on to."""
    for name, ready in (("陈静", True), ("阿依古丽·买买提江", False)):
        colleague = an_agent(
            uow,
            queue,
            state=AgentState.AVAILABLE if ready else AgentState.BREAK,
            heartbeat_at=uow.now + timedelta(hours=12),  # her page stays open while somebody looks
        )
        user = uow.users.get(colleague.id)
        assert user is not None
        user.display_name = name
    for name, kind, number in (
        ("急诊科分诊台", DirectoryKind.DEPARTMENT, "6120"),
        ("总机", DirectoryKind.OTHER, "6000"),
    ):
        uow.transfers.add_entry(
            DirectoryEntry(id=new_id(), name=name, kind=kind, number=number, language=None, created_at=uow.now)
        )
    for role, name in ((DutyRole.NURSE, "何平"), (DutyRole.DOCTOR, "诸葛瑾瑜"), (DutyRole.HEAD, "欧阳震华")):
        uow.duty.add(
            DutyShift(
                id=new_id(),
                department="心内科",
                role=role,
                starts_at=uow.now - timedelta(hours=2),
                ends_at=uow.now + timedelta(hours=10),
                name=name,
                phone="+8613900007788",
                entered_at=uow.now,
            )
        )
