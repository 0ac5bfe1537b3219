"""Who gets what a rule has found, and that a merger takes along all that was said."""

from typing import Any

import pytest
from sqlalchemy import text

from care.adherence import Helper
from care.medicines import Dispense, MedicineBasis, MedicineStatement
from db.unit_of_work import UnitsOfWork
from db.users import Role
from followup.duty import HOUSE
from followup.proposals import ProposalKind, ProposalTrigger, TreatmentProposal, decide
from record.owners import NobodyCanHelpError, helper_for
from runtime.identifiers import new_id
from scheduler.merging import merge_patients
from tests.support.builders import a_patient, a_user, an_encounter


def test_without_a_user_nobody_is_made_up(units: UnitsOfWork) -> None:
    with units() as uow:
        for helper in Helper:
            with pytest.raises(NobodyCanHelpError, match="add a user"):
                helper_for(uow, helper, department="药剂科", patient_id=None)
        a_user(uow, roles=[Role.ADMIN.value])
        a_user(uow, roles=[Role.AGENT.value], disabled=True)
        with pytest.raises(NobodyCanHelpError):
            helper_for(uow, Helper.NURSE, department=HOUSE, patient_id=None)


def test_helpers_are_sought_by_department_then_by_role_and_a_supervisor_is_the_last(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)
        an_encounter(uow, patient, department="心内科")
        supervisor = a_user(uow, roles=[Role.SUPERVISOR.value])

        def found(helper: Helper, *, department: str = HOUSE, known: str | None = None) -> str:
            return helper_for(uow, helper, department=department, patient_id=patient.id, known=known).id

        assert {found(helper, department="药剂科") for helper in Helper} == {supervisor.id}
        elsewhere = a_user(uow, roles=[Role.DOCTOR.value], departments=["外科"])
        assert found(Helper.DOCTOR) == elsewhere.id
        own = a_user(uow, roles=[Role.DOCTOR.value], departments=["心内科"])
        assert found(Helper.DOCTOR) == own.id
        pharmacist = a_user(uow, roles=[Role.AGENT.value], departments=["药剂科"])
        assert found(Helper.PHARMACIST, department="药剂科") == pharmacist.id
        nurse = a_user(uow, roles=[Role.AGENT.value], departments=["心内科"])
        caller = a_user(uow, roles=[Role.AGENT.value])
        assert found(Helper.NURSE) == nurse.id
        assert found(Helper.NURSE, known=caller.id) == caller.id
        assert found(Helper.NURSE, known=own.id) == nurse.id  # a doctor who filled the form in is no nurse


def test_a_merger_takes_medicines_and_decided_proposals_along(units: UnitsOfWork) -> None:
    with units() as uow:
        gone, kept = a_patient(uow), a_patient(uow)
        doctor = a_user(uow, roles=[Role.DOCTOR.value])
        said: dict[str, Any] = {"patient_id": gone.id, "source": "hl7:HIS", "recorded_at": uow.now}
        uow.medicines.put(
            MedicineStatement(id=new_id(), basis=MedicineBasis.PRESCRIBED, name="阿司匹林", source_key="1", **said)
        )
        today = uow.now.date()
        uow.medicines.put_dispense(
            Dispense(
                id=new_id(),
                code="B01AC06",
                name="阿司匹林",
                dispensed_on=today,
                days_supplied=30,
                source_key="1",
                **said,
            )
        )
        one = TreatmentProposal(
            id=new_id(),
            patient_id=gone.id,
            kind=ProposalKind.OTHER,
            finding="x",
            proposal="y",
            proposed_by=doctor.id,
            proposed_at=uow.now,
            doctor_id=doctor.id,
            due_on=today,
        )
        uow.treatment_proposals.add(one)
        uow.flush()
        decide(one, ProposalTrigger.ACCEPT, text="", by=doctor.id, at=uow.now, medicine={})
        uow.commit()
    with units() as uow:
        first, second = uow.patients.get(gone.id), uow.patients.get(kept.id)
        assert first is not None
        assert second is not None
        merge_patients(uow, first, second, by=doctor.id, reason="同一人")
        uow.commit()
    with units() as uow:
        assert [each.name for each in uow.medicines.current_of(kept.id)] == ["阿司匹林"]
        assert len(uow.medicines.dispenses_of(kept.id)) == 1
        assert [each.id for each in uow.treatment_proposals.of_patient(kept.id)] == [one.id]
        assert uow.medicines.current_of(gone.id) == []


def test_the_same_statement_again_changes_nothing_and_another_supersedes(units: UnitsOfWork) -> None:
    with units() as uow:
        patient = a_patient(uow)

        def put(dose: str) -> MedicineStatement:
            return uow.medicines.put(
                MedicineStatement(
                    id=new_id(),
                    patient_id=patient.id,
                    basis=MedicineBasis.PRESCRIBED,
                    name="缬沙坦",
                    dose=dose,
                    source="hl7:HIS",
                    source_key="42",
                    recorded_at=uow.now,
                )
            )

        first = put("80 mg")
        assert put("80 mg").id == first.id
        second = put("160 mg")
        assert (second.version, [each.dose for each in uow.medicines.current_of(patient.id)]) == (2, ["160 mg"])
        assert [each.dose for each in uow.medicines.versions_of(first.id)] == ["80 mg", "160 mg"]
        uow.commit()
    with units.engine.begin() as connection:
        open_rows = connection.execute(text("SELECT count(*) FROM medicine_statements WHERE superseded_at IS NULL"))
        assert open_rows.scalar_one() == 1
