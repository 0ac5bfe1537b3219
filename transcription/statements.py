"""How something was said: plainly, denied, asked, supposed, of long ago, of another; and what a short reply means.

Grammar of the two languages only. What is looked for is content.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from followup.recordings import Turn
from transcription.assertion import Told, told


class Standing(StrEnum):
    """What a speaker makes of the words he says."""

    SAID = "said"
    DENIED = "denied"
    ASKED = "asked"
    SUPPOSED = "supposed"
    PAST = "past"
    OF_ANOTHER = "of-another"


class Reply(StrEnum):
    """What a short reply means."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a turn, as it is written, and the seconds in which it was said."""

    text: str
    turn: int
    start: float
    end: float
    confidence: float

    @property
    def lower(self) -> str:
        """For comparing."""
        return self.text.lower().replace("’", "'")


# A point between digits belongs to a number.
_SENTENCE = re.compile(r"(?:[^。！？!?.；;]|\.(?=\d))+[。！？!?.；;]*")


def sentences_of(turn: Turn, number: int) -> list[Sentence]:
    """The sentences of a turn; their seconds are shares of the turn's by length."""
    text = turn.as_written
    found = [match for match in _SENTENCE.finditer(text) if match.group().strip()]
    spoken, length = turn.end - turn.start, max(len(text), 1)
    return [
        Sentence(
            text=match.group().strip(),
            turn=number,
            start=round(turn.start + spoken * match.start() / length, 2),
            end=round(turn.start + spoken * match.end() / length, 2),
            confidence=turn.confidence,
        )
        for match in found
    ]


def occurrences(word: str, text: str, language: str) -> Iterator[tuple[int, int]]:
    """Where a word stands in a lower-case text; English words count only whole."""
    pattern = re.escape(word) if language == "zh" else rf"\b{re.escape(word)}\b"
    return (match.span() for match in re.finditer(pattern, text))


def holds(words: Iterable[str], text: str, language: str) -> bool:
    """Whether any of the words stands in a lower-case text."""
    return any(True for word in words for _ in occurrences(word, text, language))


_QUESTION = {
    # Models of speech write few question marks in Chinese.
    "zh": re.compile(
        r"[吗嘛么呢?？]\W*$|有没有|是不是|会不会|能不能|要不要|可不可以|该不该|怎么(?:样|办|吃|用|回事)|如何|多(?:少|久|长时间|痛|疼|高|重|大)"
        r"|几[天次分度个点号]|(?<!没)什么(?:时候|原因|问题|办法|药)|为什么|哪[个里儿些]|找谁|谁[来在]"
    ),
    "en": re.compile(
        r"\?\W*$|^\W*(?:(?:and|so|but|well|um|uh)\W+)*(?:is|are|do|does|did|can|could|should|will|would|shall|have|has|"
        r"what|when|where|why|how|which|who|whom|may|any)\b"
    ),
}
_TAG_QUESTION = re.compile(r"(?:没有|了没|吧)\W*$")
_ASKED_BEFORE = {
    "zh": re.compile(r"(?:有没有|会不会|是不是|算不算|能不能)[^，,]*$"),
    "en": re.compile(r"\b(?:could|might|is it|does it|will i|would i|whether|if)\b[^,]*$"),
}
_STANDINGS = {
    Told.PRESENT: Standing.SAID,
    Told.DENIED: Standing.DENIED,
    Told.OF_OTHERS: Standing.OF_ANOTHER,
    Told.PAST: Standing.PAST,
    Told.SUPPOSED: Standing.SUPPOSED,
}


def standing(text: str, start: int, end: int, language: str, *, by_relative: bool = False) -> Standing:
    """What the speaker of a lower-case sentence makes of its words from `start` to `end`.

    `by_relative`: a relative speaks for the patient, so that "my mother" is the patient.
    """
    clause = re.split(r"[，,]", text[:start])[-1] if language == "zh" else text[:start]
    how = _STANDINGS[told(text, start, end, language, by_relative=by_relative)]
    if how is Standing.SAID and (_ASKED_BEFORE[language].search(clause) or _ends_as_question(text, end, language)):
        return Standing.ASKED
    return how


def _ends_as_question(text: str, end: int, language: str) -> bool:
    clause = re.split(r"[，,]", text[end:])[0] if language == "zh" else text[end:]
    return re.search(r"[吗嘛?？]\W*$|吗", clause) is not None if language == "zh" else clause.rstrip().endswith("?")


def is_question(text: str, language: str) -> bool:
    """Whether a lower-case sentence asks."""
    return _QUESTION[language].search(text) is not None


def asks(text: str, language: str) -> bool:
    """Whether somebody who leads the talk asks with a lower-case sentence: also 都拿到了没有 and 都拿到了吧."""
    return is_question(text, language) or (language == "zh" and _TAG_QUESTION.search(text) is not None)


_FILLER = {
    "zh": re.compile(r"^(?:嗯|呃|啊|哦|噢|额|哎|唉|诶|那个|这个|就是|[，,、。\s])+"),
    "en": re.compile(r"^(?:(?:um|uh|well|oh|er|hmm|so|actually|i think|i guess)\b|[\s,.])+"),
}
_NO = {
    "zh": re.compile(
        r"^(?:都|也|还|倒|从来|现在|暂时|一直|基本|应该|就|我)*(?:没有|没得|没|不是|不会|不能|不用|不行|不大|不太|不|无|未|冇)(?!知道|清楚|记得|错|好说|一定|问题|关系)"
    ),
    "en": re.compile(
        r"^(?:no(?! problem)|nope|nah|none|never|not (?:really|at all|any|yet)|"
        r"i (?:haven't|don't|didn't|can't|cannot|am not|wasn't)|"
        r"i'm not|it (?:doesn't|isn't|hasn't)|haven't|don't|didn't|can't)\b"
    ),
}
_YES = {
    "zh": re.compile(
        r"^(?:都|也|还|倒|现在|已经|当然|一直|经常|我)*(?:有(?!没)|偶尔|有时候?|经常|常常|老是|是(?!不|谁)|对(?!不)|会(?!不)|能(?!不)|可以|行|好的|好啊|知道|清楚|"
        r"记得|明白|晓得|拿到|拿齐|领了|配齐|齐了|没问题|没错)"
    ),
    "en": re.compile(
        r"^(?:yes|yeah|yep|yup|sure|of course|certainly|right|correct|i do|i have|i did|i can|i am|i will|i know|"
        r"it does|no problem|it has|it is|sometimes|a little|a bit|absolutely|definitely|they are|"
        r"he does|she does|he has|she has)\b"
    ),
}
_TAKEN_BACK = {
    "zh": re.compile(r"没(?!错|问题|事|关系)|不(?!过|错|客气|用谢|好意思)"),
    "en": re.compile(r"\b(?:no|not|none|except|but|never)\b|n't\b"),
}
_UNKNOWN = {
    "zh": re.compile(r"(?:不|没)(?:太|大)?(?:知道|清楚|记得)|记不(?:清|得|住)|说不(?:好|清|准)|不好说|忘了"),
    "en": re.compile(r"\b(?:remember|recall|not sure|no idea|don't know|couldn't say|can't say|hard to say)\b"),
}
_BARE_YES = {
    "zh": re.compile(r"^(?:嗯|哦|噢|啊|对|好)+[。！!，,\s]*$"),
    "en": re.compile(r"^(?:mm-?hmm?|uh-?huh|ok|okay)\W*$"),
}
_NEGATIVE_QUESTION = {
    "zh": re.compile(r"(?:没有?|不)[^，,。吗?？]*(?:吧|对吧|是吧|对吗)\W*$"),
    "en": re.compile(
        r"\b(?:no|not|never|haven't|hasn't|don't|didn't|doesn't|isn't|aren't)\b[^.?]*,?"
        r" (?:right|have you|do you|did you|is it|are you)\W*$"
    ),
}


def reply_of(text: str, language: str, *, asked: str = "") -> Reply | None:
    """Whether a lower-case reply says yes or no; None where it says neither, both, or the question was put in the
    negative: nobody knows what "yes" means after "you have no pain, right?".
    """
    if asked and _NEGATIVE_QUESTION[language].search(asked):
        return None
    if _UNKNOWN[language].search(text):
        return None
    if _BARE_YES[language].match(text):
        return Reply.YES
    rest = _FILLER[language].sub("", text)
    no, yes = _NO[language].match(rest), _YES[language].match(rest)
    if no:
        return Reply.NO
    if yes is None:
        return None
    # "是的, 没有" and "yes, no": said in one breath they take each other back.
    return None if _TAKEN_BACK[language].search(rest[yes.end() :]) else Reply.YES
