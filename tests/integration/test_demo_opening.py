"""A second round of the demo in the same folder: what the first one learned of a number is no news to the next."""

from care.patients import NumberQuality
from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from suifang.demo.opening import forget_last_round
from tests.support.builders import a_patient

MOBILE = "+8613900000024"


def test_a_number_found_wrong_is_dialed_again_and_a_new_mobile_is_noted_once(database_url: str) -> None:
    units = UnitsOfWork(make_engine(database_url))
    with units() as uow:
        patient = a_patient(uow)
        patient.contact_points[0].quality = NumberQuality.WRONG
        number = patient.contact_points[0].number
        uow.commit()
    for _ in range(2):
        forget_last_round(units, patient.id, MOBILE)
    with units() as uow:
        known = uow.patients.get(patient.id)
        assert known is not None
        best = known.best_number()
        assert best is not None
        assert best.number == number
        assert sorted(point.number for point in known.contact_points) == sorted([number, MOBILE])
    units.engine.dispose()
