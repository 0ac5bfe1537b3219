"""A slip of the pen in a risk model stops whoever reads it, with the file's name and what is wrong."""

import shutil
from pathlib import Path

import pytest

from care.risk.hazards import HazardMethod
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("content")
    for name in ("risk", "risk_inputs.yaml", "diagnosis_groups.yaml", "request_causes.yaml"):
        source = REPOSITORY / "content" / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    return folder


SLIPS = [
    ("risk/china_par.yaml", "{input: waist,", "{input: waste,", "asks for waste"),
    ("risk/china_par.yaml", "{of: [smoker]", "{of: [smokes]", "cannot be reckoned for a male: smokes must be"),
    ("risk/lace.yaml", "{input: charlson}", "{input: charlson}\n  - {input: charlson}", "names an input twice"),
    (
        "risk/lace.yaml",
        "{at_least: 14, points: 7}",
        "{at_least: 14, above: 13, points: 7}",
        "at_least or above, not both",
    ),
    ("risk/ncdrs.yaml", "  - {input: sex}\n", "", "differs for the sexes"),
    ("risk/findrisc.yaml", "{input: active, absent: 2}", "{input: active}", "write steps, or words, or present"),
    ("risk/hospital.yaml", "id: hospital", "id: lace", "an id is used twice"),
    ("risk_inputs.yaml", "groups: [ascvd, stroke]", "groups: [ascvd, strokes]", "there is no group strokes"),
    ("risk_inputs.yaml", "cause: report", "cause: rapport", "rapport is no cause"),
    ("risk_inputs.yaml", "现为 {after}", "现为 {now}", "needs the places after, before, model"),
    ("risk_inputs.yaml", "  missing: {zh: 缺少该项, en: is not in the record}\n", "", "no words for missing"),
    ("risk_inputs.yaml", "unless: [severe_liver]", "unless: [severe_livers]", "weights does not have severe_livers"),
    ("risk_inputs.yaml", "concept: hdl}", "concept: hdl, stated: true}", "cannot be stated as well"),
]


@pytest.mark.parametrize(("file", "written", "slip", "said"), SLIPS)
def test_a_slip_is_refused_in_words(
    shipped: Path, tmp_path: Path, file: str, written: str, slip: str, said: str
) -> None:
    folder = tmp_path / "content"
    shutil.copytree(shipped, folder)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert written in text
    path.write_text(text.replace(written, slip, 1), encoding="utf-8")
    with pytest.raises(ContentError, match=said):
        _ = Content(folder).risk_models


def test_every_figure_of_a_model_is_in_its_file(shipped: Path) -> None:
    model = Content(shipped).risk_models["framingham-2008"]
    assert isinstance(model.method, HazardMethod)
    assert model.method.equations["male"].mean == 23.9802
    assert {band.key for band in model.bands_for("male")} == {"low", "moderate", "high"}


def test_every_input_is_known_to_results_and_has_its_unit() -> None:
    content = Content(REPOSITORY / "content")
    for wanted in content.risk_inputs.values():
        if wanted.concept:
            assert wanted.concept in content.concepts
            if wanted.kind == "number":
                assert wanted.unit == content.concepts[wanted.concept].unit
