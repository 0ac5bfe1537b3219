"""How Chinese text sounds, roughly: models write names and medicines as they sound, not as they are spelled."""

import re
from functools import lru_cache

from pypinyin import Style, lazy_pinyin


@lru_cache(maxsize=4096)
def syllables(chinese: str) -> tuple[str, ...]:
    """One for each character, without tones and without what southern speakers do not tell apart (zh/z, -ng/-n)."""
    return tuple(
        re.sub(r"^([zcs])h", r"\1", syllable).replace("ng", "n")
        for syllable in lazy_pinyin(chinese, style=Style.NORMAL)
    )
