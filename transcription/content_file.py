"""A YAML file of clinical content as a typed value."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from runtime.content.documents import ContentError

Content = TypeVar("Content", bound=BaseModel)


def read_content(path: Path, kind: type[Content]) -> Content:
    """The file's content; ContentError names the file, the place in it and what is wrong there."""
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ContentError(f"{path}: {error.strerror}; SUIFANG_CONTENT_DIR must name the content folder") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}: this is no YAML text: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise ContentError(f"{path}: {faults}") from error
