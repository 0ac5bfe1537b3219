"""A hospital with a nurse, a doctor and a pharmacist."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from care.patients import Patient
from db.users import Role
from record.following import RecordParts
from runtime.embedded import Engines
from tests.integration.api.advice.steps import PHARMACY
from tests.integration.api.house import CONTENT, Asking, House, open_house
from tests.support.builders import HOSPITAL, a_patient
from tests.support.scenario import MovedClock


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="module")
def house(
    module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory, clock: MovedClock
) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("house")
    with open_house(module_database_url, engines.broker_url, folder, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="module")
def parts(house: House) -> RecordParts:
    return RecordParts(units_of_work=house.units, content=CONTENT, zone=HOSPITAL.zone)


@pytest.fixture(scope="module")
def nurse(house: House) -> Asking:
    return house.caller(Role.AGENT)


@pytest.fixture(scope="module")
def doctor(house: House) -> Asking:
    return house.caller(Role.DOCTOR)


@pytest.fixture(scope="module")
def pharmacist(house: House) -> Asking:
    asking = house.caller(Role.AGENT)
    with house.rows() as uow:
        user = uow.users.get(asking.user_id)
        assert user is not None
        user.departments = [PHARMACY]
    return asking


@pytest.fixture
def patient(house: House) -> Patient:
    with house.rows() as uow:
        return a_patient(uow, born=date(1968, 1, 1), sex="male")
