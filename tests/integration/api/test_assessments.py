"""The whole assessment of a visit: it says what lacks, and is complete by forms and results that there are."""

from datetime import date, timedelta
from typing import Any

from care.observations import Observation
from db.users import Role
from runtime.identifiers import new_id
from tests.integration.api.house import CONTENT, Asking, House
from tests.support.builders import a_patient, a_queue, a_task

NEVER = CONTENT.forms["audit_c"].items[0].options[0].value
CORE = {
    "feeling": "same",
    "medicines_obtained": True,
    "missed_days": 0,
    "knows_appointment": True,
    "can_come": True,
    "knows_whom_to_call": True,
}


def fill(agent: Asking, response_id: str, answers: dict[str, Any]) -> None:
    for link_id, value in answers.items():
        given = agent.put(f"/responses/{response_id}/answers/{link_id}", {"value": value})
        assert given.status_code == 200, given.text
    done = agent.post(f"/responses/{response_id}/complete")
    assert done.status_code == 200, done.text


def test_a_visit_is_assessed_whole_when_symptoms_treatment_life_and_tests_are_there(
    house: House, agent: Asking
) -> None:
    with house.rows() as uow:
        patient = a_patient(uow, born=date(1960, 1, 1), sex="male")
        task = a_task(uow, patient, a_queue(uow))

        def measured(days_ago: int, **values: float) -> None:
            for code, value in values.items():
                uow.observations.put(
                    Observation(
                        id=new_id(),
                        patient_id=patient.id,
                        code=code,
                        value=value,
                        taken_at=uow.now - timedelta(days=days_ago),
                        source="hl7:LIS",
                        source_key=new_id(),
                        recorded_at=uow.now,
                    )
                )

        measured(3, systolic=132, diastolic=84, weight=70)
        measured(120, glucose_fasting=6.0)  # older than ninety days: to be taken again
    address = f"/tasks/{task.id}/assessments/chronic_visit"
    assert agent.get(address).json()["lacking"] == [
        "form:discharge_core",
        "form:adherence",
        "form:audit_c",
        "test:glucose_fasting",
    ]
    opened = agent.put(address).json()
    again = agent.put(address).json()

    def responses(shown: dict[str, Any]) -> dict[str, str]:
        return {
            part["form"]: part["response"]["id"]
            for section in shown["sections"]
            for part in section["forms"]
            if part["response"]
        }

    assert responses(opened) == responses(again), "begun once"
    assert set(responses(opened)) == {"discharge_core", "adherence", "audit_c"}
    agent.post(
        f"/patients/{patient.id}/medicines", {"name": "氨氯地平", "basis": "reported", "dose": "5mg", "frequency": "qd"}
    )
    forms = responses(opened)
    fill(agent, forms["discharge_core"], CORE)
    fill(agent, forms["adherence"], {"missed_days": 0, "changed_dose": False, "stopped": False})
    # He never drinks: the questions about how much do not open.
    fill(agent, forms["audit_c"], {CONTENT.forms["audit_c"].items[0].link_id: NEVER})
    shown = agent.get(address).json()
    assert (shown["complete"], shown["lacking"]) == (False, ["test:glucose_fasting"])
    with house.rows() as uow:
        measured_at = uow.now - timedelta(days=1)
        uow.observations.put(
            Observation(
                id=new_id(),
                patient_id=patient.id,
                code="glucose_fasting",
                value=7.4,
                taken_at=measured_at,
                source="hl7:LIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    whole = agent.get(address).json()
    assert whole["complete"]
    sections = {section["key"]: section for section in whole["sections"]}
    assert list(sections) == ["symptoms", "treatment", "lifestyle", "mood", "tests"]
    (adherence,) = sections["treatment"]["forms"]
    assert adherence["response"]["scores"][0]["band"] == "adherent"
    glucose = next(part for part in sections["tests"]["tests"] if part["code"] == "glucose_fasting")
    assert (glucose["result"]["value"], glucose["result"]["mark"]) == (7.4, "high")
    # What is measured after the visit changes nothing in its assessment.
    with house.rows() as uow:
        uow.observations.put(
            Observation(
                id=new_id(),
                patient_id=patient.id,
                code="systolic",
                value=190,
                taken_at=uow.now + timedelta(seconds=1),
                source="hl7:LIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    later = {part["code"]: part["result"] for part in agent.get(address).json()["sections"][-1]["tests"]}
    assert later["systolic"]["value"] == 132


def test_an_assessment_that_is_not_there_is_said_to_be_so(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
    assert agent.get(f"/tasks/{task.id}/assessments/none").json()["code"] == "unknown_assessment"
    heads = house.caller(Role.REGISTRAR).get("/assessments").json()["assessments"]
    assert [head["id"] for head in heads] == ["chronic_visit"]
