"""`suifang import` as typed: what it shows, writes, parks and takes back."""

import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from runtime.settings import Settings
from suifang.cli import app
from tests.support.engines import temporary_settings
from tests.support.lists import HEADER, as_csv, as_xlsx, discharge, id_number


@pytest.fixture
def _settings(monkeypatch: pytest.MonkeyPatch, broker_url: str, database_url: str) -> Iterator[Settings]:
    with temporary_settings() as made:
        monkeypatch.setenv("SUIFANG_STATE_DIR", str(made.state_dir))
        monkeypatch.setenv("SUIFANG_BROKER_URL", broker_url)
        monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
        monkeypatch.setenv("COLUMNS", "200")
        yield made


def typed(*words: str, typing: str = "") -> tuple[int, str]:
    finished = CliRunner().invoke(app, ["import", *words], input=typing)
    if finished.exception and not isinstance(finished.exception, SystemExit):
        raise finished.exception
    return finished.exit_code, finished.output


@pytest.mark.usefixtures("_settings")
def test_a_list_is_shown_written_and_taken_back(tmp_path: Path) -> None:
    card = id_number(7)
    rows = [discharge(place) for place in range(6)]
    rows[1] = discharge(1, 联系电话="120")
    rows[2] = discharge(2, 身份证号=card)
    file = tmp_path / "discharges.xlsx"
    file.write_bytes(as_xlsx([["出院名单"], HEADER, *rows], header=[""]))

    status, shown = typed(str(file), "--dry-run")
    assert status == 1
    assert "headers in line 3" in shown
    assert re.search(r"5 new people", shown)
    assert card not in shown
    assert card[-4:] in shown
    assert "nothing was written" in shown
    assert typed(str(file), typing="n\n")[1].endswith("nothing was written\n")

    status, shown = typed(str(file), "--yes", "--source", "HIS")
    assert status == 1
    written = re.search(r"5 rows written; import (\S+)", shown)
    assert written, shown
    errors = tmp_path / "discharges-errors.xlsx"
    assert errors.stat().st_mode & 0o777 == 0o600
    told = list(openpyxl.load_workbook(errors).worksheets[0].iter_rows(values_only=True))
    assert told[0] == (*HEADER, "错误/errors")
    assert "short or emergency" in str(told[1][-1])

    status, shown = typed("--undo", written[1])
    assert (status, "5 rows taken back, 0 stay" in shown) == (0, True), shown
    assert "undone" in typed("--undo", written[1])[1]


@pytest.mark.usefixtures("_settings")
def test_what_cannot_be_taken_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(as_csv([discharge(1)], header=["a", "b", "c", "d", "e", "f", "g"]))
    for words, expected in (
        ((str(tmp_path / "none.csv"),), "cannot be read"),
        ((str(file),), "no column was found for: name"),
        ((str(file), "--mapping", "phone"), "field=header"),
        ((str(file), "--mapping", "phone=z"), "there is no column 'z'"),
        ((str(file), "--template", "NONE"), "there is no plan template NONE"),
        ((), "name the file"),
        (("--undo", "1b4e28ba-2fa1-41d2-883f-0016d3cca427"), "there is no import"),
    ):
        status, shown = typed(*words)
        assert status == 1
        assert expected in " ".join(shown.split()), shown
    mapped = ("record_number=a", "name=b", "phone=e", "department=f", "date=g")
    status, shown = typed(str(file), "--yes", *(word for each in mapped for word in ("--mapping", each)))
    assert status == 0, shown
