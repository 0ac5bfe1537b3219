"""Every cause has words in both languages, in one place."""

from pathlib import Path

import pytest

from followup.calls import CauseCode
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY


def test_every_cause_has_words_in_chinese_and_english() -> None:
    words = Content(REPOSITORY / "content").end_reasons
    assert set(words) == set(CauseCode)
    assert all(any("一" <= letter <= "鿿" for letter in each.zh) for each in words.values())
    assert len({each.zh for each in words.values()}) == len({each.en for each in words.values()}) == len(CauseCode)


def test_a_cause_without_words_is_named(tmp_path: Path) -> None:
    whole = (REPOSITORY / "content" / "end_reasons.yaml").read_text()
    (tmp_path / "end_reasons.yaml").write_text(whole.partition("  worker_lost:")[0])
    with pytest.raises(ContentError, match="no words for worker_lost"):
        _ = Content(tmp_path).end_reasons
