"""Whether a sign is said of the patient and of now: not denied, not of somebody else, not past, not only supposed.

Grammar of two languages, nothing clinical; what counts in spite of it (a wish to die, however long ago) is content.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Told(StrEnum):
    """How a sign is spoken of."""

    PRESENT = "present"
    DENIED = "denied"
    OF_OTHERS = "of_others"
    OTHERS_NOW = "others_now"  # a relative's, right now: it may be the patient, for whom somebody took the phone
    PAST = "past"
    SUPPOSED = "supposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """A hit and what stands around it in its sentence."""

    before: str
    hit: str
    after: str


def told(text: str, start: int, end: int, language: str, *, by_relative: bool) -> Told:
    """How the words from `start` to `end` are spoken of in a patient's turn (in small letters, plain apostrophes)."""
    text = without_comparison(text, language)
    stops = _STOPS[language]
    opens = max((match.end() for match in stops.finditer(text, 0, start)), default=0)
    closes = stops.search(text, end)
    sentence = _Sentence(
        before=text[opens:start], hit=text[start:end], after=text[end : closes.end() if closes else len(text)]
    )
    rest = text[closes.end() :] if closes else ""
    judge = _told_in_chinese if language == "zh" else _told_in_english
    return judge(sentence, rest, by_relative)


_NEVER_LIKE_THIS = {
    "zh": re.compile(
        r"(?:从来|从|一辈子|这辈子|以前|过去)(?:都|也|还)?没(?:有)?(?=[^,，。！？]{0,8}(?:这么|这样|如此))"
    ),
    "en": re.compile(
        r"\bnever\b(?=[^.?!,;]{0,40}\b(?:like this"
        r"|(?:this|so) (?:bad|badly|severe|strong|much|hard|painful|tight|short|sick|weak))\b)"
    ),
}
"""The worst there ever was: no denial."""
_OFTEN = {"zh": "的", "en": "~"}


def without_comparison(text: str, language: str) -> str:
    """A text of the same length in which "never like this" denies nothing."""
    return _NEVER_LIKE_THIS[language].sub(lambda match: _OFTEN[language] * len(match.group()), text)


_STOPS = {"zh": re.compile("[。！!；;]|[？?](?=.{8})"), "en": re.compile(r"[.!?;](?=\s|$)")}

# --- Chinese

_ZH_NO = re.compile(
    r"(?<![是有会能])(?:没有|没|无(?!力)|未|(?<!要)(?<!难道)不是|怎么会|怎么可能|哪会|谁会|并非|不曾|不会|不(?!是|停|断|敢|如|知道|舒服|光|只|但|仅|得|过是|了)|别)"
    r"(?:再|出现|发生|感觉|感到|觉得|什么|任何|过|太|怎么|明显|是|会|有|到|得|说|特别|想|要|去|那么|很|一点|这种|那种|那些"
    r"|这些|那个|的|啥|犯|起|像|所谓|自己|又|老|一直|经常|能|用|往|见|吃|喝)*$"
)
_ZH_LISTED = re.compile(
    r"(?<![是有会能])(?:没有|没|无|未|否认)(?:[一-鿿]{1,7}(?:、|或者|或|和|跟|以及|及))+(?:[一-鿿]{0,3}(?:没有|没))?$"
)
_ZH_LATER_NO = re.compile(
    r"^(?:的)?(?:感觉|症状|情况|现象|毛病|反应|也好|什么的|基本|基本上|全|完全|彻底|慢慢|大部分|这种事|这些事|这事|这些|那些|这种|我|都|也|早|已经|就|倒|倒是|是|了|啊|呀|吗|嘛"
    r"|么|呢|吧|[,，、？?\s])*(?:那|这|真|倒|可|都|也|就|我|想都|从来|早就|现在|一点都|反正|(?:没有|没)(?=[没不]))*"
    r"(?:(?:没有|没)(?=$|[,，。！!？?\s啊呀呢哦嗯]|过|了|的|没|这|那|想|发生|出现|犯|再|[一-鿿]{0,2}我)|没了|不是(?=$|[,，。])"
    r"|不[疼痛闷喘晕吐肿黑黄麻歪呛怕](?:了|$|[,，。])|好了|好多了|消失|不见了|止住|停了|缓解了|退了|过去了|没事了?)"
)
_ZH_NOT_PAINFUL = re.compile("(?<![疼痛])不[疼痛闷晕麻肿]$")
_ZH_LISTED_NONE = re.compile(
    r"^(?:[、和跟与及或]?[^我你他她药人谁钱饭连得觉,，。！!？?;；]){0,14}(?:全|这些|统统)?[都也](?:没有|没)(?:出现|发生|有)?(?:过)?"
    r"(?=$|[,，。！!？?\s啊呀呢哦的了])"
)
_ZH_NO_DENIAL = re.compile(
    r"(?:不能|不敢|不好|谁|怎么能|哪能|不可以)说(?:我|是|就|完全|一点)*(?:没有|没|不)[一-鿿]{0,4}$"
)
_ZH_I_SAID_NO = re.compile(r"^[,，]?(?:我)?(?:就|都|跟他|跟她)?说(?:过)?(?:不是|没有|没|不(?=$|[,，]))")
_ZH_RELATIVES = (
    "爱人|老公|老婆|丈夫|妻子|媳妇|老伴|爸爸|爸|妈妈|妈|父亲|母亲|爷爷|奶奶|外公|外婆|姥姥|姥爷|哥哥|哥|姐姐|姐|弟弟|弟|妹妹|妹"
    "|嫂子|嫂|大姨|小姨|姨|姑姑|姑|叔叔|叔|大伯|舅舅|舅|婆婆|公公|岳父|岳母|丈母娘|儿子|女儿|闺女|孙子|孙女|外孙|侄子|家里老人"
)
_ZH_OTHERS = re.compile(
    rf"(?:{_ZH_RELATIVES}|邻居|同事|朋友|同学|老乡|隔壁|同屋|同病房|病友|亲戚|有个人|有人|那个人|电视|新闻|别人|人家|老头|老太太|老人家"
    r"|领导|老板|病人|患者|病号|大姐|大哥|大爷|大妈|阿姨|小伙子|姑娘)(?!说|叫|让|问|给|带|陪|送|劝|要|看|帮|告诉|发现|担心|都说)"
)
_ZH_RELATIVE_NOW = re.compile(rf"(?:{_ZH_RELATIVES}).*(?:刚才|刚刚|现在|正在|这会儿|今天|一直叫不醒)")
_ZH_SELF = re.compile(rf"我(?!的?(?:{_ZH_RELATIVES}|邻居|同事|朋友|同学|亲戚|隔壁|们家|领导|老板))|自己|本人|咱")
_ZH_PAST = re.compile(
    r"(?<![跟和像比同与])(?:(?:做手术|手术|住院|得病|发病|开刀|生病|怀孕)(?:的)?那(?:阵子|会儿?|时候?|几天|阵)|以前|从前|曾经|当年|那年|那时候?|那会儿?|年轻(?:的)?时候|小时候|去年|前年|[\d一二三四五六七八九十两几]+年前"
    r"|(?:手)?术前|开刀前|住院(?:以|之)?前|住院(?:的)?(?:时候|期间|那几天)|出院(?:之|以)?前|做支架(?:以|之)?前|治疗前|吃药前|在医院(?:里|的时候)?)"
    r"(?!一样|没|从来没|那样|那种|不|多|更|差不多|相比)"
)
_ZH_PAST_BEFORE_NO = re.compile("(?:以前|从前)(?:从来)?(?:都)?没")
_ZH_NOW = re.compile(
    "今天|今早|今晚|现在|昨天|昨晚|昨夜|前天|最近|这几天|这两天|这阵子|这一阵|刚才|刚刚|又|还(?!没|好)|开始"
)
_ZH_NOW_BUT_GOOD = re.compile("(?:今天|现在|最近|这几天|还|又)[^,，]{0,4}(?:没|不|好|能|可以|恢复|正常|利索)")
_ZH_IF = re.compile("如果|要是|假如|假设|万一|倘若|若是|一旦")
_ZH_WHAT_THEN = re.compile(
    "怎么办|怎么|该|要不要|是不是|打|去医院|急诊|联系|来得及|就|再|可以|需要|算|回来|找你|通知|马上|赶紧|停药|能不能"
)
_ZH_SUPPOSED = re.compile(
    r"(?:是不是[^,，]{1,8}会|会不会|会引起|会导致|会造成|可能会|可能引起|容易引起|有可能|防止|预防|避免|什么叫|什么是|什么情况|哪些情况|怎么算|啥叫|啥是|所谓的?"
    r"|(?:您|你|您们|你们|刚才|大夫|医生|护士)?(?:说|问|讲)的(?:那个|这个)?|说明书|说明里|宣传册|手册|咒|副作用|网上|书上|听说|担心|害怕|(?<!我)怕(?!是|冷|热)"
    r"|(?:大夫|医生|护士|你们|您|你)(?:[一-鿿]{0,4}?)(?:问|说|讲|交代|嘱咐|提醒)(?:过|了)?我?(?:有没有|是不是|会不会|还有没有|如果|要是|一)"
    r")[^,，]{0,8}$"
)
_ZH_ASKS_MEANING = re.compile(r"^[^,，]{0,4}(?:是指|指的是|是什么|是啥|什么意思|怎么算|是哪)")
_ZH_LAST_YEARS = re.compile(
    "^(?:的)?(?:那次|那回|那事|那件事)?(?:都|也|还)?是(?:在)?(?:去年|前年|以前|过去|小时候|好多年前|好几年前|[0-9一二三四五六七八九十几]+年前)"
)
_ZH_IN_THAT_CASE = re.compile(
    "^[^,，]{0,3}的话|^(?:了)?我?(?:肯定|一定)(?:会|就|马上)*(?:打|来|去|找|联系)|^的时候(?:是不是|该|应该|要不要|能不能|可以|怎么)|^怎么办|^(?:了)?(?:要|该|应该)(?:怎么|打|找|去哪|不要|如何)"
)


def _told_in_chinese(at: _Sentence, rest: str, by_relative: bool) -> Told:
    clause = re.split("[,，、：: ]", at.before)[-1]
    if _ZH_NOT_PAINFUL.search(at.hit):
        return Told.DENIED  # 胸不痛 sounds like 胸部痛
    if (_ZH_NO.search(at.before) and not _ZH_NO_DENIAL.search(at.before)) or _ZH_LISTED.search(at.before):
        return Told.DENIED
    if _ZH_LISTED_NONE.match(at.after) or _ZH_LATER_NO.match(at.after) or _ZH_I_SAID_NO.match(at.after):
        return Told.DENIED
    if _supposed_in_chinese(at):
        return Told.SUPPOSED
    if not by_relative and _is_of_others(at.before, _ZH_OTHERS, _ZH_SELF):
        return Told.OTHERS_NOW if _ZH_RELATIVE_NOW.search(f"{at.before}{at.hit}{at.after}") else Told.OF_OTHERS
    if _ZH_LAST_YEARS.match(at.after):
        return Told.PAST
    past = list(_ZH_PAST.finditer(at.before))
    if past and not _ZH_NOW.search(at.before[past[-1].end() :]) and not _ZH_PAST_BEFORE_NO.search(at.before):
        later = at.after + rest
        if not _ZH_NOW.search(_ZH_NOW_BUT_GOOD.sub("", later)) or clause == "":
            return Told.PAST
    return Told.PRESENT


def _supposed_in_chinese(at: _Sentence) -> bool:
    if _ZH_SUPPOSED.search(at.before) or _ZH_ASKS_MEANING.match(at.after) or _ZH_IN_THAT_CASE.match(at.after):
        return True
    supposed = list(_ZH_IF.finditer(at.before))
    if not supposed:
        return False
    between = at.before[supposed[-1].end() :]
    # 如果走快了就胸痛 tells of a pain that is there; 如果胸痛怎么办 does not.
    return not re.search("[就便都]", between + at.hit) and (
        len(between) <= _NEAR or bool(_ZH_WHAT_THEN.search(at.after))
    )


_NEAR = 4

# --- English

_EN_NO = re.compile(
    r"(?:\b(?:no|not|never|without|nor|neither|denies|deny|nothing like|none of)|n't)"
    r"(?:\W+(?:any|had|have|having|felt|feel|feeling|been|be|a|an|the|really|more|new|signs?|of|to|get|got"
    r"|getting|at all"
    r"|noticed|seen|my|that|those|dark|experienced|experiencing|want|planning|thinking|thoughts?|about|even"
    r"|single|think"
    r"|thought|ever|actually|trouble|problems?|with|one|do|did|anything|go|going))*\W*$"
)
_EN_NO_DENIAL = re.compile(
    r"\b(?:not that|not like|not as if|can't say|cannot say|couldn't say|(?:wouldn't|would not)[^.?!]{0,30}\bif)\W+"
    r"(?:that\W+)?i\W+(?:don't|do not|didn't|did not|haven't|have no|had no)\b[^,;.]*$"
)
_EN_ECHOED = re.compile(r"^\W*(?:no(?! one\b)|nope|nah|never|none)\b")
_EN_LISTED = re.compile(
    r"\b(?:no|never|without|not|any)\b(?:\W+[\w']+){1,5}?\W+(?:or|nor|and|,)\W+(?:no\W+"
    r"|any\W+)?$"
)
_EN_LATER_NO = re.compile(
    r"^\W*(?:then|thing|stuff|pain|feeling|symptoms?)?\W*(?:is|are|has|have|was|that|it|it's|that's|they)?\W*"
    r"(?:(?:now|completely|already|long|just|finally|not been)\W+)*"
    r"(?:gone|went away|stopped|over now|over(?=\W*$)|better|cleared|cured|disappeared|never crossed|(?:no|not"
    r"|never)(?:\W*$|,|\W+(?:at all|anymore"
    r"|really|any more|now|since|once|again))|hasn't happened|isn't)\b"
)
_EN_NOT_GONE = re.compile(
    r"^\W*(?:\w+\W+){0,2}?(?:hasn't|isn't|won't|not|never|didn't|doesn't)\W+(?:gone|gone away|stopped|stop"
    r"|better|go|going|improved)"
)
_EN_I_SAID_NO = re.compile(r"^.{0,30}\b(?:i|and i) (?:said|told (?:him|her|them)) (?:no|not|i don't|i didn't|that i)")
_EN_RELATIVES = (
    "husband|wife|father|mother|dad|mom|mum|brother|sister|son|daughter|aunt|uncle|grandmother|grandfather|grandma"
    "|grandpa|cousin|in law|in-law|neighbou?r|colleague|coworker|friend|boss|roommate|partner|nephew|niece|kid"
    "|boyfriend|girlfriend|dog"
)
_EN_OTHERS = re.compile(
    rf"\b(?:my|our|his|her|the|a|an|some)\s+(?:\w+\s+){{0,2}}?(?:{_EN_RELATIVES}|lady|guy|man|woman"
    rf"|somebody)(?:'s)?\b"
    r"(?!\s+(?:says?|said|tells?|told|thinks?|noticed|called|drove|took|brought|wants?|gave|asked|makes?|made|saw"
    r"|found|had to|helped|is calling))"
    r"|\bon the news\b|\bon tv\b"
)
_EN_RELATIVE_NOW = re.compile(
    rf"\bmy (?:\w+ )?(?:{_EN_RELATIVES})\b.*\b"
    r"(?:just|right now|now|today|at the moment|this minute|won't wake|isn't waking)\b"
)
_EN_SELF = re.compile(rf"\b(?:i|i'm|i've|i'd|i'll|me|myself)\b|\bmy (?!(?:\w+\s+){{0,2}}?(?:{_EN_RELATIVES})\b)")
_EN_PAST = re.compile(
    r"\b(?:used to|(?:\w+ )?years? ago|last year|years back|back then|as a child|when i was (?:young|little"
    r"|a kid|in (?:the )?hospital)"
    r"|before (?:the|my) (?:surgery|operation|stent|treatment|procedure)|in (?:the )?hospital|in the past"
    r"|not since|never again"
    r"|but not now|, not now|not anymore)\b"
)
_EN_NOW = re.compile(
    r"\b(?:again|back today|came back|is back|today|now|still|this morning|tonight|last night|yesterday"
    r"|these days|lately)\b"
)
_EN_NOW_BUT_GOOD = re.compile(
    r"\b(?:not|never|but|n't|fine|good|okay|ok|it's all)\W+(?:\w+\W+){0,2}?(?:again|today|now|still|lately)\b"
    r"|\bnow\W+(?:it's|i'm|i am|it is|i can|i feel|everything)\b"
)
_EN_IF = re.compile(r"\b(?:if|in case|whether)\b")
_EN_WHAT_THEN = re.compile(
    r"\b(?:what if|should i|what should|what do i|what can i|which|who do|whom|told me to|said to|says to"
    r"|come back|go to|emergency"
    r"|call (?!\w+ing)|do i (?:call|go|need|have)|asked|would|let you know|can i call|ring)\b"
)
_EN_SUPPOSED = re.compile(
    r"\b(?:could (?:this|it|the|that|they)|can (?:it|this|the|they)\b(?!'t)|might|may (?:cause|make|lead)"
    r"|side effects?|leaflet|read (?:online|that|about)"
    r"|worr(?:y|ied) about(?!\s+(?:the|this|my|these)\b)"
    r"|worried (?:that )?i(?:'ll| will| might)|afraid of|scared of|afraid (?:i'll|i will"
    r"|i might)|what (?:does|is|are)|what's|the risk of|to (?:avoid|prevent)"
    r"|it can cause|can cause|asked (?:me )?(?:whether|if|about)|heard that|how (?:do|would"
    r"|will) i know)\b[^.?!]{0,40}$"
)


def _told_in_english(at: _Sentence, rest: str, by_relative: bool) -> Told:
    clause = re.split(r"[,;:]|\bbut\b|\bbecause\b", at.before)[-1]
    if _EN_NO_DENIAL.search(at.before):
        return Told.PRESENT
    if at.after.rstrip().endswith("?") and _EN_ECHOED.match(rest):
        return Told.DENIED  # "Chest pain? No." repeats what was asked
    if _EN_NO.search(clause) or _EN_LISTED.search(at.before):
        return Told.DENIED
    if not _EN_NOT_GONE.match(at.after) and (_EN_LATER_NO.match(at.after) or _EN_I_SAID_NO.match(at.after)):
        return Told.DENIED
    whole = f"{at.before}{at.hit}{at.after}"
    if _EN_SUPPOSED.search(at.before) or (_EN_IF.search(at.before) and _EN_WHAT_THEN.search(whole)):
        return Told.SUPPOSED
    if not by_relative and _is_of_others(at.before, _EN_OTHERS, _EN_SELF):
        return Told.OTHERS_NOW if _EN_RELATIVE_NOW.search(f"{at.before}{at.hit}{at.after}") else Told.OF_OTHERS
    is_past = _EN_PAST.search(at.before) or _EN_PAST.search(at.after)
    if is_past and not _EN_NOW.search(_EN_NOW_BUT_GOOD.sub("", f"{at.after} {rest}")):
        return Told.PAST
    return Told.PRESENT


# --- both


def _is_of_others(before: str, others: re.Pattern[str], self_words: re.Pattern[str]) -> bool:
    """Whose sign it is: of whom the sentence spoke last."""
    last_other = max((match.end() for match in others.finditer(before)), default=-1)
    last_self = max((match.end() for match in self_words.finditer(before)), default=-1)
    return last_other > last_self


_RELATIVE_SPEAKS = {
    "zh": re.compile(
        rf"我是(?:他|她|病人|患者|老人|[一-鿿]{{2,3}})的?(?:{_ZH_RELATIVES}|家属|家里人|护工|保姆)|我是家属|我替(?:他|她|我)"
    ),
    "en": re.compile(
        r"\b(?:i'm|i am|this is|it's|speaking for) (?:his|her|the patient's|my) "
        r"(?:wife|husband|son|daughter|father|mother|brother|sister|carer|caregiver|niece|nephew)"
    ),
}


def relative_speaks(text: str, language: str) -> bool:
    """Whether the speaker says to be somebody of the patient's family."""
    return _RELATIVE_SPEAKS[language].search(text) is not None
