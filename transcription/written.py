"""What was said as it would be written down: numbers in figures, units as signs, everything else as it is."""

from collections.abc import Collection

from transcription.written_chinese import written_chinese
from transcription.written_english import written_english


def written(text: str, language: str, names: Collection[str] = ()) -> str:
    """A text with 一百四十 as 140, "one forty over ninety" as 140/90; what is written already stays.

    `names` are names of medicines that look like numbers (十滴水): they are never touched.
    """
    return written_chinese(text, names) if language == "zh" else written_english(text, names)
