"""Registries: who is in, who was managed, and the control rate as it is defined, with worked numbers."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from care.history import EntryState, HistoryEntry, HistoryKind
from care.observations import Observation, ObservationStatus, Setting
from care.patients import Patient
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.follow_up_rules import ContactWay, FollowUpResult
from followup.plans import Anchor, Plan
from runtime.embedded import Engines
from runtime.identifiers import new_id
from scheduler.planning import start_plan
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import HOSPITAL, a_patient, a_queue, a_user, an_encounter
from tests.support.scenario import MovedClock, in_hospital_time

YEAR = 2026


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    clock = MovedClock()
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("house"), clock=clock) as opened:
        with opened.units() as uow:
            clock.offset += in_hospital_time("2026-12-20 10:00") - uow.now
        yield opened


@pytest.fixture(scope="module")
def leader(house: House) -> Asking:
    return house.caller(Role.SUPERVISOR)


def on(day: str) -> datetime:
    return in_hospital_time(f"{day} 09:00")


class Programme:
    """Rows of a programme, written as their own parts write them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.uow = uow
        self.nurse = a_user(uow)
        for queue in CONTENT.queues.queues:
            a_queue(uow, name=queue.name, mode=queue.mode, purpose=queue.purpose, language=None)
        self.queues = {queue.name: queue for queue in uow.queues.all()}

    def person(self, code: str, born: date | None = date(1960, 5, 1), **more: Any) -> Patient:
        patient = a_patient(self.uow, born=born, **more)
        self.ill(patient, code)
        return patient

    def ill(self, patient: Patient, code: str, **more: Any) -> None:
        self.uow.history.put(
            HistoryEntry(
                **{
                    "id": new_id(),
                    "patient_id": patient.id,
                    "kind": HistoryKind.CONDITION,
                    "code": code,
                    "name": code,
                    "source": "hand:test",
                    "source_key": code,
                    "recorded_at": self.uow.now,
                    **more,
                }
            )
        )

    def plan(self, patient: Patient, template: str = "T05") -> Plan:
        visit = an_encounter(self.uow, patient, kind=Anchor.ENROLMENT.value, occurred_at=on("2025-11-01"))
        return start_plan(
            self.uow,
            patient=patient,
            encounter=visit,
            template=CONTENT.plans[template],
            queues_by_name=self.queues,
            now=on("2025-11-01"),
            variables={},
            time=HOSPITAL,
        )

    def contact(self, plan: Plan, day: str, way: ContactWay, *, topic: str = "hypertension", **answers: Any) -> None:
        self.uow.plan_records.add_result(
            FollowUpResult(
                id=new_id(),
                patient_id=plan.patient_id,
                plan_id=plan.id,
                task_id=None,
                topic=topic,
                taken_at=on(day),
                way=way,
                answers=answers,
                rule_set="BPHS-2017",
                rules="test/1",
                control=None,
                because=[],
                tag=None,
                recorded_by=self.nurse.id,
                recorded_at=self.uow.now,
            )
        )
        self.uow.flush()

    def measured(self, patient: Patient, day: str, *, key: str = "", **values: float) -> None:
        for code, value in values.items():
            self.uow.observations.put(
                Observation(
                    id=new_id(),
                    patient_id=patient.id,
                    code=code,
                    value=value,
                    taken_at=on(day),
                    setting=Setting.OFFICE,
                    status=ObservationStatus.CORRECTED if key else ObservationStatus.FINAL,
                    source="hl7:LIS",
                    source_key=key or f"{patient.id}/{code}/{day}",
                    recorded_at=self.uow.now,
                )
            )


FACE, CALL, HOME = ContactWay.FACE_TO_FACE, ContactWay.TELEPHONE, ContactWay.HOME_VISIT


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, str]:
    """Ten people with high blood pressure, of whom seven were managed in 2026; and some who do not belong."""
    with house.rows() as uow:
        made = Programme(uow)
        seen_four_times = made.person("I10")
        plan = made.plan(seen_four_times)
        for day in ("2026-02-01", "2026-05-01", "2026-08-01"):
            made.contact(plan, day, FACE, systolic=150, diastolic=95)
        made.contact(plan, "2026-11-01", HOME, systolic=126, diastolic=78)  # on target under both

        called = made.person("I10.x00")
        plan = made.plan(called)
        for day in ("2026-02-01", "2026-05-01", "2026-08-01", "2026-11-01"):
            made.contact(plan, day, CALL, systolic=134, diastolic=82)  # on target in 2017's, not in 2025's

        twice_a_day = made.person("I11.9")
        plan = made.plan(twice_a_day)
        for hour in ("2026-03-01", "2026-03-01", "2026-06-01", "2026-09-01"):
            made.contact(plan, hour, FACE, systolic=152, diastolic=94)  # three days, not four; off under both

        old = made.person("I10", born=date(1955, 1, 1))
        plan = made.plan(old)
        made.contact(plan, "2026-04-01", FACE, systolic=146, diastolic=86)  # 71 years: below 150/90, not below 130/80

        newer_result = made.person("I10")
        plan = made.plan(newer_result)
        made.contact(plan, "2026-04-01", CALL, systolic=120, diastolic=70)
        made.measured(newer_result, "2026-10-01", systolic=172, diastolic=80)  # the last of the year counts
        made.measured(newer_result, "2026-12-01", systolic=118)  # half a pressure is none

        corrected = made.person("I10")
        plan = made.plan(corrected)
        made.contact(plan, "2026-04-01", CALL, systolic=150, diastolic=92)
        made.measured(corrected, "2026-10-01", systolic=172, diastolic=80)
        made.measured(corrected, "2026-10-01", key=f"{corrected.id}/systolic/2026-10-01", systolic=122)
        made.measured(corrected, "2026-10-01", key=f"{corrected.id}/diastolic/2026-10-01", diastolic=72)

        no_value = made.person("I10")
        made.contact(made.plan(no_value), "2026-04-01", CALL, headache=False)

        last_year = made.person("I10")
        made.contact(made.plan(last_year), "2025-12-31", FACE, systolic=120, diastolic=70)

        only_device = made.person("I10")
        made.contact(made.plan(only_device), "2026-04-01", ContactWay.DEVICE, systolic=120, diastolic=70)

        nobody_came = made.person("I10")

        made.person("I10", born=date(1991, 12, 31))  # becomes 35 on the year's last day: in
        made.person("I10", born=date(1992, 1, 1))  # too young
        made.person("I10", born=None)  # nobody knows
        made.person("I10", deceased_at=on("2025-06-01"))
        made.person("J44.9")
        refuted = a_patient(uow, born=date(1960, 1, 1))
        made.ill(refuted, "I10", state=EntryState.REFUTED)
        later = a_patient(uow, born=date(1960, 1, 1))
        made.ill(later, "I10", since=date(2027, 1, 1))
    return {
        name: patient.id
        for name, patient in {
            "seen_four_times": seen_four_times,
            "called": called,
            "twice_a_day": twice_a_day,
            "old": old,
            "newer_result": newer_result,
            "corrected": corrected,
            "no_value": no_value,
            "last_year": last_year,
            "only_device": only_device,
            "nobody_came": nobody_came,
        }.items()
    }


def test_the_control_rate_is_the_last_value_on_target_of_all_managed_under_each_named_rule_set(
    leader: Asking, people: dict[str, str]
) -> None:
    shown = leader.get("/registries/hypertension", params={"year": YEAR}).json()
    assert (shown["members"], shown["managed"]) == (11, 7)
    # Four face-to-face days: one of the seven; calls do not count, nor two results of one day twice.
    assert shown["managed_per_spec"] == {"numerator": 1, "denominator": 7, "percent": 14.29, "comparable": False}
    rates = {control["rule_set"]: control for control in shown["control"]}
    # 2017: four times, called, old, corrected on target; twice a day, newer result off; one without any value.
    counts = ("on_target", "off_target", "no_reading")
    assert [rates["BPHS-2017"][name] for name in counts] == [4, 2, 1]
    assert rates["BPHS-2017"]["rate"]["percent"] == 57.14
    # 2025 (below 130/80 under 80 years): four times and corrected only.
    assert [rates["NHC-primary-2025"][name] for name in counts] == [2, 4, 1]
    assert rates["NHC-primary-2025"]["rate"]["percent"] == 28.57
    assert rates["in-force"]["rules"] == ["BPHS-2017-hypertension/1"]
    assert rates["in-force"]["rate"] == rates["BPHS-2017"]["rate"]


def test_the_members_behind_a_figure_are_the_ones_counted(leader: Asking, people: dict[str, str]) -> None:
    names = {patient_id: name for name, patient_id in people.items()}

    def listed(**query: Any) -> set[str]:
        answer = leader.get("/registries/hypertension/members", params={"year": YEAR, **query})
        assert answer.status_code == 200, answer.text
        return {names.get(member["patient_id"], "born_1991") for member in answer.json()["members"]}

    assert listed(managed=True, rule_set="BPHS-2017", state="on_target") == {
        "seen_four_times",
        "called",
        "old",
        "corrected",
    }
    assert listed(managed=True, rule_set="NHC-primary-2025", state="off_target") == {
        "called",
        "twice_a_day",
        "old",
        "newer_result",
    }
    assert listed(managed=True, state="no_reading") == {"no_value"}
    assert listed(managed=False) == {"last_year", "only_device", "nobody_came", "born_1991"}
    pages: list[str] = []
    after = None
    while True:
        query = {"year": YEAR, "limit": 4, **({"after": after} if after else {})}
        page = leader.get("/registries/hypertension/members", params=query).json()
        pages += [member["patient_id"] for member in page["members"]]
        after = page["next"]
        if after is None:
            break
    assert len(pages) == len(set(pages)) == 11


def test_another_rule_set_from_a_day_on_changes_what_is_in_force_and_not_the_named_rates(
    house: House, leader: Asking, people: dict[str, str]
) -> None:
    before = leader.get("/registries/hypertension", params={"year": YEAR}).json()
    choice = {
        "topic": "hypertension",
        "rule_set": "NHC-primary-2025",
        "effective_from": "2026-10-15",
        "reason": "the new guideline holds here",
    }
    assert house.caller(Role.ADMIN).post("/follow-up-rules/choices", choice).status_code == 201
    after = leader.get("/registries/hypertension", params={"year": YEAR}).json()
    assert after["control"][:2] == before["control"][:2]
    in_force = after["control"][2]
    # Only the last values since 15 October are held against the new set: four times (on), called (off).
    assert (in_force["rule_set"], in_force["on_target"], in_force["off_target"]) == ("in-force", 3, 3)
    assert in_force["rules"] == ["BPHS-2017-hypertension/1", "NHC-primary-2025-hypertension/1"]


def test_only_a_fasting_glucose_says_whether_diabetes_is_controlled(house: House, leader: Asking) -> None:
    with house.rows() as uow:
        made = Programme.__new__(Programme)
        made.uow, made.nurse = uow, a_user(uow)
        made.queues = {queue.name: queue for queue in uow.queues.all()}
        fasting = made.person("E11.9")
        plan = made.plan(fasting, "T04")
        made.contact(plan, "2026-03-01", FACE, topic="diabetes", glucose=9.0, glucose_when="fasting")
        made.measured(fasting, "2026-06-01", glucose_fasting=6.5)
        made.measured(fasting, "2026-09-01", glucose_2h=12.0)
        told = made.person("E11.9")
        plan = made.plan(told, "T04")
        made.contact(plan, "2026-03-01", FACE, topic="diabetes", glucose=6.8, glucose_when="fasting")
        made.contact(plan, "2026-09-01", FACE, topic="diabetes", glucose=12.0, glucose_when="after_meal")
        after_meal = made.person("E11.9")
        plan = made.plan(after_meal, "T04")
        made.contact(plan, "2026-03-01", FACE, topic="diabetes", glucose=6.0, glucose_when="after_meal")
        made.person("E10.9")  # type 1: another registry
    shown = leader.get("/registries", params={"year": YEAR}).json()["registries"]
    assert [each["id"] for each in shown] == ["diabetes", "hypertension"]
    diabetes = shown[0]
    assert (diabetes["members"], diabetes["managed"]) == (3, 3)
    rates = {control["rule_set"]: control for control in diabetes["control"]}
    assert (rates["BPHS-2017"]["on_target"], rates["BPHS-2017"]["no_reading"]) == (2, 1)
    assert leader.get("/registries/asthma").json()["code"] == "unknown_registry"
    assert leader.get("/registries/diabetes", params={"year": 2020}).json()["managed_per_spec"]["percent"] is None
