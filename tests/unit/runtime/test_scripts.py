"""What an agent says first begins with the recording notice, and tells nothing of the patient's being in care."""

import pytest

from runtime.content.documents import Wording
from runtime.content.library import Content
from runtime.content.scripts import Script, ScriptLine
from runtime.settings import REPOSITORY

SCRIPTS = Content(REPOSITORY / "content").scripts


def test_every_shipped_script_says_the_recording_and_how_to_refuse_it_first() -> None:
    assert "opening" in SCRIPTS
    for script in SCRIPTS.values():
        notice = script.lines[0].text
        assert "录音" in notice.zh
        assert "recorded" in notice.en
        assert ("不同意" in notice.zh, "agree" in notice.en) == (True, True)


def test_a_script_without_the_notice_first_is_refused() -> None:
    line = ScriptLine(key="identity", text=Wording(zh="您好", en="hello"))
    with pytest.raises(ValueError, match="first line is the recording notice"):
        Script(id="x", version=1, status="draft", source="tests", unrecorded_notice=line.text, lines=(line,))
