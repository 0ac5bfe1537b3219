"""content/screening.yaml: the figures of screening that a site may change, checked before any call is made."""

from dataclasses import fields
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runtime.content.documents import ContentError
from telephony.screening.rules import ScreeningRules


class ScreeningFile(BaseModel):
    """The file. With `enabled` false nobody is screened, and automated calls speak at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    version: int = Field(ge=1)
    status: Literal["draft", "active"]
    source: str = Field(min_length=3)
    enabled: bool
    rules: ScreeningRules

    @field_validator("rules", mode="before")
    @classmethod
    def _known(cls, rules: object) -> object:
        known = {rule.name for rule in fields(ScreeningRules)}
        unknown = sorted(set(rules) - known) if isinstance(rules, dict) else []
        if unknown:
            raise ValueError(f"there is no figure called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        return rules


def load_screening(path: Path) -> ScreeningFile:
    """The file's content; ContentError names the field and what is wrong with it."""
    try:
        return ScreeningFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}: {error}; SUIFANG_CONTENT_DIR must name the content folder") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ContentError(f"{path}: {faults}; docs/screening.md tells what each figure means") from error
