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
    unrecorded_notice: Wording  # said in the place of the notice when nothing is recorded

    @model_validator(mode="after")
    def _notice_first(self) -> "Script":
        if self.lines[0].key != "notice":
            raise ValueError(f"script {self.id}: its first line is the recording notice, with the key notice")
        return self

    def as_said(self, *, recorded: bool) -> "Script":
        """The script of one call: where nothing is recorded its first line says so."""
        if recorded:
            return self
        first = ScriptLine(key=self.lines[0].key, text=self.unrecorded_notice)
        return self.model_copy(update={"lines": (first, *self.lines[1:])})
