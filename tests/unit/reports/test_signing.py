"""What a signature stands for stays the same when the program learns to tell more."""

from dataclasses import replace

import pytest

from care.stage_facts import ResultPoint
from reports.signing import content_digest
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
