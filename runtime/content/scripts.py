"""content/scripts: what an agent says first, word for word."""

from pydantic import Field, model_validator

from runtime.content.documents import Head, Strict, Wording


class ScriptLine(Strict):
    """One thing to say."""

    key: str
    text: Wording


class Script(Head):
    """What an agent says word for word at the beginning of a call; the recording notice comes first."""

    lines: tuple[ScriptLine, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _notice_first(self) -> "Script":
        if self.lines[0].key != "notice":
            raise ValueError(f"script {self.id}: its first line is the recording notice, with the key notice")
        return self
