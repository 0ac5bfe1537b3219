"""Patients to look up: one well known, one of another department, one of whom nothing is known, many of one name."""

from datetime import date, timedelta

from care.consent import Consent, ConsentScope, Purpose
from care.medicines import Dispense, MedicineBasis, MedicineStatement
from care.observations import Observation, Setting
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from db.users import Role
from runtime.identifiers import new_id
from tests.console.seeds.work import a_known_patient, a_planned_task
from tests.integration.api.house import House
from tests.support.builders import a_patient, a_queue, an_encounter


def seed(house: House) -> None:
    """The known one's address is printed, then those of the others."""
    for words, patient in people(house).items():
        print(f"{words}: /patients/{patient}", flush=True)


def people(house: House) -> dict[str, str]:
    """Ids by what is to be seen."""
    with house.rows() as uow:
        known = a_known_patient(uow, name="李伟")
        a_planned_task(uow, known, a_queue(uow, name="出院随访"))
        _over_the_years(uow, known)
        _medicines(uow, known)
        uow.patients.add_consent(
            Consent(
                id=new_id(),
                patient_id=known.id,
                purpose=Purpose.CARE,
                scope=ConsentScope.RECORDING,
                granted=True,
                source="call",
                recorded_at=uow.now - timedelta(days=5),
            )
        )
        for number in range(60):
            a_patient(uow, name=f"王小明{number:02d}", sex="male", born=date(1960, 1 + number % 12, 1 + number % 28))
        unknown = a_patient(uow, name="Christopher Montgomery-Fitzgerald von Hohenlohe-Waldenburg")
        elsewhere = a_patient(uow, name="欧阳震华")
        an_encounter(uow, elsewhere, department="皮肤科")
        ids: dict[str, str] = {"known": known.id, "nothing known": unknown.id, "elsewhere": elsewhere.id}
    doctor = house.caller(Role.DOCTOR, Role.SUPERVISOR)
    begun = doctor.post(f"/patients/{ids['known']}/summaries", {"since": "2026-01-01", "until": "2026-11-01"})
    if begun.status_code < 300:
        draft = begun.json()
        body = {"conclusion": "血压控制欠佳。", "next_steps": "两周后复诊。", "version": draft["version"]}
        doctor.put(f"/summaries/{draft['id']}", body)
    doctor.post(f"/patients/{ids['known']}/goals", {"template": "blood_pressure_150_90"})
    return ids


def _over_the_years(uow: UnitOfWork, patient: Patient) -> None:
    for month in range(30):
        for code, value in (("systolic", 160 - month * 0.6 + (month % 5) * 3), ("creatinine", 88.0 + month % 7 * 4)):
            uow.observations.put(
                Observation(
                    id=new_id(),
                    patient_id=patient.id,
                    code=code,
                    value=value,
                    taken_at=uow.now - timedelta(days=900 - month * 29),
                    setting=Setting.OFFICE,
                    source="hl7:LIS",
                    source_key=new_id(),
                    recorded_at=uow.now,
                )
            )


def _medicines(uow: UnitOfWork, patient: Patient) -> None:
    for name, code, dose, schedule in (
        ("阿司匹林肠溶片", "B01AC06", "100mg", "每日一次"),
        ("瑞舒伐他汀钙片", "C10AA07", "10mg", "每晚一次"),
    ):
        uow.medicines.put(
            MedicineStatement(
                id=new_id(),
                patient_id=patient.id,
                basis=MedicineBasis.PRESCRIBED,
                code=code,
                name=name,
                dose=dose,
                schedule=schedule,
                since=(uow.now - timedelta(days=30)).date(),
                source="hl7:HIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    uow.medicines.put_dispense(
        Dispense(
            id=new_id(),
            patient_id=patient.id,
            code="B01AC06",
            name="阿司匹林肠溶片",
            dispensed_on=(uow.now - timedelta(days=30)).date(),
            days_supplied=28,
            source="hl7:HIS",
            source_key=new_id(),
            recorded_at=uow.now,
        )
    )
