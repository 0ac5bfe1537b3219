"""Requests and complaints in every state, of known and unknown persons, with a talk they were heard in."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from db.users import Role
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt

SAID = (
    ("complaint", "waiting-time", "超声检查等了两小时四十分钟，也没有人告诉我们还要等多久。", ("超声科",)),
    ("request", "report", "想复印住院病历，请问带什么证件，几点可以办。", ("病案室",)),
    ("complaint", "cost", "出院结算单上的护理费用看不懂，希望有人解释一下每一项是什么。", ("住院收费处", "心内科")),
    ("praise", "thanks", "感谢三病区的李护士，每天都来看我母亲。", ()),
    ("dispute", "treatment", "术后伤口一直不好，我们要求说明原因。", ("普外科",)),
    ("complaint", "attitude", "The clerk would not look at us and sent us away.", ("门诊部",)),
)
STEPS: tuple[tuple[dict[str, Any], ...], ...] = (
    (),
    ({"step": "accept"},),
    ({"step": "accept"}, {"step": "assign"}),
    ({"step": "accept"}, {"step": "assign"}, {"step": "investigate"}),
    (
        {"step": "accept"},
        {"step": "assign"},
        {"step": "investigate"},
        {"step": "decide", "text": "查看了病程记录，已请主治医师当面说明。"},
        {"step": "reply", "text": "已电话说明，约定周四门诊复查。"},
    ),
    (
        {"step": "accept"},
        {"step": "assign"},
        {"step": "investigate"},
        {"step": "decide", "text": "The clerk was spoken to."},
        {"step": "reply", "text": "We apologised."},
        {"step": "verify", "satisfied": True},
        {"step": "close"},
    ),
)


def seed(house: House) -> None:
    """One of each, the first with a recording."""
    agent = house.caller(Role.AGENT, Role.SUPERVISOR)
    folder = Path(mkdtemp(prefix="suifang-seed-"))
    with house.rows() as uow:
        patient, queue = a_patient(uow), a_queue(uow)
        attempt = an_attempt(uow, a_task(uow, patient, queue), agent_id=agent.user_id)
        a_recording(uow, a_call(uow, attempt), folder)
    for (kind, cause, text, departments), steps in zip(SAID, STEPS, strict=True):
        tied = {"attempt_id": attempt.id, "at_second": 83.5} if kind == "dispute" else {}
        made = agent.post(
            "/requests", {"kind": kind, "cause": cause, "text": text, "departments": departments, **tied}
        ).json()
        _take(agent, made["id"], steps)


def _take(agent: Asking, request_id: str, steps: tuple[dict[str, Any], ...]) -> None:
    for step in steps:
        owner = {"owner_id": agent.user_id} if step["step"] == "assign" else {}
        answer = agent.post(f"/requests/{request_id}/steps", {**step, **owner})
        assert answer.status_code == 200, answer.text
