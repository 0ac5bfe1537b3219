"""The list of what the town's patients and the scripted agents say: `speech/manifest.tsv`."""

import csv
from dataclasses import dataclass, fields
from pathlib import Path

SPEECH = Path(__file__).parent / "speech"
MANIFEST_NAME = "manifest.tsv"


class SpeechManifestError(ValueError):
    """A manifest that cannot be used; the text names the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One WAV of the demo; `voice` says what made it: `recorded:FILE`, `kokoro:NAME`, `hibari:NAME` or `tone:HZ`."""

    file: str
    role: str
    language: str
    text: str
    voice: str
    source: str
    license: str


def load_utterances(folder: Path = SPEECH) -> tuple[Utterance, ...]:
    """Every row of the manifest, in its order."""
    path = folder / MANIFEST_NAME
    names = [field.name for field in fields(Utterance)]
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if rows.fieldnames != names:
            raise SpeechManifestError(f"{path} has the columns {rows.fieldnames}; it needs {names}")
        utterances = []
        for row in rows:
            if any(row[name] is None for name in names) or None in row:
                raise SpeechManifestError(f"{path}, line {rows.line_num}: not {len(names)} columns; mend the tabs")
            utterances.append(Utterance(**row))
    return tuple(utterances)
