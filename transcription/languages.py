"""The languages that calls are held in."""

LANGUAGES = ("zh", "en")
AUTO = "auto"


def spoken_language(of_queue: str | None, of_patient: str) -> str:
    """The language of a call: the queue's, else the patient's; `auto` where that is none of ours."""
    language = (of_queue or of_patient).partition("-")[0].lower()
    return language if language in LANGUAGES else AUTO
