"""A patient of whom everything is known, for his own page: what he is to read, and what nobody is to read there."""

from datetime import UTC, date, datetime, timedelta

from care.advice import GivenAdvice
from care.consent import ConsentScope
from care.education import EducationPlan, LessonWay, Moment, PlannedLesson
from care.goals import Goal
from care.history import HistoryEntry, HistoryKind
from care.medicines import MedicineBasis, MedicineState, MedicineStatement
from care.observations import Observation, Setting
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from followup.notes import Note
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import a_patient, a_queue, a_task, an_attempt, an_encounter

NAME = "林秀英"
BIRTHDAY = {"month": "3", "day": "2"}
SECRETS = (
    "说话含糊",  # the note
    "依那普利",  # a medicine that was stopped
    "多吃香蕉",  # advice that was taken back
    "PHQ",
    "闷闷不乐",
    "自伤",
    "预警",
    "alert",
    "china_par",
    "张建国",  # somebody else
)
"""What stands in the record, or in somebody else's, and on nobody's page."""


def told_patient(house: House, nurse: Asking) -> Patient:
    """P2 of the requirements, a year after her discharge, with something in every part of her page."""
    with house.rows() as uow:
        patient = a_patient(
            uow, name=NAME, born=date(1954, 3, 2), sex="female", scopes=(ConsentScope.PHONE, ConsentScope.SMS)
        )
        an_encounter(uow, patient, department="心内科", occurred_at=uow.now - timedelta(days=30))
        coming = uow.now + timedelta(days=9)
        an_encounter(uow, patient, kind="appointment", department="心内科门诊", doctor="陈医生", occurred_at=coming)
        _measure(uow, patient)
        _treat(uow, patient, nurse.user_id)
        _teach(uow, patient, nurse.user_id)
        queue = a_queue(uow)
        ahead = uow.now + timedelta(days=20)
        a_task(uow, patient, queue, step_key="d30", due_at=ahead, form="adherence")
        a_task(uow, patient, queue, due_at=uow.now, form="phq9")  # of no plan: because of an alert
        core = a_task(uow, patient, queue, form="discharge_core")
        mind = a_task(uow, patient, queue, form="phq9")
        _note(uow, patient, nurse.user_id)
        other = a_patient(uow, name="张建国", born=date(1954, 3, 2))
        uow.observations.put(_result(other, "systolic", 222, "mm[Hg]", uow.now, None, None))
    answers: dict[str, object] = {
        "feeling": "better",
        "medicines_obtained": True,
        "medicines_told_back": "wrong",
        "missed_days": 2,
        "knows_appointment": True,
        "knows_whom_to_call": True,
    }
    fill(nurse, core.id, "discharge_core", answers)
    fill(nurse, mind.id, "phq9", {f"phq9_{place}": "3" for place in range(1, 10)})
    return patient


def fill(nurse: Asking, task_id: str, form: str, answers: dict[str, object]) -> str:
    """The answers of one form, as they were written on paper."""
    response_id: str = nurse.put(f"/tasks/{task_id}/responses/{form}").json()["id"]
    for link_id, value in answers.items():
        item = CONTENT.forms[form].item(link_id)
        assert item is not None
        chosen = item.options[int(value)].value if item.options and str(value).isdecimal() else value  # type: ignore[call-overload]
        saved = nurse.put(f"/responses/{response_id}/answers/{link_id}", {"value": chosen})
        assert saved.status_code == 200, saved.text
    done = nurse.post(f"/responses/{response_id}/complete")
    assert done.status_code == 200, done.text
    return response_id


def signed_summary(nurse: Asking, doctor: Asking, patient: Patient, since: date) -> dict[str, object]:
    """A stage summary of the days since, signed."""
    today = datetime.now(UTC).date() - timedelta(days=1)
    period = {"since": since.isoformat(), "until": today.isoformat()}
    draft = nurse.post(f"/patients/{patient.id}/summaries", period).json()
    words = {"version": 1, "conclusion": "血压逐步下降。", "next_steps": "继续按时服药。"}
    assert nurse.put(f"/summaries/{draft['id']}", words).status_code == 200
    signed = doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2})
    assert signed.status_code == 200, signed.text
    found: dict[str, object] = signed.json()
    return found


def _measure(uow: UnitOfWork, patient: Patient) -> None:
    at = uow.now - timedelta(days=3)
    home = {"source": "device:cuff", "setting": Setting.HOME}
    uow.observations.put(_result(patient, "systolic", 151, "mm[Hg]", at - timedelta(days=9), 90, 139, **home))
    uow.observations.put(_result(patient, "systolic", 146, "mm[Hg]", at, 90, 139, **home))
    uow.observations.put(_result(patient, "potassium", 4.21, "mmol/L", at, 3.5, 5.3))
    uow.observations.put(_result(patient, "ldl", 3.9, "mmol/L", at, None, 3.4))


def _result(
    patient: Patient,
    code: str,
    value: float,
    unit: str,
    at: datetime,
    low: float | None,
    high: float | None,
    **more: object,
) -> Observation:
    values: dict[str, object] = {
        "id": new_id(),
        "patient_id": patient.id,
        "code": code,
        "value": value,
        "unit": unit,
        "taken_at": at,
        "reference_low": low,
        "reference_high": high,
        "source": "hl7:LIS",
        "source_key": new_id(),
        "recorded_at": at,
        **more,
    }
    return Observation(**values)  # type: ignore[arg-type]


def _treat(uow: UnitOfWork, patient: Patient, user: str) -> None:
    today = uow.now.date()
    for name, state in (("苯磺酸氨氯地平片", MedicineState.ACTIVE), ("依那普利", MedicineState.STOPPED)):
        uow.medicines.put(
            MedicineStatement(
                id=new_id(),
                patient_id=patient.id,
                basis=MedicineBasis.PRESCRIBED,
                name=name,
                dose="5 mg",
                schedule="每天早上一次",
                state=state,
                since=today - timedelta(days=400),
                source="hl7:HIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    uow.goals.add(
        Goal(
            id=new_id(),
            patient_id=patient.id,
            template_id=None,
            title={"zh": "血压达标", "en": "Blood pressure on target"},
            targets=[{"code": "systolic", "comparator": "<", "value": 140}],
            readings=3,
            action={"zh": "每天早晚量血压", "en": "Measure twice a day"},
            owner_id=user,
            starts_on=today - timedelta(days=20),
            due_on=today + timedelta(days=60),
            zone="Asia/Shanghai",
            state_since=uow.now,
            set_by=user,
            set_at=uow.now,
        )
    )
    uow.history.put(
        HistoryEntry(
            id=new_id(),
            patient_id=patient.id,
            kind=HistoryKind.CONDITION,
            code="I10",
            name="原发性高血压",
            source="hl7:HIS",
            source_key=new_id(),
            recorded_at=uow.now,
        )
    )


def _teach(uow: UnitOfWork, patient: Patient, user: str) -> None:
    salt, mind = CONTENT.advice.articles["diet_salt"], CONTENT.advice.articles["mind_referral"]
    given = (
        ("diet_salt", salt.text["zh"], None),
        ("diet_nuts", "多吃香蕉", uow.now),
        ("mind_referral", mind.text["zh"], None),
    )
    for article, words, withdrawn in given:
        uow.advice.add(
            GivenAdvice(
                id=new_id(),
                patient_id=patient.id,
                article_id=article,
                article_version=1,
                language="zh",
                text=words,
                facts={},
                way=LessonWay.CALL,
                given_at=uow.now - timedelta(days=5),
                given_by=user,
                withdrawn_at=withdrawn,
            )
        )
    programme = CONTENT.education["hypertension_at_home"]
    plan_id = new_id()
    uow.education.add(
        EducationPlan(
            id=plan_id,
            patient_id=patient.id,
            programme_id=programme.id,
            programme_version=programme.version,
            moment=Moment.DISCHARGE,
            anchor_on=uow.now.date(),
            started_at=uow.now,
            started_by=user,
            lessons=[
                PlannedLesson(
                    id=new_id(),
                    plan_id=plan_id,
                    key=programme.lessons[0].key,
                    due_on=uow.now.date(),
                    given_at=uow.now,
                    given_by=user,
                    way=LessonWay.CALL,
                )
            ],
        )
    )


def _note(uow: UnitOfWork, patient: Patient, user: str) -> None:
    task = a_task(uow, patient, a_queue(uow))
    attempt = an_attempt(uow, task, outcome="connected-patient")
    uow.notes.add(
        Note(
            id=new_id(),
            attempt_id=attempt.id,
            task_id=task.id,
            patient_id=patient.id,
            language="zh",
            text="说话含糊,家属在旁代答",
            created_at=uow.now,
            signed_by=user,
            signed_at=uow.now,
        )
    )
