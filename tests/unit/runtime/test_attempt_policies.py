"""Attempt policies as files: a row for every outcome, a queue's own values, and texts that say nothing about health."""

import shutil
from pathlib import Path

import pytest

from followup.outcomes import AttemptOutcome
from followup.what_next import NextAction
from runtime.content.attempt_policies import PolicyChangeError
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.content.messages import MessageValueError
from runtime.settings import REPOSITORY

SHIPPED = Content(REPOSITORY / "content")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A hospital's own copy of the content."""
    for name in ("attempt_policies", "messages"):
        shutil.copytree(REPOSITORY / "content" / name, tmp_path / name)
    shutil.copy(REPOSITORY / "content" / "health_words.yaml", tmp_path)
    return tmp_path


def test_every_shipped_policy_has_a_row_for_every_outcome() -> None:
    for policy in SHIPPED.policies.values():
        assert set(policy.rows) == set(AttemptOutcome)


def test_the_shipped_default_spreads_three_tries_and_never_counts_congestion() -> None:
    policy = SHIPPED.policies["default"]
    assert (policy.max_attempts, policy.spread_days, policy.spread_parts, policy.per_day) == (3, 2, 2, 2)
    assert policy.fast_rejection_gap.total_seconds() >= 4 * 3600
    assert not policy.rows[AttemptOutcome.NETWORK_FAILURE].counts
    assert policy.when_exhausted is NextAction.OTHER_CHANNEL


def test_a_policy_that_forgets_an_outcome_is_refused_by_name(own: Path) -> None:
    path = own / "attempt_policies" / "default.yaml"
    path.write_text(
        "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("  busy")),
        encoding="utf-8",
    )
    with pytest.raises(ContentError, match="default: no row for busy"):
        _ = Content(own).policies


def test_a_policy_that_sends_a_text_nobody_wrote_is_refused(own: Path) -> None:
    (own / "messages" / "missed_call.yaml").unlink()
    with pytest.raises(ContentError, match="default sends missed_call"):
        _ = Content(own).policies


@pytest.mark.parametrize("word", ["您的化验结果出来了。", "Your cardiology appointment"])
def test_a_message_that_says_something_about_health_is_refused(own: Path, word: str) -> None:
    path = own / "messages" / "missed_call.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('zh: "', f'zh: "{word}'), encoding="utf-8")
    with pytest.raises(ContentError, match=r"missed_call says.*whoever holds the telephone"):
        _ = Content(own).messages


def test_a_place_that_nobody_fills_in_is_refused_and_an_empty_value_named(own: Path) -> None:
    with pytest.raises(MessageValueError, match="before_call needs number"):
        SHIPPED.messages["before_call"].written("zh", {"hospital": "海澜市第一人民医院", "number": ""})
    path = own / "messages" / "missed_call.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("{hospital}", "{doctor}"), encoding="utf-8")
    with pytest.raises(ContentError, match="nobody fills in doctor"):
        _ = Content(own).messages


def test_a_queue_changes_single_values_and_single_fields_of_a_row() -> None:
    document = SHIPPED.policy_documents["default"]
    changed = document.changed({"max_attempts": 5, "outcomes": {"busy": {"repeats": 1}}}).value()
    assert changed.max_attempts == 5
    assert changed.rows[AttemptOutcome.BUSY].repeats == 1
    assert changed.rows[AttemptOutcome.BUSY].gap == SHIPPED.policies["default"].rows[AttemptOutcome.BUSY].gap


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"maximum": 3}, "maximum"),
        ({"id": "mine"}, "belongs to the file"),
        ({"outcomes": {"busy": {"gap_seconds": -1}}}, "outcomes.busy.gap_seconds"),
        ({"outcomes": {"asleep": {"gap_seconds": 1}}}, "outcomes.asleep"),
        ({"outcomes": {"network-failure": {"counts": True}}}, "may not count"),
        ({"outcomes": []}, "outcomes"),
    ],
)
def test_values_that_make_no_policy_are_refused_with_their_field(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(PolicyChangeError, match=fault):
        SHIPPED.policy_documents["default"].changed(changes)
