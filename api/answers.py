"""Answers to a form's questions: whether one fits its question."""

from runtime.content.forms import FormItem

LONGEST_TEXT = 2000
AnswerValue = bool | float | str


class AnswerRefusedError(ValueError):
    """The answer does not fit the question; the sentence says what would."""


def checked(item: FormItem, value: AnswerValue) -> AnswerValue:
    """The answer as it is stored, or AnswerRefusedError."""
    match item.kind:
        case "yes_no":
            return _yes_no(value)
        case "number":
            return _number(item, value)
        case "choice":
            return _choice(item, value)
        case "text":
            return _text(value)


def _yes_no(value: AnswerValue) -> bool:
    if not isinstance(value, bool):
        raise AnswerRefusedError("is answered with true or false")
    return value


def _number(item: FormItem, value: AnswerValue) -> float:
    if isinstance(value, (bool, str)):
        raise AnswerRefusedError("is answered with a number")
    if item.minimum is not None and value < item.minimum:
        raise AnswerRefusedError(f"is answered with a number of at least {item.minimum:g}")
    if item.maximum is not None and value > item.maximum:
        raise AnswerRefusedError(f"is answered with a number of at most {item.maximum:g}")
    return value


def _choice(item: FormItem, value: AnswerValue) -> str:
    allowed = [choice.value for choice in item.choices]
    if not isinstance(value, str) or value not in allowed:
        raise AnswerRefusedError(f"is answered with one of {', '.join(allowed)}")
    return value


def _text(value: AnswerValue) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT:
        raise AnswerRefusedError(f"is answered with a text of 1 to {LONGEST_TEXT} characters")
    return value
