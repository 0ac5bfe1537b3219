"""Was the call real, scores, samples and agreement: pure rules, the last ones against figures computed by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.grader_agreement import cohen, fleiss
from followup.quality_samples import (
    Because,
    Candidate,
    SampleRule,
    Stratum,
    digest_of,
    draw,
    margin_of,
    needed,
)
from followup.quality_scores import AppealRefusedError, MarkedCall, QualityScore, agreement_of, mean_score
from followup.real_calls import Contradiction, Doubt, FollowUpFacts, doubts_of
from followup.scorecards import (
    CardItem,
    CardScore,
    ItemMark,
    MarkKind,
    MarksRefusedError,
    QualityState,
    Scorecard,
    score_of,
)
from followup.states import IllegalTransitionError

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FINE = FollowUpFacts(
    claims_a_talk=True,
    answers=5,
    talk=timedelta(seconds=200),
    patient_speech=timedelta(seconds=80),
    people_on_number=1,
    identity_confirmed=True,
    patient_on_line=True,
)


def kinds(facts: FollowUpFacts) -> list[Doubt]:
    return [doubt.kind for doubt in doubts_of(facts)]


def test_a_follow_up_that_fits_its_line_is_not_doubted_and_one_that_claims_nothing_never() -> None:
    assert kinds(FINE) == []
    assert kinds(replace(FINE, talk=None, identity_confirmed=False, claims_a_talk=False)) == []


def test_each_doubt_has_its_bound() -> None:
    assert kinds(replace(FINE, talk=timedelta(seconds=30))) == []
    assert kinds(replace(FINE, talk=timedelta(seconds=29.9))) == [Doubt.SHORT_TALK]
    assert kinds(replace(FINE, patient_speech=timedelta(seconds=2))) == []
    assert kinds(replace(FINE, patient_speech=timedelta(seconds=1.9))) == [Doubt.NO_PATIENT_SPEECH]
    assert kinds(replace(FINE, patient_speech=None)) == []
    assert kinds(replace(FINE, people_on_number=2)) == []
    assert kinds(replace(FINE, people_on_number=3)) == [Doubt.ONE_NUMBER_MANY_PATIENTS]
    assert kinds(replace(FINE, identity_confirmed=False)) == [Doubt.IDENTITY_SKIPPED]
    assert kinds(replace(FINE, talk=None, identity_confirmed=False)) == [Doubt.FORM_WITHOUT_CALL]
    two = tuple(Contradiction(form_id="f", link_id="a", written=1, heard=2, at_second=at) for at in (40.0, 12.0))
    (found,) = doubts_of(replace(FINE, contradictions=two))
    assert (found.kind, found.figure, found.at_second) == (Doubt.ANSWERS_AGAINST_TRANSCRIPT, 2, 12.0)


CARD = Scorecard(
    id="card",
    version=1,
    items=(
        CardItem(code="identity", weight=10, fatal=True, may_not_apply=False),
        CardItem(code="opening", weight=30),
        CardItem(code="closing", weight=60),
    ),
)


def marked(identity: MarkKind, opening: MarkKind, closing: MarkKind) -> list[ItemMark]:
    given_marks = {"identity": identity, "opening": opening, "closing": closing}
    return [ItemMark(item=item, mark=mark, at_second=1.0) for item, mark in given_marks.items()]


MET, NOT_MET, NOT_APPLICABLE = MarkKind.MET, MarkKind.NOT_MET, MarkKind.NOT_APPLICABLE


def test_a_score_is_met_weight_of_the_weight_that_applies_and_nought_where_a_fatal_item_is_missed() -> None:
    assert score_of(CARD, marked(MET, NOT_MET, MET)).value == pytest.approx(70)
    assert score_of(CARD, marked(MET, NOT_APPLICABLE, NOT_MET)).value == pytest.approx(100 * 10 / 70)
    missed = score_of(CARD, marked(NOT_MET, MET, MET))
    assert (missed.value, missed.fatal) == (0.0, ("identity",))


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        (marked(MET, MET, MET)[:2], "no mark yet"),
        ([*marked(MET, MET, MET), ItemMark(item="identity", mark=MET)], "twice"),
        ([*marked(MET, MET, MET), ItemMark(item="tone", mark=MET)], "no such item"),
        (marked(NOT_APPLICABLE, MET, MET), "every call"),
        ([*marked(MET, MET, MET)[:2], ItemMark(item="closing", mark=NOT_MET)], "name the second"),
    ],
)
def test_marks_that_do_not_fit_the_card_are_refused_with_the_reason(marks: list[ItemMark], reason: str) -> None:
    with pytest.raises(MarksRefusedError, match=reason):
        score_of(CARD, marks)


def a_score(**values: object) -> QualityScore:
    return QualityScore(
        **{  # type: ignore[arg-type]
            "id": "s",
            "attempt_id": "a",
            "recording_id": None,
            "patient_id": "p",
            "agent_id": "agent",
            "card": "card",
            "card_version": 1,
            "grader_id": "grader",
            "begun_at": NOW,
            "changed_at": NOW,
            **values,
        }
    )


def test_an_agent_appeals_within_a_week_and_a_second_person_decides() -> None:
    poor, good = CardScore(value=70, met=70, applicable=100), CardScore(value=90, met=90, applicable=100)
    score = a_score()
    score.give(poor, NOW)
    with pytest.raises(AppealRefusedError, match="7 days"):
        score.appeal_against("late", NOW + timedelta(days=7, seconds=1))
    assert score.state is QualityState.GIVEN
    score.appeal_against("why", NOW + timedelta(days=7))
    with pytest.raises(AppealRefusedError, match="his own"):
        score.decide("no", None, by="grader", now=NOW)
    score.decide("yes", good, by="second", now=NOW)
    assert (score.state, score.value, score.value_before) == (QualityState.CHANGED, 90, 70)
    with pytest.raises(IllegalTransitionError):
        score.acknowledge(NOW)


def test_cohens_kappa_is_what_one_computes_by_hand() -> None:
    # 20 both yes, 5 yes/no, 10 no/yes, 15 both no: p_o = 0.7, p_e = 0.5*0.6 + 0.5*0.4 = 0.5, kappa = 0.4.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = cohen(pairs)
    assert found.subjects == 50
    assert found.observed == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    assert (found.few, found.good_enough) == (False, False)
    # All the same mark: chance alone would agree always, so there is nothing to tell.
    assert cohen([("y", "y")] * 5).kappa is None
    assert cohen([("y", "n"), ("n", "y")]).kappa == pytest.approx(-1.0)
    assert cohen([]).observed is None


def test_fleiss_kappa_is_what_one_computes_by_hand() -> None:
    # Three graders, four subjects: aaa, aab, abb, bbb. P_i = 1, 1/3, 1/3, 1 -> 2/3; p_a = p_b = 1/2 -> P_e = 1/2.
    found = fleiss(["aaa", "aab", "abb", "bbb"])
    assert found.observed == pytest.approx(2 / 3)
    assert found.kappa == pytest.approx((2 / 3 - 1 / 2) / (1 / 2))
    with pytest.raises(ValueError, match="two graders"):
        fleiss(["aa", "a"])


def test_a_round_tells_pairs_items_and_what_differs_of_calls_that_all_have_judged() -> None:
    def call(attempt: str, grader: str, opening: MarkKind, value: float) -> MarkedCall:
        return MarkedCall(attempt_id=attempt, grader_id=grader, marks=tuple(marked(MET, opening, MET)), value=value)

    found = agreement_of(
        [
            call("1", "x", MET, 100),
            call("1", "y", NOT_MET, 70),
            call("2", "x", MET, 100),
            call("2", "y", MET, 100),
            call("3", "x", MET, 100),
        ],
        graders=["x", "y"],
        items=["identity", "opening", "closing"],
    )
    assert found.complete == 2
    assert found.differing == (("1", "opening"),)
    assert found.overall.observed == pytest.approx(5 / 6)
    (pair,) = found.pairs
    assert (pair.agreement.subjects, pair.apart) == (6, 15)
    assert [each.agreement.observed for each in found.items] == [1, 0.5, 1]


def test_the_mean_has_an_interval_from_two_scores_on() -> None:
    assert mean_score([], fatal=0).mean is None
    assert mean_score([80], fatal=0).low is None
    found = mean_score([80, 90, 100], fatal=1)
    assert found.mean == 90
    assert found.low == pytest.approx(90 - 1.959964 * 10 / 3**0.5, abs=1e-4)
    assert (found.high, found.few, found.fatal) == (100.0, True, 1)


def candidates(calls: list[tuple[int, bool, bool]]) -> list[Candidate]:
    return [
        Candidate(
            attempt_id=f"call-{place}",
            agent_id=f"agent-{agent}",
            queue_id="q",
            plan="",
            red_flag=red,
            complaint=complaint,
        )
        for place, (agent, red, complaint) in enumerate(calls)
    ]


CALLS = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from((False, False, False, True))), max_size=120
)
RULES = st.builds(
    SampleRule,
    seed=st.integers(0, 999),
    margin=st.sampled_from((0.05, 0.1, 0.3)),
    confidence=st.sampled_from((0.9, 0.95)),
    at_least=st.integers(0, 6),
    strata=st.sampled_from((frozenset(), frozenset({Stratum.AGENT}), frozenset({Stratum.AGENT, Stratum.QUEUE}))),
)


@given(calls=CALLS, rule=RULES, turned=st.randoms(use_true_random=False))
def test_a_sample_holds_every_flagged_call_keeps_its_margin_and_depends_on_seed_and_calls_alone(
    calls: list[tuple[int, bool, bool]], rule: SampleRule, turned: object
) -> None:
    known = candidates(calls)
    sample = draw(known, rule)
    chosen = [call.attempt_id for call in sample.calls]
    assert len(set(chosen)) == len(chosen)
    flagged = {each.attempt_id for each in known if each.red_flag or each.complaint}
    assert {call.attempt_id for call in sample.calls if call.because is not Because.DRAWN} == flagged
    assert sample.certain == len(flagged)
    assert sample.population == len(known) - len(flagged)
    assert sample.margin is None if sample.population == 0 else sample.margin is not None
    if sample.margin is not None:
        assert sample.margin <= rule.margin + 1e-9
    for part in sample.parts:
        assert min(part.population, rule.at_least) <= part.drawn <= part.population
    shuffled = list(known)
    turned.shuffle(shuffled)  # type: ignore[attr-defined]
    again = draw(shuffled, rule)
    assert set(again.calls) == set(sample.calls)
    assert digest_of(shuffled) == digest_of(known)


@given(population=st.integers(1, 100_000), margin=st.floats(0.01, 0.5), confidence=st.sampled_from((0.9, 0.95, 0.99)))
def test_as_many_as_needed_keep_the_margin_and_one_fewer_would_not(
    population: int, margin: float, confidence: float
) -> None:
    count = needed(population, confidence=confidence, margin=margin)
    reached = margin_of([(population, count)], confidence=confidence)
    assert reached is not None
    assert reached <= margin + 1e-9
    if 1 < count < population:
        fewer = margin_of([(population, count - 1)], confidence=confidence)
        assert fewer is not None
        assert fewer > margin - 1e-9


def test_the_textbook_sizes() -> None:
    assert needed(10**9, confidence=0.95, margin=0.05) == 385
    assert needed(1000, confidence=0.95, margin=0.05) == 278
    assert needed(100, confidence=0.95, margin=0.1) == 50


def test_small_strata_are_drawn_from_until_the_whole_keeps_its_margin() -> None:
    # In proportion one of each three would do for 24 calls at once, and leaves a margin of 34.6 points in strata.
    known = candidates([(place % 8, False, False) for place in range(24)])
    sample = draw(known, SampleRule(seed=1, margin=0.3, at_least=0))
    assert margin_of([(3, 1)] * 8, confidence=0.95) == pytest.approx(0.346, abs=1e-3)
    assert sample.margin is not None
    assert sample.margin <= 0.3
    assert sample.drawn == 16


def test_another_seed_draws_other_calls() -> None:
    known = candidates([(0, False, False)] * 200)
    first, second = ({call.attempt_id for call in draw(known, SampleRule(seed=seed)).calls} for seed in (1, 2))
    assert first != second
    assert len(first) == len(second)
