"""After a change every follower has its turn, in order, and one that fails keeps none of the others from it."""

import pytest

from db.unit_of_work import UnitOfWork
from record.following import Follower, FollowersFailedError, RecordParts, run_followers
from record.tasks import FOLLOW_CHANGE
from runtime.routing import tasks_for
from tests.support.builders import a_patient


def renaming(name: str) -> Follower:
    """A follower that appends its name to the patient's dialect, so that the order can be read."""

    def follow(uow: UnitOfWork, _parts: RecordParts, patient_id: str) -> None:
        patient = uow.patients.get(patient_id)
        assert patient is not None
        patient.dialect = f"{patient.dialect or ''}{name}"

    return Follower(name, follow)


def failing(uow: UnitOfWork, parts: RecordParts, patient_id: str) -> None:
    renaming("X").follow(uow, parts, patient_id)
    raise ValueError("broken")


def test_followers_run_in_their_order_and_one_that_fails_undoes_only_itself(parts: RecordParts) -> None:
    with parts.units_of_work() as uow:
        patient = a_patient(uow)
        uow.commit()
    with pytest.raises(FollowersFailedError, match=r"^second \(ValueError\)$"):
        run_followers((renaming("a"), Follower("second", failing), renaming("c")), parts, patient.id)
    with parts.units_of_work() as uow:
        kept = uow.patients.get(patient.id)
        assert kept is not None
        assert kept.dialect == "ac"


def test_a_change_of_the_record_is_followed() -> None:
    assert FOLLOW_CHANGE in tasks_for("record_changed")
