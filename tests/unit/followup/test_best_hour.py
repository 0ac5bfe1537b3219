"""The best hour by plain counts: a patient's own where there are some, his queue's where there are few."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from followup.best_hour import PartCounts, chances_by_part, counts_by_part
from followup.outcomes import AttemptOutcome
from tests.support.builders import an_instant
from tests.unit.followup.test_decide_next import a_policy

MORNING = an_instant("2026-03-02 02:00")  # ten o'clock in Shanghai
EVENING = MORNING + timedelta(hours=9)
COUNTS = st.dictionaries(
    st.integers(0, 2), st.builds(PartCounts, answered=st.integers(0, 500), missed=st.integers(0, 500)), max_size=3
)


def test_attempts_are_counted_by_the_part_of_the_local_day_and_busy_lines_tell_nothing() -> None:
    counts = counts_by_part(
        a_policy(),
        "Asia/Shanghai",
        [
            (MORNING, AttemptOutcome.NO_ANSWER),
            (MORNING, AttemptOutcome.BUSY),
            (MORNING, AttemptOutcome.NETWORK_FAILURE),
            (MORNING, None),
            (EVENING, AttemptOutcome.CONNECTED_PATIENT),
            (EVENING, AttemptOutcome.REJECTED),
        ],
    )
    assert counts == {0: PartCounts(missed=1), 2: PartCounts(answered=1, missed=1)}


def test_where_nothing_is_known_no_hour_is_better_than_another() -> None:
    assert len(set(chances_by_part(a_policy(), {}, {}).values())) == 1


def test_a_patients_own_counts_win_over_the_queues_the_more_there_are() -> None:
    queue = {0: PartCounts(answered=80, missed=20), 2: PartCounts(answered=20, missed=80)}
    nobody = chances_by_part(a_policy(), {}, queue)
    assert nobody[0] > nobody[2]
    once = chances_by_part(a_policy(), {0: PartCounts(missed=1)}, queue)
    assert nobody[0] > once[0] > once[2]
    often = chances_by_part(a_policy(), {0: PartCounts(missed=9), 2: PartCounts(answered=6)}, queue)
    assert often[2] > often[0]


@given(own=COUNTS, queue=COUNTS)
def test_a_chance_is_a_chance(own: dict[int, PartCounts], queue: dict[int, PartCounts]) -> None:
    chances = chances_by_part(a_policy(), own, queue)
    assert set(chances) == {0, 1, 2}
    assert all(0 < chance < 1 for chance in chances.values())
