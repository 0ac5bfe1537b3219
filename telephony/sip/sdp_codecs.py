"""Codecs of one call: which of them a session description names, and in which order; the library knows one order for
all calls."""

import re
from collections.abc import Sequence

_MEDIA = re.compile(r"^m=audio (?P<port>\d+) (?P<profile>\S+) (?P<formats>[\d ]+)$")
_RTPMAP = re.compile(r"^a=rtpmap:(?P<format>\d+) (?P<name>[^/\s]+)/")
_OF_FORMAT = re.compile(r"^a=(?:rtpmap|fmtp|rtcp-fb):(?P<format>\d+)[ \t]")
_STATIC = {"0": "PCMU", "8": "PCMA"}
_ALWAYS = frozenset({"telephone-event", "CN"})


def with_codecs(description: str, codecs: Sequence[str]) -> str:
    """The description with these codecs alone, best first; keys stay. Without any of them it is left as it was."""
    lines = description.split("\r\n")
    names = {found["format"]: found["name"] for line in lines if (found := _RTPMAP.match(line))}
    place = next((at for at, line in enumerate(lines) if _MEDIA.match(line)), None)
    if place is None:
        return description
    media = _MEDIA.match(lines[place])
    if media is None:
        return description
    formats = media["formats"].split()
    named = {form: names.get(form, _STATIC.get(form, "")) for form in formats}
    wanted = [form for codec in codecs for form in formats if named[form].upper() == codec.upper()]
    if not wanted:
        return description
    kept = [*wanted, *(form for form in formats if named[form] in _ALWAYS)]
    dropped = set(formats) - set(kept)
    lines[place] = f"m=audio {media['port']} {media['profile']} {' '.join(kept)}"
    return "\r\n".join(line for line in lines if not ((found := _OF_FORMAT.match(line)) and found["format"] in dropped))
