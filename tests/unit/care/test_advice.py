"""Advice by rule, held against the shipped texts: what may never be told to whom, whatever else is known of him."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from care.advice import Choice, Fit, KnownResult, PersonFacts, choose
from runtime.content.advice import AdviceLibrary, AdviceRulesDocument, ArticleDocument, Known, advice_library
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY

CONTENT = Content(REPOSITORY / "content")
LIBRARY = CONTENT.advice
TODAY = date(2026, 11, 22)

# Written down here a second time, so that a slip in the rules or a text is seen.
POTASSIUM_WORDS = ("钾", "低钠盐", "香蕉", "水果", "potassium", "banana", "fruit", "salt substitute", "low-sodium salt")
RUNNING_WORDS = ("跑", "游泳", "爬山", "running", "jog", "swim", "climbing")
ADVISES_AGAINST_POTASSIUM = {"diet_salt", "diet_kidney"}
ADVISES_AGAINST_RUNNING = {"exercise_graded_walking"}

groups = st.frozensets(st.sampled_from(sorted(CONTENT.diagnosis_groups)), max_size=6)
results = st.dictionaries(
    st.sampled_from(sorted(LIBRARY.results_asked())),
    st.builds(
        KnownResult,
        value=st.floats(min_value=0, max_value=300, allow_nan=False),
        taken_on=st.integers(0, 900).map(lambda days: TODAY - timedelta(days=days)),
    ),
    max_size=8,
)
bands = st.fixed_dictionaries(
    {},
    optional={
        "phq9.total": st.sampled_from(["minimal", "mild", "moderate", "moderately_severe", "severe"]),
        "gad7.total": st.sampled_from(["minimal", "mild", "moderate", "severe"]),
    },
)
moments = st.dictionaries(
    st.sampled_from(sorted(LIBRARY.moments)),
    st.integers(0, 1000).map(lambda days: TODAY - timedelta(days=days)),
    max_size=3,
)
people = st.builds(
    PersonFacts,
    age=st.none() | st.integers(0, 105),
    sex=st.sampled_from([None, "male", "female"]),
    groups=groups,
    allergies=st.lists(
        st.sampled_from(["花生过敏", "青霉素", "海鲜", "牛奶", "Peanut allergy", "eggs"]), max_size=3
    ).map(tuple),
    medicines=st.lists(st.sampled_from(["B01AA03", "C09AA02", "C10AA05", "A10BA02", "螺内酯片"]), max_size=3).map(
        tuple
    ),
    results=results,
    bands=bands,
    moments=moments,
)


def told(facts: PersonFacts, today: date = TODAY) -> dict[str, Choice]:
    found = choose(LIBRARY.articles.values(), LIBRARY.hazards, facts, today)
    return {choice.article.id: choice for choice in found if choice.may_be_given}


def says(choice: Choice, words: tuple[str, ...]) -> bool:
    text = " ".join((*choice.article.title.values(), *choice.article.text.values())).casefold()
    return any(word in text for word in words)


WELL = {"egfr": 95.0, "creatinine": 70.0, "potassium": 4.2, "bmi": 26.0, "systolic": 135.0, "diastolic": 85.0}


def fit_for_all_else(person: PersonFacts) -> PersonFacts:
    """The same person with nothing against any text but what a test adds: only the rule under test can withhold it."""
    return replace(
        person,
        age=50,
        groups=frozenset({"hypertension", "ascvd", "dyslipidemia", "obesity"}),
        allergies=(),
        medicines=(),
        results={code: KnownResult(value=value, taken_on=TODAY) for code, value in WELL.items()},
        moments={},
    )


@settings(max_examples=80, deadline=None)
@given(people, st.sampled_from(["ckd", "dialysis", "egfr", "potassium"]), st.booleans())
def test_a_kidney_patient_is_never_told_to_eat_potassium(person: PersonFacts, sign: str, fit: bool) -> None:
    person = fit_for_all_else(person) if fit else person
    if sign in ("ckd", "dialysis"):
        person = replace(person, groups=person.groups | {sign})
    else:
        value = 59.0 if sign == "egfr" else 5.0
        person = replace(person, results={**person.results, sign: KnownResult(value=value, taken_on=TODAY)})
    for choice in told(person).values():
        assert not {"potassium", "salt_substitute"} & set(choice.article.urges), choice.article.id
        if says(choice, POTASSIUM_WORDS):
            assert choice.article.id in ADVISES_AGAINST_POTASSIUM, choice.article.id


def test_the_person_with_nothing_against_any_text_is_told_all_that_the_properties_forbid() -> None:
    urged = {hazard for choice in told(fit_for_all_else(PersonFacts())).values() for hazard in choice.article.urges}
    assert {"potassium", "salt_substitute", "vigorous_exercise", "nuts", "fish"} <= urged


def test_somebody_with_healthy_kidneys_is_told_so_that_the_rule_is_more_than_silence() -> None:
    well = PersonFacts(
        age=50,
        groups=frozenset({"hypertension"}),
        results={"egfr": KnownResult(value=95, taken_on=TODAY - timedelta(days=100))},
    )
    assert {"diet_vegetables", "diet_salt_substitute"} <= set(told(well))
    assert "diet_salt_substitute" not in told(replace(well, medicines=("C09AA02",)))
    assert "diet_vegetables" not in told(replace(well, results={}))  # nobody knows his kidneys
    old = {"egfr": KnownResult(value=95, taken_on=TODAY - timedelta(days=366))}
    assert "diet_vegetables" not in told(replace(well, results=old))


@settings(max_examples=80, deadline=None)
@given(people, st.integers(0, 180), st.booleans())
def test_after_a_coronary_intervention_nobody_is_told_to_run(person: PersonFacts, days: int, fit: bool) -> None:
    person = fit_for_all_else(person) if fit else person
    person = replace(person, groups=person.groups - {"coronary", "coronary_intervention"})
    person = replace(person, moments={**person.moments, "pci": TODAY - timedelta(days=days)})
    for choice in told(person).values():
        assert "vigorous_exercise" not in choice.article.urges
        if says(choice, RUNNING_WORDS):
            assert choice.article.id in ADVISES_AGAINST_RUNNING, choice.article.id


def test_on_the_seventh_day_after_a_coronary_intervention_graded_walking_is_told() -> None:
    person = PersonFacts(
        age=58,
        groups=frozenset({"coronary", "obesity", "hypertension"}),
        results={"bmi": KnownResult(value=27.0, taken_on=TODAY)},
        moments={"pci": TODAY - timedelta(days=7)},
    )
    found = told(person)
    assert "exercise_graded_walking" in found
    assert not {"exercise_running", "exercise_moderate", "conditioning_tai_chi"} & set(found)
    withheld = {
        choice.article.id: choice.because
        for choice in choose(LIBRARY.articles.values(), LIBRARY.hazards, person, TODAY)
        if choice.fit is Fit.WITHHELD
    }
    assert "vigorous_exercise: moment:pci+7d" in withheld["exercise_running"]


@settings(max_examples=80, deadline=None)
@given(
    people,
    st.sampled_from([("phq9.total", "severe"), ("phq9.total", "moderately_severe"), ("gad7.total", "severe")]),
    st.integers(0, 3000),
)
def test_a_severe_band_always_shows_where_help_is(person: PersonFacts, band: tuple[str, str], later: int) -> None:
    person = replace(person, bands={**person.bands, band[0]: band[1]})
    referral = told(person, TODAY + timedelta(days=later))["mind_referral"]
    assert referral.fit is Fit.ALWAYS
    assert all("12356" in text for text in referral.article.text.values())


@settings(max_examples=60, deadline=None)
@given(people, st.booleans())
def test_what_an_allergy_forbids_is_not_told(person: PersonFacts, fit: bool) -> None:
    person = fit_for_all_else(person) if fit else person
    person = replace(person, allergies=("花生过敏", "Fish", "海鲜"))
    assert not [one for one in told(person).values() if {"nuts", "fish", "purine"} & set(one.article.urges)]


@settings(max_examples=60, deadline=None)
@given(people)
def test_nothing_expired_is_told_but_where_help_is(person: PersonFacts) -> None:
    long_after = max(article.expires_on for article in LIBRARY.articles.values()) + timedelta(days=1)
    assert {choice.fit for choice in told(person, long_after).values()} <= {Fit.ALWAYS}


def test_every_text_has_author_reviewer_version_and_a_day_on_which_its_review_ends() -> None:
    for article in LIBRARY.articles.values():
        assert article.author
        assert article.reviewer
        assert article.version >= 1
        assert article.expires_on > TODAY
        assert all(len(text) > 25 for text in article.text.values())


def library_with(file: str, old: str, new: str) -> AdviceLibrary:
    """The shipped advice with one file changed."""

    def read(path: Path) -> object:
        text = path.read_text(encoding="utf-8")
        if path.relative_to(REPOSITORY / "content").as_posix() == file:
            assert old in text
            text = text.replace(old, new)
        return yaml.safe_load(text)

    known = Known(
        groups=frozenset(CONTENT.diagnosis_groups),
        concepts=frozenset(CONTENT.concepts),
        bands={
            score: frozenset({"mild", "moderate", "moderately_severe", "severe"}) for score in LIBRARY.scores_asked()
        },
        plan_templates=frozenset(CONTENT.plans),
        risk_models=frozenset(CONTENT.risk_models),
    )
    rules = AdviceRulesDocument.model_validate(read(REPOSITORY / "content" / "advice_rules.yaml"))
    paths = sorted((REPOSITORY / "content" / "advice").glob("*.yaml"))
    return advice_library(rules, [ArticleDocument.model_validate(read(path)) for path in paths], known)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("advice/diet_diabetes.yaml", "先吃菜和肉", "吃一根香蕉", "香蕉, which is of hazard potassium"),
        ("advice/exercise_graded_walking.yaml", "warns_of: [vigorous_exercise]\n", "", "hazard vigorous_exercise"),
        ("advice/diet_fish.yaml", "urges: [fish]", "urges: [fish, whales]", "whales: there is no such hazard"),
        ("advice/mind_referral.yaml", "12356", "12320", "must name 12356 in zh and en"),
        (
            "advice/mind_referral.yaml",
            "kind: mind",
            "kind: mind\nurges: [heat]",
            "neither urge a hazard nor have not_for",
        ),
        ("advice/diet_salt.yaml", "groups: [hypertension,", "groups: [hypertensoin,", "hypertensoin"),
        ("advice_rules.yaml", "moment: pci,", "moment: pic,", "pic: there is no such moment"),
    ],
)
def test_a_text_that_could_harm_or_a_slip_of_the_pen_keeps_the_content_from_being_used(
    file: str, old: str, new: str, message: str
) -> None:
    assert library_with(file, old, old).articles
    with pytest.raises(ContentError, match=message):
        library_with(file, old, new)


def test_every_file_of_advice_says_that_nobody_has_signed_it_yet() -> None:
    for path in (REPOSITORY / "content" / "advice").glob("*.yaml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert document["status"] == "draft" or document["reviewed_on"], path.name


@pytest.mark.parametrize(
    ("medicine", "hazard"),
    [
        ("马来酸依那普利片", "salt_substitute"),
        ("盐酸贝那普利片", "salt_substitute"),
        ("硫酸氢氯吡格雷片", "herbs"),
        ("苯磺酸氨氯地平片", "grapefruit"),
        ("Warfarin sodium", "leafy_greens"),
        ("c09aa02", "salt_substitute"),
    ],
)
def test_a_medicine_is_known_by_its_name_whatever_salt_stands_before_it(medicine: str, hazard: str) -> None:
    well = replace(fit_for_all_else(PersonFacts()), medicines=(medicine,), groups=frozenset())
    assert LIBRARY.hazards[hazard].reasons(well, TODAY) == (f"{hazard}: medicine:{medicine}",)


def test_a_code_counts_from_its_beginning_only() -> None:
    well = replace(fit_for_all_else(PersonFacts()), medicines=("XC09AA02",), groups=frozenset())
    assert LIBRARY.hazards["salt_substitute"].reasons(well, TODAY) == ()
