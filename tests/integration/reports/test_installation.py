"""An installation that prints: its worker knows the task, its doctor the fonts, its key is made once and is private."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from reports.fonts import FontsMissingError, font_folders
from reports.keys import report_keys
from reports.shop import print_shop
from reports.signing import content_digest, is_of, read_token, token_of
from reports.tasks import SET_PRINT
from reports.typesetting import NotPrintableError, typeset
from runtime.content.library import Content
from runtime.routing import ROUTES
from runtime.settings import REPOSITORY, Settings
from suifang.findings import Verdict
from suifang.report_checks import check_reports
from tests.support.engines import temporary_settings
from tests.support.summaries import SIGNED_AT, a_summary, full_facts


@pytest.fixture
def settings() -> Iterator[Settings]:
    with temporary_settings() as made:
        yield made


def changed(settings: Settings, **values: Any) -> Settings:
    return Settings.model_validate({**settings.model_dump(exclude={"public_url"}), **values})


def test_the_task_of_the_event_is_the_one_that_is_registered() -> None:
    assert ROUTES["print_asked"] == (SET_PRINT,)


def test_the_key_is_made_once_private_and_the_same_for_every_process(settings: Settings) -> None:
    keys = report_keys(settings)
    assert report_keys(settings) == keys
    path = settings.keys_dir / "report.key"
    assert path.stat().st_mode & 0o077 == 0
    shop = print_shop(settings, Content(REPOSITORY / "content"))
    assert shop.keys == keys


def test_a_named_key_goes_before_and_old_prints_stay_genuine_when_it_is_turned(settings: Settings) -> None:
    old, new = "old-" + "k" * 40, "new-" + "k" * 40
    before = report_keys(changed(settings, report_keys=SecretStr(old)))
    after = report_keys(changed(settings, report_keys=SecretStr(f"{old}, {new}")))
    summary = a_summary(full_facts())
    summary.content_sha256 = content_digest(summary)
    token = token_of(summary, 1, before)
    read = read_token(token, after)
    assert read is not None
    assert is_of(read, summary)
    assert read_token(token_of(summary, 1, after), before) is None
    assert read_token(token, ()) is None
    summary.conclusion += "。"
    assert not is_of(read, summary)


def test_a_short_key_is_refused_by_its_place(settings: Settings) -> None:
    with pytest.raises(ValidationError, match="key 2 is shorter than 32"):
        changed(settings, report_keys=SecretStr("k" * 40 + ",short"))


def test_the_doctor_says_what_a_print_would_lack(settings: Settings, tmp_path: Path) -> None:
    reachable = {"public_url": "https://follow-up.hospital.example"}
    assert check_reports(changed(settings, **reachable)).verdict is Verdict.GOOD
    assert check_reports(settings).verdict is Verdict.NOTE
    lost = check_reports(changed(settings, font_folders=str(tmp_path / "gone"), **reachable))
    assert (lost.verdict, "SUIFANG_FONT_FOLDERS" in lost.mend) == (Verdict.WRONG, True)
    shared = changed(settings, database_url="postgresql+psycopg://u:p@db/s", **reachable)
    assert "SUIFANG_REPORT_KEYS" in check_reports(shared).mend


def test_without_any_font_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("reports.fonts.PACKAGE", "no_such_package_here")
    monkeypatch.setattr("reports.fonts._SYSTEM", tmp_path / "none")
    with pytest.raises(FontsMissingError, match=r"pip install.*apt-get install"):
        font_folders()


def test_a_document_that_does_not_fit_the_template_is_refused_in_words() -> None:

    with pytest.raises(NotPrintableError, match="template does not fit"):
        typeset({"title": "x"}, at=SIGNED_AT)
