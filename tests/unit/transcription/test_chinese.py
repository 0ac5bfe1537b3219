"""One spelling for Chinese text."""

from transcription.chinese import to_simplified


def test_traditional_characters_become_simplified() -> None:
    assert to_simplified("享受著涼爽的秋風，胸口悶痛，著名的醫生") == "享受着凉爽的秋风，胸口闷痛，著名的医生"


def test_what_is_simplified_stays() -> None:
    assert to_simplified("那么您什么时候来，怎么吃药，享受著名的秋风") == "那么您什么时候来，怎么吃药，享受著名的秋风"
    assert to_simplified("什麼時候，幺三八") == "什么时候，幺三八"
