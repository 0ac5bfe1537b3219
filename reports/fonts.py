"""The fonts that reports are set with: where they lie, and whether they have every character of a text."""

import importlib.util
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont

FAMILY = "Noto Sans CJK SC"
PACKAGE = "manimgx_fonts_cjk"
"""The wheel that brings Noto Sans CJK whole, with the rare characters of names; requirements name it."""
_SYSTEM = Path("/usr/share/fonts/opentype/noto")
"""Where Debian's fonts-noto-cjk puts the same family."""
_WITHOUT_A_LETTER = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_ENDINGS = frozenset({".ttf", ".otf", ".ttc", ".otc"})


class FontsMissingError(Exception):
    """Reports cannot be set; the text says what to install."""


def font_folders(further: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The folders with fonts: the wheel's or the system's, then those that the hospital names."""
    found = [folder for folder in (_of_package(), _SYSTEM) if folder is not None and folder.is_dir()]
    if not found:
        raise FontsMissingError(
            f"the font {FAMILY} is not there: pip install manimgx-fonts-cjk, or apt-get install fonts-noto-cjk"
        )
    return (found[0], *further)


def missing_characters(text: str, folders: Iterable[Path]) -> str:
    """The characters of `text` that no font of these folders has, in their order."""
    wanted = dict.fromkeys(each for each in text if unicodedata.category(each) not in _WITHOUT_A_LETTER)
    known = _characters(tuple(folders))
    return "".join(each for each in wanted if ord(each) not in known)


@cache
def _characters(folders: tuple[Path, ...]) -> frozenset[int]:
    found: set[int] = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _ENDINGS:
                found |= _characters_of(path)
    return frozenset(found)


def _characters_of(path: Path) -> set[int]:
    if path.suffix.lower() in (".ttc", ".otc"):
        with TTCollection(path, lazy=True) as collection:
            # The faces of a collection share their letters; they differ in which form of one is drawn.
            return set(collection.fonts[0].getBestCmap())
    with TTFont(path, lazy=True) as font:
        return set(font.getBestCmap())


def _of_package() -> Path | None:
    found = importlib.util.find_spec(PACKAGE)
    return Path(found.origin).parent if found is not None and found.origin else None
