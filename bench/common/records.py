"""Records that refuse unknown keys, and YAML files that refuse a key given twice."""

from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class Frozen(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _OneOfEach(yaml.SafeLoader):
    """Refuses a key that is there twice: of two variants with one name the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        # a key that is a list or a mapping is refused below
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [key for key, count in keys.items() if count > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} is there twice")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping. Raises ValueError with the file's name when it is none."""
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), _OneOfEach)
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value or {}, dict):
        raise ValueError(f"{path}: expected a mapping, got {type(value).__name__}")
    return value or {}


R = TypeVar("R", bound=BaseModel)


def read_record(kind: type[R], path: Path) -> R:
    """A YAML file as a record. Raises ValueError with one line: file, place, problem."""
    try:
        return kind.model_validate(read_yaml(path))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"{path}: {place and f'{place}: '}{problem['msg']}") from error
