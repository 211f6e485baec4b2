"""Reads YAML with every number, date and boolean left as the text it was written as.

0.0075 must stay 0.0075, and the code 007 or no must stay text: which type a value has,
the schema decides. Only ``null`` and ``~`` are values of their own (None).
"""

from pathlib import Path
from typing import Any, Final

import yaml

MAX_BYTES: Final = 32 * 1024 * 1024

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_AS_WRITTEN: Final = ("bool", "int", "float", "timestamp")


class YamlUnreadableError(ValueError):
    """The file is not YAML, or not to be trusted as such; says where."""


def read_yaml(path: Path) -> Any:
    """The file's content: dicts, lists, texts and None. Raises YamlUnreadableError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise YamlUnreadableError(f"is larger than {MAX_BYTES >> 20} MiB")
        return parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise YamlUnreadableError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise YamlUnreadableError(f"is not UTF-8: {error}") from error


def parse_yaml(text: str) -> Any:
    """As ``read_yaml``, from a text."""
    try:
        return yaml.load(text, _TextLoader)  # noqa: S506 - a safe loader's subclass
    except yaml.YAMLError as error:
        raise YamlUnreadableError(f"is not YAML: {' '.join(str(error).split())}") from (
            error
        )
    except RecursionError as error:
        raise YamlUnreadableError("is nested too deeply") from error


class _TextLoader(_Loader):  # type: ignore[misc]  # the C loader has no types
    """Texts only, and no key twice."""


def _as_written(loader: Any, node: Any) -> str:
    return str(node.value)


def _without_repeats(loader: Any, node: Any) -> Any:
    """A mapping in two steps, so that one may refer to itself; refuses a key twice."""
    result: dict[Any, Any] = {}
    yield result
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key that is not a text", key.start_mark
            )
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands twice", key.start_mark
            )
        seen.add(key.value)
    result.update(loader.construct_mapping(node))


for _name in _AS_WRITTEN:
    _TextLoader.add_constructor(f"tag:yaml.org,2002:{_name}", _as_written)
_TextLoader.add_constructor("tag:yaml.org,2002:map", _without_repeats)
