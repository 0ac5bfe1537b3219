"""Rules of tags: spells of readings, the newest of a kind, rows, and what changes when facts or rules do."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from care.segments import Hours, SegmentRule, Steering, segments_for, steering_of
from care.tags import (
    Age,
    AllOf,
    AnyOf,
    Condition,
    Kind,
    Known,
    Limits,
    Newest,
    NotAny,
    Reading,
    Spell,
    Tag,
    TagEnd,
    TagFacts,
    TagOrigin,
    TagRule,
    changes,
    since_of,
)
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.content.tags import ConditionDocument
from runtime.settings import REPOSITORY

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
PRESSURE = Spell(
    topic="hypertension",
    begins_at_least={"systolic": 160, "diastolic": 100},
    begins_with=frozenset({"repeatedly_uncontrolled"}),
    ends_with=frozenset({"controlled"}),
    ends_after_days=2,
)
CLASSES = ("controlled", "first_uncontrolled", "repeatedly_uncontrolled", None)


def known(value: float | str | bool, *, kind: Kind = Kind.RESULT, what: str = "egfr", days: int = 0) -> Known:
    return Known(kind=kind, what=what, value=value, id=f"{what}-{days}", at=NOON - timedelta(days=days))


def facts(*rows: Known, readings: tuple[Reading, ...] = (), age: int | None = 50) -> TagFacts:
    held: dict[Kind, dict[str, tuple[Known, ...]]] = {}
    for row in sorted(rows, key=lambda row: row.at or NOON, reverse=True):
        of_kind = held.setdefault(row.kind, {})
        of_kind[row.what] = (*of_kind.get(row.what, ()), row)
    return TagFacts(now=NOON, age=age, sex="male", known=held, readings={"hypertension": readings})


def reading(day: int, systolic: float, diastolic: float, control: str | None, *, hour: int = 0) -> Reading:
    at = datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(days=day)
    row = Known(kind=Kind.RESULT, what="systolic", value=systolic, id=f"day-{day}-{hour}", at=at)
    return Reading(
        at=at,
        day=date(2026, 1, 1) + timedelta(days=day),
        values={"systolic": systolic, "diastolic": diastolic},
        control=control,
        known=(row,),
    )


@pytest.mark.parametrize(
    ("readings", "stands", "evidence"),
    [
        ([(1, 168, 102, "first_uncontrolled")], True, ["day-1-0"]),
        ([(1, 152, 94, "first_uncontrolled")], False, ["day-1-0"]),
        ([(1, 152, 94, "first_uncontrolled"), (2, 148, 92, "repeatedly_uncontrolled")], True, ["day-2-0"]),
        ([(1, 168, 102, "first_uncontrolled"), (2, 130, 80, "controlled")], True, ["day-1-0"]),
        (
            [(1, 168, 102, "first_uncontrolled"), (2, 130, 80, "controlled"), (3, 128, 80, "controlled")],
            False,
            ["day-2-0", "day-3-0"],
        ),
        (
            [
                (1, 168, 102, "first_uncontrolled"),
                (2, 130, 80, "controlled"),
                (3, 150, 90, "first_uncontrolled"),
                (4, 128, 80, "controlled"),
            ],
            True,
            ["day-1-0"],
        ),
        (
            [
                (1, 168, 102, "first_uncontrolled"),
                (2, 130, 80, "controlled"),
                (3, 100, 60, None),
                (4, 128, 80, "controlled"),
            ],
            False,
            ["day-2-0", "day-4-0"],
        ),
        (
            [
                (1, 168, 102, "first_uncontrolled"),
                (2, 130, 80, "controlled"),
                (3, 170, 90, "first_uncontrolled"),
                (4, 128, 80, "controlled"),
            ],
            True,
            ["day-1-0"],
        ),
        ([], False, []),
    ],
    ids=[
        "high",
        "once",
        "twice",
        "one-good-day",
        "two-good-days",
        "broken-row",
        "unclassed-between",
        "high-again",
        "nothing",
    ],
)
def test_a_spell_of_high_pressure_begins_and_ends_as_its_rule_says(
    readings: list[tuple[int, float, float, str | None]], stands: bool, evidence: list[str]
) -> None:
    look = PRESSURE.look(facts(readings=tuple(reading(*each) for each in readings)))
    assert (look.holds, [each.id for each in look.evidence]) == (stands, evidence)


def test_two_good_readings_of_one_day_are_one_good_day_and_a_high_one_on_it_keeps_the_spell() -> None:
    bad = reading(1, 168, 102, "first_uncontrolled")
    one_day = (reading(2, 130, 80, "controlled", hour=8), reading(2, 128, 80, "controlled", hour=20))
    assert PRESSURE.look(facts(readings=(bad, *one_day))).holds
    mixed = (reading(2, 172, 98, "first_uncontrolled", hour=8), reading(2, 128, 80, "controlled", hour=20))
    assert PRESSURE.look(facts(readings=(bad, *mixed, reading(3, 128, 80, "controlled")))).holds


@given(st.lists(st.tuples(st.integers(110, 190), st.sampled_from(CLASSES)), max_size=12))
def test_a_spell_says_what_going_through_by_hand_says(days: list[tuple[int, str | None]]) -> None:
    standing, good = False, 0
    for systolic, control in days:
        if systolic >= 160 or control == "repeatedly_uncontrolled":
            standing, good = True, 0
        elif control == "controlled":
            good += 1
            standing = standing and good < 2
        elif control is not None:
            good = 0
    readings = tuple(reading(day, systolic, 70, control) for day, (systolic, control) in enumerate(days))
    assert PRESSURE.look(facts(readings=readings)).holds is standing


NO = Newest(kind=Kind.ANSWER, what="a", limits=Limits(one_of=(False,)))
A_NUMBER = Newest(kind=Kind.ANSWER, what="a", limits=Limits(at_least=1))
LOW = Newest(kind=Kind.RESULT, what="egfr", limits=Limits(below=60), within=timedelta(days=365))
UNANSWERED = Newest(kind=Kind.ATTEMPT, what="outcome", limits=Limits(one_of=("no-answer", "busy")), in_a_row=3)


@pytest.mark.parametrize(
    ("condition", "rows", "holds"),
    [
        (LOW, [known(59.9)], True),
        (LOW, [known(60)], False),
        (LOW, [known(45, days=30), known(75)], False),
        (LOW, [known(45, days=366)], False),
        (LOW, [], False),
        (UNANSWERED, [known("no-answer", kind=Kind.ATTEMPT, what="outcome", days=day) for day in (1, 2, 3)], True),
        (UNANSWERED, [known("no-answer", kind=Kind.ATTEMPT, what="outcome", days=day) for day in (1, 2)], False),
        (
            UNANSWERED,
            [
                known("connected-patient", kind=Kind.ATTEMPT, what="outcome"),
                *(known("no-answer", kind=Kind.ATTEMPT, what="outcome", days=day) for day in (1, 2, 3)),
            ],
            False,
        ),
        (
            Newest(kind=Kind.ANSWER, what="a", limits=Limits(one_of=(False,))),
            [known(False, kind=Kind.ANSWER, what="a")],
            True,
        ),
        (
            Newest(kind=Kind.ANSWER, what="a", limits=Limits(one_of=(False,))),
            [known(0, kind=Kind.ANSWER, what="a")],
            False,
        ),
        (
            Newest(kind=Kind.ANSWER, what="a", limits=Limits(at_least=1)),
            [known(True, kind=Kind.ANSWER, what="a")],
            False,
        ),
        (Age(from_years=35), [], True),
        (Age(from_years=51), [], False),
        (Age(under_years=50), [], False),
        (NotAny(parts=(LOW,)), [], True),
        (NotAny(parts=(LOW,)), [known(30)], False),
        (AllOf(parts=(LOW, Age(from_years=35))), [known(30)], True),
        (AllOf(parts=(LOW, Age(from_years=60))), [known(30)], False),
        (AnyOf(parts=(Age(from_years=60), LOW)), [known(30)], True),
    ],
)
def test_conditions_hold_where_the_newest_facts_say_so(condition: Condition, rows: list[Known], holds: bool) -> None:
    assert condition.look(facts(*rows)).holds is holds


def test_an_unknown_age_is_nobodys_age() -> None:
    assert not Age(under_years=200).look(facts(age=None)).holds


def test_evidence_says_when_it_will_be_too_old() -> None:
    assert LOW.look(facts(known(50, days=10))).until == NOON + timedelta(days=355)


def test_another_reason_beside_the_first_changes_no_evidence() -> None:
    either = AnyOf(parts=(LOW, Newest(kind=Kind.GROUP, what="ckd")))
    ckd = known("N18.3", kind=Kind.GROUP, what="ckd", days=1)
    assert either.look(facts(known(50), ckd)).evidence == either.look(facts(known(50))).evidence


def tag(rule: str, evidence: list[dict[str, object]], origin: TagOrigin = TagOrigin.RULE) -> Tag:
    return Tag(
        id=f"tag-{rule}",
        patient_id="p",  # type: ignore[arg-type]
        code=rule.split("/")[0],
        origin=origin,
        rule=rule if origin is TagOrigin.RULE else None,
        title={},
        evidence=evidence,
        since=NOON,
        added_at=NOON,
    )


RULE = TagRule(code="kidney", version=2, when=LOW)


def test_rules_add_restate_take_off_and_leave_manual_tags_alone() -> None:
    sick, well = facts(known(50)), facts(known(90))
    written = [known(50).written()]
    (added,) = changes([RULE], sick, [])
    assert (added.begins, added.ends, since_of(added.look, NOON)) == (True, None, NOON)
    assert changes([RULE], sick, [tag("kidney/2", written)]) == []
    by_old_rule, by_old_value = tag("kidney/1", written), tag("kidney/2", [known(55).written()])
    assert [each.end for each in changes([RULE], sick, [by_old_rule])] == [TagEnd.RESTATED]
    assert [(each.end, each.begins) for each in changes([RULE], sick, [by_old_value])] == [(TagEnd.RESTATED, True)]
    (removed,) = changes([RULE], well, [tag("kidney/2", written)])
    assert (removed.end, removed.begins, removed.look.evidence) == (TagEnd.NO_LONGER, False, (known(90),))
    assert [each.end for each in changes([], sick, [tag("gone/1", written)])] == [TagEnd.RULE_GONE]
    by_hand = tag("kidney/2", [], TagOrigin.HAND)
    assert changes([RULE], well, [by_hand]) == []
    assert [each.begins for each in changes([RULE], sick, [by_hand])] == [True]


def test_of_two_segments_the_one_with_the_lower_order_counts() -> None:
    always = Age(from_years=0)
    rules = [
        SegmentRule(id="b", version=1, order=2, when=always, steering=Steering(dialect="yue", plans=("T05",))),
        SegmentRule(id="a", version=1, order=1, when=always, steering=Steering(dialect="nan", by_person=True)),
        SegmentRule(id="c", version=1, order=3, when=Age(from_years=90), steering=Steering(slow_speech=True)),
    ]
    inside = [rule for rule, _ in segments_for(rules, facts())]
    assert [rule.id for rule in inside] == ["a", "b"]
    together = steering_of([rule.steering for rule in inside])
    assert together == Steering(dialect="nan", plans=("T05",), by_person=True)


def test_what_a_segment_asks_for_is_read_as_it_was_written() -> None:
    asked = Steering(plans=("T05",), hours=(Hours(start=time(18), end=time(20)),), language="en", slow_speech=True)
    assert Steering.read(asked.written()) == asked


@pytest.mark.parametrize(
    ("folder", "name", "change", "complaint"),
    [
        ("tags", "kidney_care.yaml", ("group: ckd", "group: kidneys"), "group kidneys is not there"),
        ("tags", "low_mood.yaml", ("moderately_severe", "gloomy"), "score phq9.total is never gloomy"),
        ("tags", "htn_uncontrolled.yaml", ("id: HTN-uncontrolled", "id: HTN-other"), "HTN-uncontrolled is no tag"),
        ("segments", "pressure_programme.yaml", ("T05", "T99"), "proposes plan T99"),
        ("registries", "diabetes.yaml", ("topic: diabetes", "topic: sugar"), "topic sugar"),
    ],
)
def test_content_that_names_what_is_not_there_is_refused(
    tmp_path: Path, folder: str, name: str, change: tuple[str, str], complaint: str
) -> None:
    for each in (REPOSITORY / "content").iterdir():
        (tmp_path / each.name).symlink_to(each)
    (tmp_path / folder).unlink()
    (tmp_path / folder).mkdir()
    for path in (REPOSITORY / "content" / folder).iterdir():
        text = path.read_text()
        if path.name == name:
            assert change[0] in text
            text = text.replace(*change)
        (tmp_path / folder / path.name).write_text(text)
    content = Content(tmp_path)
    with pytest.raises(ContentError, match=complaint):
        _ = (content.tag_rules, content.segment_rules, content.registries, content.assessments)


@pytest.mark.parametrize(
    "said", [{}, {"group": "ckd", "tag": "obese"}, {"all": []}, {"result": {"what": "egfr", "in": [2]}}]
)
def test_a_condition_says_exactly_one_thing(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ConditionDocument.model_validate(said)
