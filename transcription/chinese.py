"""Chinese text in one spelling: simplified characters."""

from functools import cache

from opencc import OpenCC


@cache
def _converter() -> OpenCC:
    return OpenCC("tw2s")


def to_simplified(text: str) -> str:
    """Traditional characters as simplified ones, one for one."""
    simplified: str = _converter().convert(text)
    return simplified
