"""A house to administer: people of all roles, queues, a calendar, a roster with gaps, trunks, holds, a sealed log."""

from datetime import datetime, timedelta

from api.accounts import add_user
from db.trunks import TrunkCondition
from db.users import Role
from followup.duty import HOUSE, DutyRole, DutyShift, Substitute
from followup.parked_tasks import ParkedTask
from followup.plans import TaskMode
from followup.queues import DialStyle
from interop.calendar_source import load_calendar
from runtime.identifiers import new_id
from tests.integration.api.house import PASSWORD, QUICK_HASHER, House
from tests.support.builders import a_patient, a_queue, a_task

NAMES = (
    ("li.na", "李娜", (Role.AGENT,)),
    ("wang.fang", "王芳", (Role.AGENT,)),
    ("zhang.wei", "张伟", (Role.SUPERVISOR, Role.AGENT)),
    ("liu.yang", "刘洋", (Role.DOCTOR,)),
    ("chen.jie", "陈杰", (Role.REGISTRAR,)),
    ("aygul", "阿依古丽·买买提依明", (Role.AGENT,)),
    ("ouyang.xiuying", "欧阳秀英", (Role.REVIEWER,)),
    ("catherine", "Catherine Featherstonehaugh-Cholmondeley", (Role.AGENT, Role.SUPERVISOR, Role.DOCTOR, Role.ADMIN)),
)
DEPARTMENTS = ("心血管内科", "骨科", "内分泌与代谢病科（含糖尿病足多学科门诊）")


def seed(house: House) -> None:
    """Fill it."""
    with house.rows() as uow:
        queues = [
            a_queue(uow, name="出院随访", style=DialStyle.PREVIEW),
            a_queue(uow, name="慢病管理（糖尿病、高血压、慢阻肺联合随访）", style=DialStyle.PROGRESSIVE),
            a_queue(uow, name="预约提醒", mode=TaskMode.AUTOMATED, style=DialStyle.AGENTLESS),
        ]
        hash_of_all = QUICK_HASHER.hash(PASSWORD)
        people = [
            add_user(
                uow,
                login=login,
                display_name=name,
                password_hash=hash_of_all,
                roles=roles,
                languages=["zh", "en"],
                queues=[queue.id for queue in queues[: place % 3 + 1]],
                by=None,
                departments=DEPARTMENTS[: place % 4],
            )
            for place, (login, name, roles) in enumerate(
                (*NAMES, *((f"agent{number:02}", f"坐席{number:02}", (Role.AGENT,)) for number in range(1, 21)))
            )
        ]
        people[-1].disabled = True
        for _ in range(4):
            a_task(uow, a_patient(uow), queues[0])
        load_calendar(uow, "CN", first=uow.now.year, last=uow.now.year)
        uow.duty.add(_shift(uow.now, HOUSE, DutyRole.NURSE, hours=24, name="夜班总值", phone="+8613800001111"))
        covered = _shift(uow.now, DEPARTMENTS[0], DutyRole.DOCTOR, hours=12, name="刘洋", phone="+8613800002222")
        covered.substitutes.append(
            Substitute(
                id=new_id(),
                shift_id=covered.id,
                starts_at=uow.now,
                ends_at=uow.now + timedelta(hours=4),
                name="陈医生",
                phone="+8613800003333",
                user_id=None,
                reason="手术",
                entered_by=people[0].id,
                entered_at=uow.now,
            )
        )
        uow.duty.add(covered)
        uow.calls.heartbeat("node-1", uow.now, 6)
        uow.calls.heartbeat("node-2", uow.now - timedelta(hours=2), 0)
        uow.trunks.declare(
            "node-1",
            {
                "carrier-a": {"host": "127.0.0.1", "port": 5070, "channels": 30, "caller_ids": ["+861088886666"]},
                "carrier-b": {"host": "127.0.0.1", "port": 5071, "channels": 10},
            },
            now=uow.now,
        )
        uow.trunks.checked("node-1", "carrier-a", TrunkCondition.UP, "200 OK", now=uow.now)
        uow.trunks.checked("node-1", "carrier-b", TrunkCondition.DOWN, "no answer to SIP OPTIONS over UDP", now=uow.now)
        uow.parked.add(
            ParkedTask(
                id=new_id(),
                name="transcription.transcribe",
                subject=new_id(),
                reason="the speech model's folder is missing: /var/lib/suifang/models/base",
                times=3,
                first_parked_at=uow.now,
                parked_at=uow.now,
            )
        )
        patient = a_patient(uow)
        for number in range(60):
            uow.audit.note(
                user_id=people[number % 5].id,
                action="record_viewed",
                subject_kind="patient",
                subject=patient.id,
                patient_id=patient.id,
                detail={"part": "record"},
            )
        patient_id = patient.id
    supervisor = house.caller(Role.SUPERVISOR)
    supervisor.post(
        "/legal-holds", {"patient_id": patient_id, "case": "2026-民初-118", "reason": "患者家属提起诉讼，法院要求保全"}
    )
    with house.rows() as uow:
        uow.audit_chain.seal(limit=100_000)


def _shift(now: datetime, department: str, role: DutyRole, *, hours: int, name: str, phone: str) -> DutyShift:
    return DutyShift(
        id=new_id(),
        department=department,
        role=role,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=hours),
        name=name,
        phone=phone,
        user_id=None,
        entered_by=None,
        entered_at=now,
    )
