"""What only a machine or a network says is found in a transcript, misheard homophones too; what people say is not."""

from pathlib import Path

import pytest

from benchmarks.render_answers import AnswerText, answer_texts
from followup.calls import Announcement
from runtime.content.documents import ContentError
from transcription.answer_phrases import load_answer_phrases, phrase_in

FILE = Path(__file__).parents[3] / "content" / "answer_phrases.yaml"
PHRASES = load_answer_phrases(FILE)


@pytest.mark.parametrize("said", answer_texts(), ids=lambda said: f"{said.kind}-{said.language}-{said.text[:12]}")
def test_what_machines_say_is_found_with_what_it_means(said: AnswerText) -> None:
    found = phrase_in(said.text, PHRASES)
    assert found is not None
    assert found.announcement == (None if said.says == "machine" else Announcement(said.says))


@pytest.mark.parametrize(
    ("heard", "announcement"),
    [
        ("對不起 您撥打的號碼是空號", Announcement.EMPTY_NUMBER),  # traditional, as the model may write
        ("对不起您所拨打的电话以关机", Announcement.SWITCHED_OFF),  # homophones
        ("您拨打的电话暂时无法接通,请稍候再拨", Announcement.OUT_OF_REACH),
        ("The number you have dialed is not in service", Announcement.EMPTY_NUMBER),
    ],
)
def test_the_models_spelling_does_not_matter(heard: str, announcement: Announcement) -> None:
    found = phrase_in(heard, PHRASES)
    assert found is not None
    assert found.announcement is announcement


@pytest.mark.parametrize(
    "said",
    [
        "喂", "喂你好", "喂 你好 哪位", "你好我是李秀英的女儿", "你找谁啊", "喂听不清楚你再说一遍",
        "我现在在开车", "我在外面买菜呢",
        "hello", "hello who is this", "yes speaking", "hi this is tom", "sorry I am driving can you call me later", "",
    ],
)  # fmt: skip
def test_what_people_say_is_no_machine(said: str) -> None:
    assert phrase_in(said, PHRASES) is None


def test_a_wrong_code_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "answer_phrases.yaml"
    wrong.write_text(FILE.read_text().replace("says: empty_number", "says: empty"))
    with pytest.raises(ContentError, match="phrases"):
        load_answer_phrases(wrong)
