"""What the recorded prompts and the sentences put together from them say, as a reader sees it."""

import re
from pathlib import Path
from typing import Any

import yaml

from runtime.content.documents import Wording

_VALUE = re.compile(r"\{(\w+)(?::\w+)?\}")


def prompt_texts(folder: Path) -> dict[str, Wording]:
    """The words of every prompt and sentence by key; the place of a value shows the value's name in brackets."""
    spoken: dict[str, dict[str, str]] = {"zh": {}, "en": {}}
    for entry in _entries(folder, "prompts"):
        if entry["language"] in spoken:
            spoken[entry["language"]][entry["key"]] = entry["text"]
    for sentence in _entries(folder, "sentences"):
        for language, known in spoken.items():
            between = " " if language == "en" else ""
            # A value is said in several pieces (weekday, date, time): a reader sees its place once.
            parts = dict.fromkeys(_said(part, known) for part in sentence[language])
            known[sentence["key"]] = between.join(parts)
    return {key: Wording(zh=text, en=spoken["en"].get(key, text)) for key, text in spoken["zh"].items()}


def _entries(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / f"{name}.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found: list[dict[str, Any]] = document.get(name, [])
    return found


def _said(part: str, known: dict[str, str]) -> str:
    value = _VALUE.fullmatch(part)
    return f"[{value[1]}]" if value else known.get(part, part)
