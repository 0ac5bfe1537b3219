"""What a signature stands for stays the same when the program learns to tell more; a token has one spelling."""

import string
from dataclasses import replace

import pytest

from care.stage_facts import ResultPoint
from reports.signing import CheckedToken, content_digest, read_token, token_of
from tests.support.summaries import a_summary, full_facts

DOCTOR = "0193b0de-0000-7000-8000-000000000001"
AS_SIGNED = "c15d24b3e79415483b07b5bc132c44993aed560c6dd8f67b6f0492cf0bdb7a7c"


def test_a_summary_that_was_signed_by_an_older_version_is_still_genuine() -> None:
    """Prints hang on it: whoever changes what is hashed makes every print there is a forgery."""
    assert content_digest(a_summary(full_facts(), signed_by=DOCTOR)) == AS_SIGNED


@pytest.mark.parametrize("changed", [{"value": 0.0}, {"text": "<0.1"}, {"low": 0.0}, {"source": ""}])
def test_every_part_of_a_result_is_signed(changed: dict[str, float | str]) -> None:
    facts = full_facts()
    line = facts.results[0]
    point: ResultPoint = replace(line.points[0], **changed)  # type: ignore[arg-type]
    other = replace(facts, results=(replace(line, points=(point, *line.points[1:])), *facts.results[1:]))
    signed, told = (content_digest(a_summary(each, signed_by=DOCTOR)) for each in (facts, other))
    assert signed != told


KEYS = ("k" * 40, "n" * 40)
LETTERS = string.ascii_letters + string.digits + "-_"


def a_token(keys: tuple[str, ...] = KEYS) -> str:
    summary = a_summary(full_facts(), signed_by=DOCTOR)
    summary.content_sha256 = AS_SIGNED
    return token_of(summary, 1, keys)


@pytest.mark.parametrize("keys", [KEYS[:1], KEYS])
def test_a_token_is_genuine_in_one_spelling_only(keys: tuple[str, ...]) -> None:
    token = a_token(keys)
    assert read_token(token, KEYS) == CheckedToken(
        number=a_summary(full_facts()).number, ordinal=1, digest=AS_SIGNED[:12]
    )
    for place, written in enumerate(token):
        for letter in LETTERS:
            if letter != written:
                assert read_token(token[:place] + letter + token[place + 1 :], KEYS) is None


@pytest.mark.parametrize("strange", ["=", "==", "\n", " ", "*", "é", "\ud800", "A"])
def test_nothing_is_passed_over_in_a_token(strange: str) -> None:
    token = a_token()
    for place in range(len(token) + 1):
        assert read_token(token[:place] + strange + token[place:], KEYS) is None
