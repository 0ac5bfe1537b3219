"""Opening the synthetic hospital: users, queues, patients, and the plans whose tasks fall due at once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher

from api.accounts import add_user, set_password
from api.passwords import hash_of
from care.consent import ConsentScope, Purpose
from care.patients import ContactPoint, NumberQuality
from db.unit_of_work import UnitsOfWork
from db.users import Role
from followup.plans import Anchor, TaskMode
from runtime.identifiers import new_id
from suifang.demo.client import ApiClient, RefusedByApiError
from suifang.demo.hospital import DemoPatient, DemoQueue, HospitalScript, ScriptedFollowUp
from suifang.demo.place import CALLERS_QUEUE

SUPERVISOR = "demo-supervisor"
HUMAN_SUPERVISOR, HUMAN_ADMIN = "supervisor", "admin"
"""For people at the machine; the scripted round keeps the log-in of its own, since a user has one at a time."""

TAKEN = 409
HOSPITAL_ZONE = ZoneInfo("Asia/Shanghai")
DEPARTMENT = "心内科"
DUTY_SPAN = timedelta(days=30)
TEMPLATES = {TaskMode.AGENT: "DEMO-CALL", TaskMode.AUTOMATED: "DEMO-REMINDER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCall:
    """A follow-up of this round, as script and as task."""

    script: ScriptedFollowUp
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    login: str
    display_name: str
    roles: tuple[Role, ...]
    languages: tuple[str, ...] = ()


def _people(script: HospitalScript) -> tuple[_Person, ...]:
    agents = (*script.agents, script.human)
    return (
        _Person(login=SUPERVISOR, display_name="Demo", roles=(Role.SUPERVISOR, Role.ADMIN)),
        _Person(login=HUMAN_SUPERVISOR, display_name="质控员", roles=(Role.SUPERVISOR,)),
        _Person(login=HUMAN_ADMIN, display_name="管理员", roles=(Role.ADMIN, Role.REGISTRAR)),
        _Person(login=script.supervisor.login, display_name=script.supervisor.display_name, roles=(Role.SUPERVISOR,)),
        *(
            _Person(login=agent.login, display_name=agent.display_name, roles=(Role.AGENT,), languages=agent.languages)
            for agent in agents
        ),
    )


def open_users(units: UnitsOfWork, script: HospitalScript) -> dict[str, str]:
    """The demo's people with fresh passwords: the script's own, and three for a person who tries it."""
    hasher = PasswordHasher()
    passwords = {person.login: secrets.token_urlsafe(12) for person in _people(script)}
    with units() as uow:
        for person in _people(script):
            known = uow.users.by_login(person.login)
            if known is not None:
                set_password(uow, known, hash_of(hasher, passwords[person.login]), by=None)
                continue
            add_user(
                uow,
                login=person.login,
                display_name=person.display_name,
                password_hash=hash_of(hasher, passwords[person.login]),
                roles=list(person.roles),
                languages=list(person.languages),
                queues=[],
                by=None,
                synthetic=True,
            )
        uow.commit()
    return passwords


def open_round(client: ApiClient, units: UnitsOfWork, script: HospitalScript, round_id: str) -> tuple[OwedCall, ...]:
    """Queues, patients and this round's plans, all through the API; the scripted agents serve `discharge` only."""
    queues = _queues(client, script)
    _duty(client, script, round_id)
    _assign(units, [agent.login for agent in script.agents], queues["discharge"])
    _assign(units, [script.human.login], queues[CALLERS_QUEUE])
    owed = []
    for follow_up in script.round:
        queue = next(queue for queue in script.queues if queue.name == follow_up.queue)
        patient_id = _patient(client, follow_up.record_number, follow_up.patient, queue.purpose)
        forget_last_round(units, patient_id, follow_up.patient.mobile)
        plan = _plan(client, patient_id, follow_up, queue, f"{round_id}:{follow_up.record_number}")
        owed.append(OwedCall(script=follow_up, task_id=plan["tasks"][0]["id"]))
    _open_desk(client, script, queues[CALLERS_QUEUE], round_id)
    return tuple(owed)


def _queues(client: ApiClient, script: HospitalScript) -> dict[str, str]:
    known = {queue["name"]: queue["id"] for queue in client.get("/queues")["queues"]}
    for queue in script.queues:
        if queue.name not in known:
            made = client.post(
                "/queues",
                {
                    "name": queue.name,
                    "mode": queue.mode.value,
                    "purpose": queue.purpose.value,
                    "policy": "demo",
                    "ring_seconds": queue.ring_seconds,
                    "lines": queue.lines,
                    "style": queue.style.value,
                },
            )
            known[queue.name] = made["id"]
    return known


def _duty(client: ApiClient, script: HospitalScript, round_id: str) -> None:
    """A roster for as long as the demo may serve, unless an earlier round's still holds."""
    gaps = client.get("/duty?" + urlencode({"department": DEPARTMENT}))["gaps"]
    if not gaps:
        return
    now = datetime.now(UTC)
    span = {"starts_at": (now - timedelta(hours=1)).isoformat(), "ends_at": (now + DUTY_SPAN).isoformat()}
    shifts = [{**person.model_dump(mode="json"), **span} for person in script.duty]
    client.post("/duty/shifts", {"shifts": shifts}, key=f"duty:{round_id}")


def _assign(units: UnitsOfWork, logins: Sequence[str], queue_id: str) -> None:
    with units() as uow:
        for login in logins:
            user = uow.users.by_login(login)
            agent = uow.queues.agent_for_update(user.id) if user else None
            if agent is not None:
                agent.queues = [queue_id]
        uow.commit()


def _patient(client: ApiClient, record_number: str, patient: DemoPatient, purpose: Purpose) -> str:
    try:
        made = client.post(
            "/patients",
            {
                "record_number": record_number,
                "name": patient.name,
                "language": patient.language,
                "born": patient.born.isoformat(),
                "sex": patient.sex,
                "synthetic": True,
                "contact_points": [
                    {"number": number, "rank": rank}
                    for rank, number in enumerate((patient.number, patient.mobile), start=1)
                    if number is not None
                ],
            },
        )
        patient_id = str(made["id"])
    except RefusedByApiError as refused:
        if refused.status != TAKEN:
            raise
        patient_id = _known_patient(client, record_number)
    for scope in (ConsentScope.PHONE, ConsentScope.AUTOMATED_PHONE, ConsentScope.RECORDING):
        client.post(
            f"/patients/{patient_id}/consents",
            {"purpose": purpose.value, "scope": scope.value, "granted": True, "source": "demo"},
        )
    return patient_id


def _known_patient(client: ApiClient, record_number: str) -> str:
    found = client.post("/patients/search", {"containing": record_number})["patients"]
    return next(str(patient["id"]) for patient in found if patient["record_number"] == record_number)


def forget_last_round(units: UnitsOfWork, patient_id: str, mobile: str | None) -> None:
    """An earlier round in this folder found a number wrong, or knew none of a mobile: this one begins anew."""
    with units() as uow:
        patient = uow.patients.get(patient_id)
        if patient is None:
            return
        for point in patient.contact_points:
            point.quality = NumberQuality.UNVERIFIED
        if mobile is not None and mobile not in {point.number for point in patient.contact_points}:
            patient.contact_points.append(ContactPoint(id=new_id(), patient_id=patient.id, number=mobile, rank=2))
        uow.commit()


def _plan(client: ApiClient, patient_id: str, follow_up: ScriptedFollowUp, queue: DemoQueue, key: str) -> Any:
    at = datetime.now(UTC) if follow_up.appointment is None else tomorrow_at(follow_up.appointment)
    kind = Anchor.DISCHARGE if follow_up.appointment is None else Anchor.APPOINTMENT
    encounter = client.post(
        f"/patients/{patient_id}/encounters",
        {"department": DEPARTMENT, "kind": kind.value, "occurred_at": at.isoformat()},
        key=f"encounter:{key}",
    )
    return client.post(
        "/plans",
        {"encounter_id": encounter["id"], "template": TEMPLATES[queue.mode], "purpose": queue.purpose.value},
        key=f"plan:{key}",
    )


def tomorrow_at(hour: time) -> datetime:
    """That hour of the hospital's tomorrow."""
    day = datetime.now(HOSPITAL_ZONE).date() + timedelta(days=1)
    return datetime.combine(day, hour, HOSPITAL_ZONE)


def _open_desk(client: ApiClient, script: HospitalScript, queue_id: str, round_id: str) -> None:
    now = datetime.now(UTC)
    for waiting in script.open_desk:
        patient_id = _patient(client, waiting.record_number, waiting.patient, Purpose.CARE)
        known = client.get(f"/tasks?queue_id={queue_id}&limit=200")["tasks"]
        if any(task["patient_id"] == patient_id and task["state"] in ("planned", "due", "queued") for task in known):
            continue
        client.post(
            "/tasks",
            {
                "patient_id": patient_id,
                "queue_id": queue_id,
                "purpose": Purpose.CARE.value,
                "earliest_at": now.isoformat(),
                "target_at": now.isoformat(),
                "latest_at": (now + timedelta(days=30)).isoformat(),
                "form": "discharge_core",
            },
            key=f"task:{round_id}:{waiting.record_number}",
        )
