"""The languages that calls are held in, and the one of a single turn: two may be spoken in one call."""

import re

LANGUAGES = ("zh", "en")
AUTO = "auto"


def spoken_language(of_queue: str | None, of_patient: str) -> str:
    """The language of a call: the queue's, else the patient's; `auto` where that is none of ours."""
    language = (of_queue or of_patient).partition("-")[0].lower()
    return language if language in LANGUAGES else AUTO


def language_of_turn(text: str, of_call: str) -> str:
    """The language a turn is in: characters are Chinese, several words of letters English; else the call's.

    "CT" or "OK" between Chinese turns is the call's language still.
    """
    if _CHARACTER.search(text):
        return "zh"
    return "en" if len(_WORD.findall(text)) >= _FEWEST_WORDS else of_call


_CHARACTER = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_WORD = re.compile("[A-Za-z']*[a-z][A-Za-z']*")
_FEWEST_WORDS = 2
