"""A whole file of a hospital's messages, played again: the record stays as it is, what was corrected is kept beside."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from care.conflicts import PersonField
from care.timeline import TimelineKind
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.requests import Viewer
from suifang.plans_command import make_queues
from tests.support.feeds import CONTENT, adt, ago, bring, obx, oru, pid

ADMITTED = ago(days=6)  # once: a file that is played again says the same

READER = Viewer(user_id="00000000-0000-0000-0000-000000000001", departments=(), oversees=True)


@pytest.fixture(scope="module")
def units(module_database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(module_database_url, pool_size=10)
    made = UnitsOfWork(engine)
    make_queues(made, CONTENT)
    yield made
    engine.dispose()


def _file(run: str) -> list[str]:
    """Admission, results and a correction, another name, discharge with a diagnosis; `run` makes the control ids."""
    who = pid("R-A4", name="王小明")
    renamed = pid("R-A4", name="王晓明")
    return [
        adt("A01", f"{run}1", at=ADMITTED, person=who, visit="V-A4", admitted=ADMITTED),
        oru(f"{run}2", obx("14771-0", "5.77", "mmol/L"), at=ADMITTED + timedelta(days=1), person=who, order="L-A4"),
        oru(f"{run}3", obx("4548-4", "6.1", "%", line=2), at=ADMITTED + timedelta(days=1), person=who, order="L-A4b"),
        oru(
            f"{run}4",
            obx("14771-0", "6.10", "mmol/L", state="C"),
            at=ADMITTED + timedelta(days=2),
            person=who,
            order="L-A4",
        ),
        adt("A08", f"{run}5", at=ADMITTED + timedelta(days=3), person=renamed, visit="V-A4", admitted=ADMITTED),
        adt(
            "A03",
            f"{run}6",
            at=ADMITTED + timedelta(days=5, hours=4),
            person=renamed,
            visit="V-A4",
            admitted=ADMITTED,
            discharged=ADMITTED + timedelta(days=5, hours=4),
            others=("DG1|1||E11.900^2型糖尿病^I10|||F",),
        ),
    ]


def _record(units: UnitsOfWork, patient_id: str) -> list[tuple[object, ...]]:
    with units() as uow:
        return [
            (item.at, item.kind, item.id, item.source, dict(item.facts))
            for item in uow.timeline.page(patient_id, READER, limit=200)
        ]


def test_the_same_file_played_again_changes_nothing_and_a_corrected_result_replaces_the_one_before(
    units: UnitsOfWork,
) -> None:
    first_run = _file("A")
    told = bring(units, *first_run)
    patient_id = told[0].patient_id
    assert patient_id is not None
    assert {message.patient_id for message in told} == {patient_id}, [message.told for message in told]
    before = _record(units, patient_id)
    kinds = [item[1] for item in before]
    assert kinds.count(TimelineKind.VISIT) == 2, "admission and discharge"
    assert kinds.count(TimelineKind.CONDITION) == 1
    assert kinds.count(TimelineKind.RESULT) == 2
    assert {item[3] for item in before if item[1] is TimelineKind.VISIT} == {"hl7:HIS"}
    with units() as uow:
        (glucose,) = uow.observations.series(patient_id, "glucose_fasting")
        versions = uow.observations.versions_of(glucose.id)
        patient = uow.patients.get(patient_id)
        names = [word.value for word in uow.stated.versions_of(patient_id, PersonField.NAME)]
    assert [(one.value, one.superseded_at is None) for one in versions] == [(5.77, False), (6.10, True)]
    assert patient is not None
    assert patient.name == "王晓明"
    assert "王小明" in names

    bring(units, *first_run)  # byte for byte, as a file is played again
    assert _record(units, patient_id) == before
    bring(units, *_file("B"))  # sent anew under other control ids
    assert _record(units, patient_id) == before
    bring(units, *reversed(_file("C")))  # and in the wrong order
    assert _record(units, patient_id) == before
