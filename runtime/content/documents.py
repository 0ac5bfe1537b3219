"""What every content file is made of: the head with version, status and source; wordings; the error in words."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ContentError(Exception):
    """A content file cannot be used; the text names the file, the place and what is wrong."""


class Strict(BaseModel):
    """A part of a content file; a field that nobody knows is refused, so that a slip of the pen is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(Strict):
    """What every content file begins with: name, version, whether somebody has signed it, where it comes from."""

    id: str
    version: int = Field(ge=1)
    status: Literal["draft", "active"]
    source: str = Field(min_length=3)


class Wording(Strict):
    """One text in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in `language`, English where there is no other."""
        return self.zh if language == "zh" else self.en
