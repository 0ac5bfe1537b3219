"""Chinese text in one spelling: simplified characters."""

from functools import cache

from opencc import OpenCC


@cache
def _converter() -> OpenCC:
    return OpenCC("tw2s")


def to_simplified(text: str) -> str:
    """Traditional characters as simplified ones, one for one."""
    # The converter takes the simplified 么 for a traditional character and makes 幺 of it.
    return "么".join(_converter().convert(part) for part in text.split("么"))
