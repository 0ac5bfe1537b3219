"""The shelf of prompts: `content/prompts/prompts.yaml` and the WAV files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

LIST_NAME = "prompts.yaml"


class PromptError(ValueError):
    """A prompt list that cannot be read; the text names the file and what to mend."""


class PromptStatus(StrEnum):
    """Whether a person of the hospital has heard and approved a prompt."""

    DRAFT = "draft"
    APPROVED = "approved"


class Prompt(BaseModel):
    """One spoken text and where its sound comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    text: str = Field(min_length=1)
    voice: str
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    source: str = Field(min_length=1)
    license: str = Field(min_length=1)
    version: int = Field(ge=1)
    status: PromptStatus

    @property
    def file(self) -> Path:
        """Where its WAV lies inside the folder of the list."""
        return Path(self.language) / f"{self.key}.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptShelf:
    """All prompts of a content folder; it is what `followup.ports.Voice` asks for."""

    folder: Path
    prompts: tuple[Prompt, ...]

    def prompt(
        self,
        key: str,
        language: str,
        values: Mapping[str, str] | None = None,  # noqa: ARG002
        *,
        slow: bool = False,  # noqa: ARG002
    ) -> Path:
        """The WAV of a prompt, the same whatever the values; KeyError says which prompt or file is missing."""
        for prompt in self.prompts:
            if (prompt.key, prompt.language) == (key, language):
                path = self.folder / prompt.file
                if not path.is_file():
                    raise KeyError(f"prompt {key!r} in {language!r} has no file {path}; render or record it")
                return path
        raise KeyError(f"no prompt {key!r} in {language!r} in {self.folder / LIST_NAME}; add it there")

    def expect(self, keys: tuple[str, ...], language: str, values: Mapping[str, str]) -> None:
        """Every prompt lies there already."""

    def text(self, key: str, language: str) -> str:
        """What a prompt says; KeyError says which is missing."""
        for prompt in self.prompts:
            if (prompt.key, prompt.language) == (key, language):
                return prompt.text
        raise KeyError(f"no prompt {key!r} in {language!r} in {self.folder / LIST_NAME}; add it there")


def load_prompts(folder: Path) -> PromptShelf:
    """Read `prompts.yaml` of the folder; `source` and `license` at its top hold for every prompt without its own."""
    path = folder / LIST_NAME
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        shared = {"source": content["source"], "license": content["license"]}
        prompts = tuple(Prompt.model_validate(shared | entry) for entry in content["prompts"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValidationError) as error:
        raise PromptError(f"{path} cannot be used: {error}; mend that entry") from error
    names = [prompt.file for prompt in prompts]
    doubled = sorted({str(name) for name in names if names.count(name) > 1})
    if doubled:
        raise PromptError(f"{path} has more than one entry for {', '.join(doubled)}; keep one of each")
    return PromptShelf(folder=folder, prompts=prompts)
