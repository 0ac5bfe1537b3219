"""A template that cannot be used is refused with its file, the place and the reason."""

import shutil
from pathlib import Path

import pytest

from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY

STEP = "  - {key: a, mode: agent, queue: discharge, form: discharge_core, earliest: 1 d, target: 2 d, latest: 3 d}\n"
HEAD = """id: X01
version: 1
title: {zh: 试, en: Trial}
purpose: care
status: draft
source: tests
anchor: discharge
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY / "content", tmp_path / "content", ignore=shutil.ignore_patterns("*.wav")))


def refusal(folder: Path, text: str) -> str:
    (folder / "plans" / "trial.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError) as refused:
        assert Content(folder).plans
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.replace("purpose: care", "purpose: sales") + "steps:\n" + STEP, ["purpose", "'care'"]),
        (HEAD + "zone: Asia/Atlantis\nsteps:\n" + STEP, ["zone", "Asia/Atlantis is not a time zone"]),
        (HEAD + "steps:\n" + STEP + STEP.replace("key: a", "key: b"), ["steps a and b overlap in queue discharge"]),
        (HEAD + "steps:\n" + STEP.replace("queue: discharge", "queue: nowhere"), ["step a", "no queue nowhere"]),
        (HEAD + "steps:\n" + STEP.replace("queue: discharge", "queue: complaints"), ["step a", "is for complaint"]),
        (HEAD + "steps:\n" + STEP.replace("mode: agent", "mode: automated, flow: x"), ["step a is automated"]),
        (HEAD + "steps:\n" + STEP.replace("form: discharge_core", "form: nothing"), ["step a", "no form nothing"]),
        (HEAD + "steps:\n" + STEP.replace("2 d", "2 fortnights"), ["steps.0.target", "as 48 h"]),
        (HEAD + "steps:\n" + STEP.replace("target: 2 d", "target: 4 d"), ["step a: earliest, target and latest"]),
        (HEAD + "red_flags: [gout]\nsteps:\n" + STEP, ["red_flags", "red_flags/gout.yaml"]),
        (HEAD + "rules: gout\nsteps:\n" + STEP, ["rules", "topic gout"]),
        (HEAD.replace("anchor: discharge\n", "") + "steps:\n" + STEP, ["anchor", "required"]),
    ],
)
def test_a_fault_is_told_with_file_place_and_reason(folder: Path, text: str, words: list[str]) -> None:
    told = refusal(folder, text)
    for word in ("content/plans/trial.yaml", *words):
        assert word in told


def test_rules_without_an_answer_for_every_class_or_age_are_refused(folder: Path) -> None:
    path = folder / "follow_up_rules" / "bphs_2017_hypertension.yaml"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace("  controlled: []\n", ""), encoding="utf-8")
    with pytest.raises(ContentError, match="say what follows for controlled"):
        assert Content(folder).follow_up_rules
    path.write_text(whole.replace("  - {below: {systolic: 140, diastolic: 90}}\n", ""), encoding="utf-8")
    with pytest.raises(ContentError, match="must name no age"):
        assert Content(folder).follow_up_rules
