"""What the agent asked or repeated last, and whether a reply affirms it: grammar of two languages, nothing clinical."""

import re

_AFFIRMED = {
    "zh": re.compile(
        r"(?:嗯|呃|啊|哦|唉|哎)*[，,、。\s]*(?:有(?!没)|是(?!不)|对(?!不)|会(?!不)|经常|偶尔|常常|一直|还是|还有|还疼|还痛|还喘|还会|疼|痛|有时|时不时|老是|想过)"
        r"|嗯[，,。\s]*$"
    ),
    "en": re.compile(
        r"(?:(?:um|uh|well|oh)\W+)*(?:yes|yeah|yep|yup|i do|i have|i did|it does|it has|it is|it still|still"
        r"|sometimes|a little"
        r"|a bit|a few times|quite often|often|all the time|unfortunately)\b"
    ),
}
_TAKEN_BACK = {
    "zh": re.compile(r"没有|没什么|不(?:疼|痛|喘|晕|会|是)"),
    "en": re.compile(r"\b(?:no|not|never|none|nothing|fine)\b|n't\b"),
}
_QUESTION = {
    "zh": re.compile(r"[吗嘛么?？]|有没有|([一-鿿])不\1|还(?:疼|痛|喘|晕)不|吧\W*$"),
    "en": re.compile(r"\?|\b(?:any|do you|have you|did you|are you|is there|does|is your|still)\b"),
}
_CONFIRMED = {
    "zh": re.compile(
        r"(?:嗯|呃|啊|哦|唉|哎|[，,、。\s])*(?:有的?|对的?|对[啊呀]|是的?|是[啊呀]|没错|都有|会的?)(?:[，,。！!\s是的对啊呀]*)$"
    ),
    "en": re.compile(
        r"(?:(?:um|uh|well|oh)\W+)*(?:yes|yeah|yep|yup|correct|right|exactly|both|i do|i have|i did|that's"
        r" (?:right|correct|true))(?:\W+(?:yes|yeah|that's|it is|it's|right|correct|true|i do|i did|i have|sir|ma'am"
        r"|doctor|exactly))*\W*$"
    ),
}
_RECAP = {
    "zh": re.compile(
        r"所以|也就是说|就是说|您是说|你是说|您说您|您刚才说|刚才您说|确认一下|核对一下|重复一下|总结一下|我记一下"
    ),
    "en": re.compile(
        r"\b(?:so|you said|you're saying|you are saying|you told|you're telling"
        r"|let me (?:confirm|repeat|recap|check))\b"
    ),
}
_TOLD_TO_DO = {
    "zh": re.compile(
        r"如果|要是|一旦|万一|假如|的话|打(?:120|一二零|幺二零|电话|急救)|急救电话|随时|马上|立即|及时|赶紧|尽快"
    ),
    "en": re.compile(r"\b(?:if|call|come in|go to|should|in case|whenever|right away|immediately)\b"),
}
"""What to do when it comes is no sign that it is there."""
_BARE_TAG = {
    "zh": re.compile(r"^\W*(?:是吗|对吗|对吧|是吧|对不对|是不是|是这样吗|是这样吧|没错吧)\W*$"),
    "en": re.compile(r"^\W*(?:is that (?:right|correct|so|true)|right|correct|am i right|did i get that right)\W*$"),
}
_TAGGED = {
    "zh": re.compile(r"(?:对|是|可以|行|好)?吧\W*$|对吗\W*$|对不对\W*$|好吗\W*$|行吗\W*$"),
    "en": re.compile(r"\b(?:right|okay|ok|correct)\W*$"),
}
_ADVISED = {
    "zh": re.compile(
        r"(?:如果|要是|一旦|万一|假如|出现).*(?:知道|明白|清楚|记住|记得|了解|听懂|好|可以|行)(?:了)?(?:吗|吧|没|没有|不)\W*$"
    ),
    "en": re.compile(r"\bif\b.*\b(?:okay|ok|all right|alright|understand|understood|got it|clear|remember)\W*$"),
}


def is_affirmed(answer: str, language: str) -> bool:
    """Whether a reply begins with a yes that its first clause does not take back."""
    opening = re.split("[，,。.;；]", answer)[0]
    return _AFFIRMED[language].match(answer) is not None and not takes_back(opening, language)


def takes_back(words: str, language: str) -> bool:
    """Whether words deny something."""
    return _TAKEN_BACK[language].search(words) is not None


def is_plain_yes(answer: str, language: str) -> bool:
    """Whether a reply says yes and nothing else: the question's own words are what is affirmed."""
    return _CONFIRMED[language].match(answer) is not None


def is_advice(asked: str, language: str) -> bool:
    """Whether a sentence asks only if advice was understood: 如果胸痛就打120, 知道吗."""
    return _ADVISED[language].search(asked) is not None or (
        _TAGGED[language].search(asked) is not None and _TOLD_TO_DO[language].search(asked) is not None
    )


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in re.split(r"(?<=[。！？.!?])", text) if sentence.strip()]


def recap_in(text: str, language: str) -> str | None:
    """What the agent repeats to have it confirmed: 所以您是胸口痛, 对吧."""
    sentences = _sentences(text)
    tagged = len(sentences) > 1 and _BARE_TAG[language].match(sentences[-1]) is not None
    said = sentences[-2 if tagged else -1 :]
    whole = " ".join(said)
    if _TOLD_TO_DO[language].search(whole):
        return None
    return whole if said and (tagged or _RECAP[language].search(whole)) else None


def last_question(text: str, language: str) -> str | None:
    """The question a turn of the agent ends with; 痛不痛 is put as 痛."""
    last = _sentences(text)[-1:]
    if not last or _BARE_TAG[language].match(last[0]) or not _QUESTION[language].search(last[0]):
        return None
    return _A_NOT_A.sub(r"\1", last[0])


_A_NOT_A = re.compile(r"([一-鿿])不\1")
