"""The character set of a message: what MSH-18 calls it, and its text; nothing is decoded by guess."""

import re

_CODECS = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "ISOIR6": "ascii",
    "8859/1": "latin-1",
    "ISO88591": "latin-1",
    "ISO8859/1": "latin-1",
    "ISOIR100": "latin-1",
    "8859/15": "iso8859-15",
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "ISOIR192": "utf-8",
    "GB180302000": "gb18030",
    "GB180302005": "gb18030",
    "GB180302022": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "CP936": "gb18030",
    "GB2312": "gb18030",
    "GB231280": "gb18030",
    "ISOIR58": "gb18030",
    "BIG5": "big5hkscs",
}
"""GB 18030 holds GBK and GB 2312 as they are."""

_BOM = b"\xef\xbb\xbf"


class CharsetRefusedError(ValueError):
    """MSH-18 names a character set that nobody knows here."""


class WrongBytesError(ValueError):
    """The bytes are not in the character set that the message names."""


def codec_of(named: str, *, otherwise: str) -> str:
    """Python's name of the character set; `otherwise` where the message names none."""
    first = re.split(r"[~^]", named, maxsplit=1)[0]
    plain = re.sub(r"[\s_-]", "", first).upper()
    if not plain:
        return _CODECS.get(re.sub(r"[\s_-]", "", otherwise).upper(), "utf-8")
    if plain not in _CODECS:
        raise CharsetRefusedError(
            f"MSH-18 names the character set {named[:40]}, which is not read here: send UNICODE UTF-8 or GB 18030-2000"
        )
    return _CODECS[plain]


def decoded(raw: bytes, codec: str) -> str:
    """The text of a message; WrongBytesError with the place of the first byte that does not fit.

    Plain ASCII is named by many systems that send UTF-8: what is valid UTF-8 is read as such there.
    """
    plain = raw.removeprefix(_BOM)
    try:
        return plain.decode("utf-8" if codec == "ascii" else codec)
    except UnicodeDecodeError as error:
        raise WrongBytesError(
            f"byte {error.start + 1} is not {codec}: correct MSH-18, or the character set of this sender in "
            "content/feeds"
        ) from None
